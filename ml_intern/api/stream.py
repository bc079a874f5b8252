"""Server-sent events of one session: read from a watch as fast as the client takes them.

Nothing piles up here for a slow client: while it does not read, its watch is not asked, and the
watch keeps a bounded amount of text and reads events from the journal when it is asked again.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import suppress

from starlette.types import Message, Receive, Send

from ml_intern.api.bounds import Bounds
from ml_intern.api.threads import Threads
from ml_intern.client import problems, server_sent, wire
from ml_intern.client.door import Door, TextPiece, Watch
from ml_intern.errors import Busy, Draining, MLInternError
from ml_intern.messages import SessionId
from ml_intern.queue.rows import Recorded

PACE_S = 0.005
"""Text comes in pieces of a few letters; those of so short a time travel together."""
CHUNK_BYTES = 32_768
_RETRY_AFTER_S = 5.0
HEADERS = {"Content-Type": server_sent.MEDIA_TYPE, "Cache-Control": "no-store"}


class Stream:
    """One client that follows one session."""

    def __init__(self, threads: Threads, keep_alive_s: float) -> None:
        self._threads = threads
        self._keep_alive_s = keep_alive_s
        self._loop = asyncio.get_running_loop()
        self._bell = asyncio.Event()
        self._over = asyncio.Event()
        # Its lock protects `_watch` and `_closed`: a watch is for one thread at a time.
        self._lock = threading.Lock()
        self._watch: Watch | None = None
        self._closed = False

    async def open(self, door: Door, session_id: SessionId, after_seq: int) -> None:
        """Begin to watch. Raises what `Door.watch` raises."""
        await self._threads.run(lambda: self._open(door, session_id, after_seq))

    async def send(self, receive: Receive, send: Send) -> None:
        """Answer with the stream, until the client leaves or `end` is called."""
        listener = asyncio.create_task(self._listen(receive))
        try:
            await send(_head())
            await send(_body(b"retry: 1000\n\n"))
            async for chunk in self._chunks():
                await send(_body(chunk))
                await asyncio.sleep(0)  # a long history must not hold up the other clients
            await send(_body(b"", more=False))
        finally:
            listener.cancel()

    def end(self) -> None:
        """Let the stream come to its end. For the thread of the event loop."""
        self._over.set()
        self._bell.set()

    def close(self) -> None:
        """Stop watching."""
        self._threads.finish(self._close)

    async def _listen(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.end()

    async def _chunks(self) -> AsyncIterator[bytes]:
        while not self._over.is_set():
            self._bell.clear()
            try:
                found = await self._threads.run(self._take)
            except MLInternError as exc:
                yield _trouble(exc)
                return
            for chunk in _joined(_encoded(found)):
                yield chunk
            if found:
                # There may be more: a watch gives what it has in parts, and says so only once.
                await set_within(self._over, PACE_S)
            elif not await set_within(self._bell, self._keep_alive_s):
                yield server_sent.KEEP_ALIVE

    def _ring(self) -> None:
        with suppress(RuntimeError):  # the loop is closed, and with it the stream
            self._loop.call_soon_threadsafe(self._bell.set)

    def _open(self, door: Door, session_id: SessionId, after_seq: int) -> None:
        with self._lock:
            if not self._closed:
                self._watch = door.watch(session_id, after_seq, self._ring)

    def _take(self) -> Sequence[Recorded | TextPiece]:
        with self._lock:
            return [] if self._closed or self._watch is None else self._watch.take()

    def _close(self) -> None:
        with self._lock:
            self._closed = True
            if self._watch is not None:
                self._watch.close()


class Streams:
    """All streams of one app: bounded in number, and ended together."""

    def __init__(self, threads: Threads, bounds: Bounds) -> None:
        self._threads = threads
        self._bounds = bounds
        self._open: set[Stream] = set()
        self._ended = False

    def __len__(self) -> int:
        return len(self._open)

    def new(self) -> Stream:
        """A stream that counts; give it back with `drop`. Raises Busy, Draining."""
        if self._ended:
            raise Draining("The service is stopping; follow again.", retry_after_s=_RETRY_AFTER_S)
        if len(self._open) >= self._bounds.streams:
            raise Busy(
                f"{self._bounds.streams} clients follow sessions already; close some of them, or "
                "ask for pages of events instead.",
                retry_after_s=_RETRY_AFTER_S,
            )
        stream = Stream(self._threads, self._bounds.keep_alive_s)
        self._open.add(stream)
        return stream

    def drop(self, stream: Stream) -> None:
        """The stream is over."""
        self._open.discard(stream)
        stream.close()

    def end(self) -> None:
        """Let all streams come to their end, and begin none. For the thread of the event loop."""
        self._ended = True
        for stream in self._open:
            stream.end()


async def set_within(event: asyncio.Event, timeout_s: float) -> bool:
    """Wait for the event at most so long; whether it is set."""
    try:
        async with asyncio.timeout(timeout_s):
            return await event.wait()
    except TimeoutError:
        return False


def _head() -> Message:
    headers = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
    return {"type": "http.response.start", "status": 200, "headers": headers}


def _body(chunk: bytes, *, more: bool = True) -> Message:
    return {"type": "http.response.body", "body": chunk, "more_body": more}


def _encoded(found: Iterable[Recorded | TextPiece]) -> Iterator[bytes]:
    for piece in found:
        if isinstance(piece, Recorded):
            message = server_sent.Message(
                event="journal", data=wire.encode_recorded(piece), last_id=piece.seq
            )
        else:
            message = server_sent.Message(event="text", data=wire.encode_text(piece))
        yield server_sent.encode(message)


def _joined(parts: Iterable[bytes]) -> Iterator[bytes]:
    chunk = bytearray()
    for part in parts:
        chunk += part
        if len(chunk) >= CHUNK_BYTES:
            yield bytes(chunk)
            chunk.clear()
    if chunk:
        yield bytes(chunk)


def _trouble(exc: MLInternError) -> bytes:
    data = problems.encode(problems.problem_of(exc))
    return server_sent.encode(server_sent.Message(event="problem", data=data))
