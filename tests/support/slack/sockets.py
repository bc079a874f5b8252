"""Socket Mode: WebSockets for one app, at most ten, each payload to any one of them.

An address from `apps.connections.open` is good for one connection. Runs in the server's loop.
https://docs.slack.dev/apis/events-api/using-socket-mode
"""

import asyncio
import contextlib
import itertools
import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from tests.support.slack.connections import hang_up, send_half
from tests.support.slack.workspace import APP, Json, Workspace

MOST = 10
LIFETIME_S = 18_060
"""What Slack says in `hello` of how long a connection lasts."""


@dataclass(eq=False)
class Socket:
    number: int
    wire: web.WebSocketResponse
    transport: asyncio.BaseTransport | None
    draining: bool = False
    """Told to go: still heard, and given something only when there is no other."""
    waiting: dict[str, "asyncio.Future[Json | None]"] = field(default_factory=dict)
    """Envelopes without an acknowledgement. A future is cancelled when the socket is gone."""

    async def send(self, message: Json) -> None:
        await self.wire.send_str(json.dumps(message))

    def send_half(self, message: Json) -> None:
        send_half(self.transport, json.dumps(message))


class Sockets:
    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._tickets: set[str] = set()
        self._numbers = itertools.count(1)
        self._turn = 0
        self.open: list[Socket] = []
        self.stray_acks: list[Any] = []
        """Acknowledgements that came too late, twice, or for nothing."""

    def ticket(self) -> str:
        ticket = self._workspace.number("ticket")
        self._tickets.add(ticket)
        return ticket

    async def handle(self, request: web.Request) -> web.StreamResponse:
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=401, text="invalid ticket")
        self._tickets.remove(ticket)
        wire = web.WebSocketResponse()
        await wire.prepare(request)
        socket = Socket(next(self._numbers), wire, request.transport)
        if len(self.open) >= MOST:
            await socket.send(farewell("too_many_websockets"))
            await wire.close()
        else:
            await self._serve(socket)
        return wire

    async def _serve(self, socket: Socket) -> None:
        with self._workspace.change():
            self.open.append(socket)
        try:
            await socket.send(_hello(len(self.open)))
            async for message in socket.wire:
                if message.type == WSMsgType.TEXT:
                    self._hear(socket, message.data)
        finally:
            self._forget(socket)

    def _hear(self, socket: Socket, text: str) -> None:
        try:
            envelope_id = (said := json.loads(text)).get("envelope_id")
        except (ValueError, AttributeError):
            self.stray_acks.append(text)
            return
        future = socket.waiting.pop(envelope_id, None)
        if future is None or future.done():
            self.stray_acks.append(said)
        else:
            future.set_result(said.get("payload"))

    def _forget(self, socket: Socket) -> None:
        with self._workspace.change():
            if socket in self.open:
                self.open.remove(socket)
        for future in socket.waiting.values():
            future.cancel()

    def pick(self) -> Socket | None:
        """Turn by turn among those that are not on their way out, when there are such."""
        ready = [socket for socket in self.open if not socket.draining] or self.open
        if not ready:
            return None
        self._turn += 1
        return ready[self._turn % len(ready)]

    async def dismiss(self, socket: Socket, reason: str, close_after_s: float | None) -> None:
        """Say that the connection ends, and end it a while later (`None`: leave that to others)."""
        socket.draining = close_after_s is not None
        with contextlib.suppress(ConnectionError):
            await socket.send(farewell(reason))
            if close_after_s is not None:
                await asyncio.sleep(close_after_s)
                await socket.wire.close()

    def drop(self, socket: Socket) -> None:
        hang_up(socket.transport)
        self._forget(socket)


def _hello(number: int) -> Json:
    return {
        "type": "hello",
        "num_connections": number,
        "debug_info": {
            "host": "applink-1",
            "build_number": 1,
            "approximate_connection_time": LIFETIME_S,
        },
        "connection_info": {"app_id": APP},
    }


def farewell(reason: str) -> Json:
    return {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-1"}}
