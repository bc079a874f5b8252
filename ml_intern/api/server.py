"""Serving an app at a Unix socket, in a thread of its own.

uvicorn does the serving; who listens where, and how long an end may take, is decided here.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from socket import socket

import uvicorn
from starlette.applications import Starlette

from ml_intern.api.bounds import Bounds
from ml_intern.api.listener import Listener
from ml_intern.api.protocol import BoundedProtocol
from ml_intern.api.stream import set_within
from ml_intern.errors import ApiError

log = logging.getLogger(__name__)

STOP_S = 5.0
TICK_S = 1.0
"""How old the date in an answer may be."""
_LAST_S = 2.0


class ApiServer:
    """For the thread that starts it. Signals are none of its business."""

    def __init__(self, app: Starlette, socket_path: Path, bounds: Bounds | None = None) -> None:
        bounds = bounds or Bounds()
        self._app = app
        self._path = socket_path
        self._server = _Server(
            uvicorn.Config(
                app,
                loop="asyncio",
                # It is only ever called, so that it need not be a class.
                http=partial(BoundedProtocol, bounds=bounds),  # type: ignore[arg-type]
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=bounds.idle_s,
            )
        )
        self._listener: Listener | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Serve; connections are accepted when this returns.

        Raises ConfigError when the socket cannot be had: a path that is too long, taken by a
        process that lives, or by something that is no socket.
        """
        listener = Listener.open(self._path)
        self._listener = listener
        self._thread = threading.Thread(
            target=self._run, args=(listener.socket,), name="api", daemon=True
        )
        self._thread.start()
        self._server.begun.wait()
        if not self._server.started:
            self.stop()
            raise ApiError("The daemon's socket does not serve; the log says why.")

    def stop(self, within_s: float = STOP_S) -> None:
        """Accept nothing more, end streams, let requests be answered; then drop what is left.

        The socket's file is gone when this returns. A second call does nothing.
        """
        if self._thread is not None:
            self._server.ask_to_end(self._app.state.streams.end)
            self._thread.join(within_s)
            if self._thread.is_alive():
                log.warning("api_connections_dropped", extra={"waited_s": within_s})
                self._server.drop_all()
                self._thread.join(_LAST_S)
            self._thread = None
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _run(self, listening: socket) -> None:
        try:
            asyncio.run(self._server.serve(sockets=[listening]))
        finally:
            self._server.begun.set()


class _Server(uvicorn.Server):
    """uvicorn's server, with words for other threads."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.begun = threading.Event()
        """It accepts connections, or has failed to."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end = asyncio.Event()

    async def startup(self, sockets: list[socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self.begun.set()

    async def main_loop(self) -> None:
        """Until the end; uvicorn's own looks ten times a second whether it has come."""
        while not await self.on_tick(0):
            await set_within(self._end, TICK_S)

    def ask_to_end(self, end_streams: Callable[[], None]) -> None:
        """Begin to stop. From any thread."""
        self.should_exit = True
        self._call(self._end.set)
        self._call(end_streams)

    def drop_all(self) -> None:
        """Stop at once, whatever is under way. From any thread."""
        self.force_exit = True
        self._call(self._drop_all)

    def _drop_all(self) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        for task in list(self.server_state.tasks):
            task.cancel()

    def _call(self, act: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed: there is nothing left to stop
            if self._loop is not None:
                self._loop.call_soon_threadsafe(act)
