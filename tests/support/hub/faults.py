"""What goes wrong on demand, in the order in which it was asked for."""

import asyncio
import contextlib
import random
import threading
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from tests.support.hub.people import refusal
from tests.support.slack.connections import hang_up

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Fault = Callable[[web.Request, Handler], Awaitable[web.StreamResponse]]
PAGE = "<!DOCTYPE html><html><body>Bad gateway</body></html>"


class Faults:
    """One for each of the next requests whose path has `at` in it; `at` is empty for any.

    May be asked for from any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()  # protects _planned
        self._planned: list[tuple[str, Fault]] = []
        self._released = asyncio.Event()
        self._chance: random.Random | None = None
        self._rate = 0.0
        self.met = 0
        """How many there were."""

    def refuse(
        self,
        status: int,
        message: str = "Refused by the test",
        times: int = 1,
        *,
        at: str = "",
        code: str = "",
    ) -> None:
        """With the Hub's own shape of an error."""

        async def refused(_request: web.Request, _handler: Handler) -> web.StreamResponse:
            return refusal(status, message, code)

        for _ in range(times):
            self._plan(refused, at)

    def limit_rate(self, seconds: int, *, at: str = "") -> None:
        """429, and how long until there is room again."""

        async def limited(_request: web.Request, _handler: Handler) -> web.StreamResponse:
            found = refusal(429, "You have reached your limit of requests")
            found.headers["RateLimit"] = f'"api";r=0;t={seconds}'
            found.headers["RateLimit-Policy"] = '"fixed window";"api";q=1000;w=300'
            return found

        self._plan(limited, at)

    def say(
        self, value: Any, status: int = 200, times: int = 1, *, at: str = "", **headers: str
    ) -> None:
        """Any JSON, whatever was asked; `_` in the names of headers stands for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}

        async def said(_request: web.Request, _handler: Handler) -> web.StreamResponse:
            return web.json_response(value, status=status, headers=named)

        for _ in range(times):
            self._plan(said, at)

    def send_on(self, to: str, *, at: str = "", status: int = 307) -> None:
        """A redirect to the same path at another address."""

        async def sent_on(request: web.Request, _handler: Handler) -> web.StreamResponse:
            return web.Response(status=status, headers={"Location": f"{to}{request.path_qs}"})

        self._plan(sent_on, at)

    def drip(
        self, piece: bytes, times: int, every_s: float = 0.0, *, at: str = "", **headers: str
    ) -> None:
        """Content whose size is not told, in pieces; the headers are as in `say`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}

        async def dripped(request: web.Request, _handler: Handler) -> web.StreamResponse:
            slow = web.StreamResponse(headers=named)
            await slow.prepare(request)
            with contextlib.suppress(ConnectionError):  # nobody wants the rest
                for _ in range(times):
                    await slow.write(piece)
                    await asyncio.sleep(every_s)
            return slow

        self._plan(dripped, at)

    def stall(self, *, at: str = "") -> None:
        """Half of the answer, and the rest after `release`."""

        async def stalled(request: web.Request, handler: Handler) -> web.StreamResponse:
            half, rest = await _begun(request, handler)
            await self._released.wait()
            with contextlib.suppress(ConnectionError):  # nobody waits for it any more
                await half.write(rest)
            return half

        self._plan(stalled, at)

    def page(self, status: int = 200, *, at: str = "") -> None:
        """A page, with status 200 as a gateway gives it that wants somebody to sign in."""

        async def paged(_request: web.Request, _handler: Handler) -> web.StreamResponse:
            return web.Response(status=status, text=PAGE, content_type="text/html")

        self._plan(paged, at)

    def hang(self, times: int = 1, *, at: str = "") -> None:
        """Take all that is sent, say nothing until `release`, then do it and answer: also when
        nobody waits for that any more.
        """

        async def hung(request: web.Request, handler: Handler) -> web.StreamResponse:
            await request.read()
            await self._released.wait()
            return await handler(request)

        for _ in range(times):
            self._plan(hung, at)

    async def release(self) -> None:
        """Answer those that hang; others hang until the next time."""
        self._released.set()
        self._released = asyncio.Event()

    def cut(self, *, at: str = "") -> None:
        """Reset the connection in the middle of the answer."""

        async def halved(request: web.Request, handler: Handler) -> web.StreamResponse:
            half, _ = await _begun(request, handler)
            hang_up(request.transport)
            return half

        self._plan(halved, at)

    def drop(self, *, at: str = "") -> None:
        """Reset the connection before anything was done."""
        self._plan(_drop, at)

    def lose_answer(self, *, at: str = "") -> None:
        """Do what was asked, and reset the connection instead of saying so."""
        self._plan(_lose, at)

    def at_random(self, rate: float, seed: int) -> None:
        """From now on so many of all requests fail, each in a way drawn by lot."""
        with self._lock:
            self._chance, self._rate = random.Random(seed), rate

    def end(self) -> None:
        """No more of them."""
        with self._lock:
            self._planned.clear()
            self._chance = None

    def next(self, path: str) -> Fault | None:
        with self._lock:
            for number, (at, fault) in enumerate(self._planned):
                if at in path:
                    del self._planned[number]
                    self.met += 1
                    return fault
            if self._chance is None or self._chance.random() >= self._rate:
                return None
            self.met += 1
            return self._chance.choice(_BY_LOT)

    def _plan(self, fault: Fault, at: str) -> None:
        with self._lock:
            self._planned.append((at, fault))


async def _begun(request: web.Request, handler: Handler) -> tuple[web.StreamResponse, bytes]:
    """An answer of which half was sent, and the rest of it."""
    whole = await handler(request)
    assert isinstance(whole, web.Response), "only what is sent as a whole can be halved"
    body = whole.body
    assert isinstance(body, bytes)
    kept = {name: value for name, value in whole.headers.items() if name != "Content-Type"}
    half = web.StreamResponse(headers={**kept, "Content-Length": str(len(body))})
    await half.prepare(request)
    await half.write(body[: len(body) // 2])
    return half, body[len(body) // 2 :]


async def _drop(request: web.Request, _handler: Handler) -> web.StreamResponse:
    return _gone(request)


async def _lose(request: web.Request, handler: Handler) -> web.StreamResponse:
    await handler(request)
    return _gone(request)


async def _fail(_request: web.Request, _handler: Handler) -> web.StreamResponse:
    return refusal(500, "Internal Error - We're working hard to fix this as soon as possible!")


async def _gateway(_request: web.Request, _handler: Handler) -> web.StreamResponse:
    return web.Response(status=502, text=PAGE, content_type="text/html")


async def _fail_late(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A gateway that lost patience with what was done in the end."""
    await handler(request)
    return web.Response(status=504, text=PAGE, content_type="text/html")


async def _limit(_request: web.Request, _handler: Handler) -> web.StreamResponse:
    found = refusal(429, "You have reached your limit of requests")
    found.headers["Retry-After"] = "0"
    return found


_BY_LOT: tuple[Fault, ...] = (_drop, _lose, _fail, _gateway, _fail_late, _limit)


def _gone(request: web.Request) -> web.StreamResponse:
    hang_up(request.transport)
    return web.Response()
