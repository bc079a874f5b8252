"""Server-sent events as bytes, both ways (WHATWG HTML, "Server-sent events").

Only line feeds part lines here: text may hold every other character that Python calls a line break.
"""

from dataclasses import dataclass

MEDIA_TYPE = "text/event-stream"
KEEP_ALIVE = b": keep-alive\n\n"


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message. `data` is JSON, so it holds no line feed."""

    event: str
    data: bytes
    last_id: int | None = None
    """From where to go on after this message; None: from where one would have without it."""


def encode(message: Message) -> bytes:
    """The message as it travels."""
    number = b"" if message.last_id is None else b"id: %d\n" % message.last_id
    return b"%sevent: %s\ndata: %s\n\n" % (number, message.event.encode(), message.data)


class Parser:
    """Makes messages of bytes as they come in, however they are cut. For one thread."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, chunk: bytes) -> list[Message]:
        """The messages that this chunk completes. Comments and unknown fields are passed over."""
        # The end of a message may straddle two chunks, so one byte of the rest is looked at again.
        looked_at = max(0, len(self._rest) - 1)
        self._rest += chunk
        end = self._rest.rfind(b"\n\n", looked_at)
        if end < 0:
            return []
        whole = bytes(self._rest[:end])
        del self._rest[: end + 2]
        return [found for block in whole.split(b"\n\n") if (found := _message(block))]


def _message(block: bytes) -> Message | None:
    fields: dict[bytes, bytes] = {}
    for line in block.split(b"\n"):
        name, _, value = line.partition(b":")
        fields[name] = value.removeprefix(b" ")
    if b"data" not in fields:
        return None
    number = fields.get(b"id", b"")
    return Message(
        event=fields.get(b"event", b"message").decode("utf-8", "replace"),
        data=fields[b"data"],
        last_id=int(number) if number.isdigit() else None,
    )
