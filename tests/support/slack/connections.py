"""Breaking a TCP connection as a broken network does."""

import asyncio
import contextlib
import socket
import struct


def hang_up(transport: asyncio.BaseTransport | None) -> None:
    """With a reset instead of a farewell: what was not yet sent is lost."""
    if not isinstance(transport, asyncio.Transport):
        return
    raw = transport.get_extra_info("socket")
    if raw is not None:
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def send_half(transport: asyncio.BaseTransport | None, text: str) -> None:
    """A WebSocket frame that ends in the middle, and then nothing more."""
    if not isinstance(transport, asyncio.Transport):
        return
    data = text.encode()
    transport.write(struct.pack("!BBQ", 0x81, 127, len(data)) + data[: len(data) // 2])
    transport.close()
