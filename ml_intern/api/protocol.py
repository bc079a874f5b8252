"""HTTP/1.1 with bounds: on connections, on waiting for a request, and on a client's bad manners.

What uvicorn would answer in plain words, or wait for without end, is a problem document here.
"""

import asyncio
import http
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from ml_intern.api.bounds import Bounds
from ml_intern.client import problems

_RETRY_AFTER_S = 5.0


class BoundedProtocol(H11Protocol):
    """One connection."""

    def __init__(self, *, bounds: Bounds, **of_uvicorn: Any) -> None:
        super().__init__(**of_uvicorn)
        self._bounds = bounds
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        if len(self.connections) > self._bounds.connections:
            self._refuse(
                "too_many_connections",
                f"{self._bounds.connections} connections are open; close some, or come back.",
                retry_after_s=_RETRY_AFTER_S,
            )
            return
        self._set_deadline()

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        if self._deadline is None and self._is_idle():
            self._set_deadline()
        super().data_received(data)
        if not self._is_idle():
            self._drop_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._drop_deadline()
        super().connection_lost(exc)

    def timeout_keep_alive_handler(self) -> None:
        """Nobody asked anything more; whoever has not read the last answer by now never will."""
        self.transport.abort()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP; in the middle of an answer there is no way to say so."""
        if self._is_idle() or not self.cycle.response_started:
            self._refuse(
                "malformed_request",
                "The bytes are not a request in HTTP/1.1, or its head is too long.",
            )
        else:
            self.transport.abort()

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _set_deadline(self) -> None:
        self._deadline = self.loop.call_later(self._bounds.request_s, self._demand_request)

    def _drop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _demand_request(self) -> None:
        self._deadline = None
        if self._is_idle():
            self.transport.abort()

    def _refuse(self, code: str, detail: str, *, retry_after_s: float | None = None) -> None:
        found = problems.problem(code, detail, retry_after_s=retry_after_s)
        body = problems.encode(found)
        headers = {
            **problems.headers(found),
            "Content-Length": str(len(body)),
            "Connection": "close",
        }
        lines = [
            f"HTTP/1.1 {found.status} {http.HTTPStatus(found.status).phrase}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        self.transport.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        self.transport.close()
