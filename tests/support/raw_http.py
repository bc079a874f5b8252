"""Bytes over a Unix socket, for what no proper client would send."""

import json
import socket
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

PATIENCE_S = 20.0


class RawConnection:
    """One connection; closed by `with`."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(str(path))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def rest(self) -> bytes:
        """Everything until the other side closes, or resets."""
        found = bytearray()
        try:
            while chunk := self.socket.recv(65536):
                found += chunk
        except ConnectionResetError:
            pass
        return bytes(found)

    def until(self, words: bytes) -> bytes:
        """Everything up to these words, and what came with them."""
        found = bytearray()
        while words not in found:
            chunk = self.socket.recv(65536)
            assert chunk, f"closed before {words!r}: {bytes(found)!r}"
            found += chunk
        return bytes(found)


def request(
    method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> bytes:
    """A request as bytes; the connection is closed after its answer."""
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: daemon",
        "Connection: close",
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
    ]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def answer(path: Path, sent: bytes) -> tuple[int, Any]:
    """Status and JSON of what comes back for these bytes."""
    with RawConnection(path) as connection:
        connection.send(sent)
        return parsed(connection.rest())


def parsed(received: bytes) -> tuple[int, Any]:
    """Status and JSON of one answer."""
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 "), received[:200]
    return int(head.split(b" ")[1]), json.loads(body)
