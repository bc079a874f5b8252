"""The port: a thread with an event loop that serves HTTP and WebSockets, down and up again."""

import asyncio
import threading
import weakref
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from aiohttp import web

from tests.support.slack.connections import hang_up

T = TypeVar("T")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
LARGEST_UPLOAD = 64 * 1024 * 1024


class Serving:
    """`make_app` is called for every time that the port opens."""

    def __init__(self, make_app: Callable[[], web.Application]) -> None:
        self._make_app = make_app
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="slack", daemon=True)
        self._runner: web.AppRunner | None = None
        self._transports: weakref.WeakSet[asyncio.BaseTransport] = weakref.WeakSet()
        self.bugs: list[BaseException] = []
        """What went wrong in the stand-in itself; no test passes with one."""
        self.port = 0

    def start(self) -> None:
        self._thread.start()
        self.do(self.open())

    def stop(self, last: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self.do(self.shut())
        self.do(last())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def do(self, work: Coroutine[Any, Any, T], timeout_s: float = 20.0) -> T:
        """Run `work` in the loop and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout_s)

    def soon(self, act: Callable[[], None]) -> None:
        self._loop.call_soon_threadsafe(act)

    async def open(self) -> None:
        app = self._make_app()
        app.middlewares.append(self._remember)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.05)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()
        self.port = self._runner.addresses[0][1]

    async def shut(self) -> None:
        """Refuse connections, and reset those that are open."""
        if self._runner is None:
            return
        runner, self._runner = self._runner, None
        for site in list(runner.sites):
            await site.stop()
        for transport in list(self._transports):
            hang_up(transport)
        await runner.cleanup()

    @web.middleware
    async def _remember(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.transport is not None:
            self._transports.add(request.transport)
        try:
            return await handler(request)
        except (web.HTTPException, ConnectionError):
            raise
        except Exception as bug:
            self.bugs.append(bug)
            raise
