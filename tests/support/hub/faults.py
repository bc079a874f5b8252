"""What goes wrong on demand, in the order in which it was asked for."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from aiohttp import web

from tests.support.slack.connections import hang_up

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Fault = Callable[[web.Request, Handler], Awaitable[web.StreamResponse]]
PAGE = "<!DOCTYPE html><html><body>Bad gateway</body></html>"


class Faults:
    """One for each of the next requests to a path under `/api`."""

    def __init__(self) -> None:
        self._planned: deque[Fault] = deque()
        self._released = asyncio.Event()

    def refuse(self, status: int, message: str = "Refused by the test", times: int = 1) -> None:
        """With the Hub's own shape of an error."""

        async def refused(_request: web.Request, _handler: Handler) -> web.StreamResponse:
            return refusal(status, message)

        self._planned.extend([refused] * times)

    def limit_rate(self, seconds: int) -> None:
        """429, and how long until there is room again."""

        async def limited(_request: web.Request, _handler: Handler) -> web.StreamResponse:
            found = refusal(429, "You have reached your limit of requests")
            found.headers["RateLimit"] = f'"api";r=0;t={seconds}'
            found.headers["RateLimit-Policy"] = '"fixed window";"api";q=1000;w=300'
            return found

        self._planned.append(limited)

    def page(self) -> None:
        """A page with status 200, as a gateway gives that wants somebody to sign in."""

        async def paged(_request: web.Request, _handler: Handler) -> web.StreamResponse:
            return web.Response(text=PAGE, content_type="text/html")

        self._planned.append(paged)

    def hang(self) -> None:
        """Say nothing until `release`, then answer."""

        async def hung(request: web.Request, handler: Handler) -> web.StreamResponse:
            await self._released.wait()
            return await handler(request)

        self._planned.append(hung)

    async def release(self) -> None:
        """Answer those that hang."""
        self._released.set()

    def cut(self) -> None:
        """Reset the connection in the middle of the answer."""

        async def halved(request: web.Request, handler: Handler) -> web.StreamResponse:
            whole = await handler(request)
            assert isinstance(whole, web.Response), "only what is sent as a whole can be halved"
            body = whole.body
            assert isinstance(body, bytes)
            half = web.StreamResponse(headers={"Content-Length": str(len(body))})
            await half.prepare(request)
            await half.write(body[: len(body) // 2])
            hang_up(request.transport)
            return half

        self._planned.append(halved)

    def next(self) -> Fault | None:
        return self._planned.popleft() if self._planned else None


def refusal(status: int, message: str) -> web.Response:
    """An error as the Hub writes it."""
    return web.json_response(
        {"error": message}, status=status, headers={"X-Error-Message": message}
    )
