"""A WebSocket by hand: opened, and read for its first message."""

import json
import socket
import struct
from typing import Any
from urllib.parse import urlsplit

ASK = (
    "GET {path}?{query} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    "Sec-WebSocket-Version: 13\r\n\r\n"
)


class RawSocket:
    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._wire = socket.create_connection((parts.hostname, parts.port), timeout=5)
        ask = ASK.format(path=parts.path, query=parts.query, host=parts.netloc)
        self._wire.sendall(ask.encode())
        self._stream = self._wire.makefile("rb")
        self.status = int(self._stream.readline().split()[1])
        while self._stream.readline().strip():
            pass

    def read(self) -> Any:
        """The next message; unmasked, as servers send it."""
        _, length = self._stream.read(2)
        if length == 126:
            (length,) = struct.unpack("!H", self._stream.read(2))
        return json.loads(self._stream.read(length))

    def close(self) -> None:
        self._stream.close()
        self._wire.close()
