"""The server itself: a thread with an event loop, raw sockets, and a record of what it saw.

Raw, because its purpose is also to break the rules of HTTP: to stop in the middle of a chunk, to
say nothing, to hang up.
"""

import asyncio
import functools
import itertools
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from tests.support.model_server.anthropic_dialect import AnthropicDialect
from tests.support.model_server.dialect import Dialect
from tests.support.model_server.ollama_dialect import OllamaDialect
from tests.support.model_server.openai_dialect import OpenAIDialect
from tests.support.model_server.responses_dialect import ResponsesDialect
from tests.support.model_server.script import Fault, Reply, Script, script_of

DIALECTS: tuple[Dialect, ...] = (
    AnthropicDialect(),
    OllamaDialect(),
    OpenAIDialect(),
    ResponsesDialect(),
)
WINDOW = 200_000
PAGES: Mapping[str, Any] = {
    "/v1/models": {"data": [{"id": "scripted", "max_model_len": WINDOW}]},
    "/api/show": {"parameters": f"num_ctx {WINDOW}"},
}
LOOKUPS = ("/models", "/props", "/api/show", "/api/ps")
PAGE = b"<!DOCTYPE html>\n<html><head><title>Gateway</title></head><body>Sign in</body></html>\n"


@dataclass
class Seen:
    """One request, and how it ended."""

    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: Mapping[str, Any]
    connection: int
    at: float = field(default_factory=time.monotonic)
    outcome: str = "pending"
    """`answered`, `rejected`, a kind of fault, or `left` when the client hung up first."""
    ended_at: float | None = None

    def end(self, outcome: str) -> None:
        self.outcome, self.ended_at = outcome, time.monotonic()


class _Talk(asyncio.StreamReaderProtocol):
    """A connection that tells when the client has hung up, without reading what it may send."""

    def __init__(self, converse: Any) -> None:
        super().__init__(asyncio.StreamReader(), converse)
        self.gone = asyncio.Event()

    def eof_received(self) -> bool:
        self.gone.set()
        return super().eof_received() or False

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone.set()
        super().connection_lost(exc)


class ModelServer:
    """Serves a script from construction of its thread until `close`."""

    def __init__(
        self,
        script: Script | Sequence[Reply] | Callable[[Seen], Reply],
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        pages: Mapping[str, Any] | None = None,
        moved: Mapping[str, str] | None = None,
    ) -> None:
        """`script`: replies by conversation, for every conversation, or by a function.

        `pages`: what it says of its models, as JSON by path; left out: that all of them take
        `WINDOW` tokens. `moved`: where else it sends those who ask for a path.
        """
        self.requests: list[Seen] = []
        self.lookups: list[Seen] = []
        """What was asked about its models."""
        self.pages: dict[str, Any] = dict(PAGES if pages is None else pages)
        self._moved = dict(moved or {})
        self._script = script if callable(script) else _by_place(script)
        self._attempts: dict[tuple[str, int], int] = {}
        self._connections = 0
        self._open: set[asyncio.StreamWriter] = set()
        self._listener = socket.create_server((host, port), backlog=256)
        self._host, self._port = self._listener.getsockname()[:2]
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="model-server", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up on everybody and stop listening. The port is refused from then on."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()

    @property
    def port(self) -> int:
        return self._port

    @property
    def openai_url(self) -> str:
        return f"http://{self._host}:{self._port}/v1"

    @property
    def url(self) -> str:
        """For Anthropic's and Ollama's dialects."""
        return f"http://{self._host}:{self._port}"

    @property
    def last(self) -> Seen:
        return self.requests[-1]

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        talk = functools.partial(_Talk, self._converse)
        listener = await self._loop.create_server(talk, sock=self._listener)
        await self._stop.wait()
        listener.close()
        for writer in self._open:
            writer.transport.abort()
        while self._open:
            await asyncio.sleep(0)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection: request after request until somebody hangs up."""
        self._connections += 1
        connection = self._connections
        self._open.add(writer)
        try:
            while (seen := await _read_request(reader, connection)) is not None:
                (self.lookups if _is_lookup(seen.path) else self.requests).append(seen)
                if not await _while_there(writer, self._answer(seen, writer), seen):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    async def _answer(self, seen: Seen, writer: asyncio.StreamWriter) -> bool:
        """True when the connection may serve another request."""
        if place := self._moved.get(seen.path):
            return _say(writer, 307, b"", seen, "redirect", {"Location": place})
        if seen.path in self.pages:
            body = json.dumps(self.pages[seen.path]).encode()
            return _say(writer, 200, body, seen, "answered")
        dialect = _dialect_of(seen.path)
        if dialect is None:
            return _say(writer, 404, OpenAIDialect().error(404, f"No {seen.path} here", ""), seen)
        if problem := dialect.problem(seen.body):
            return _say(writer, 400, dialect.error(400, problem, ""), seen, "rejected")
        reply = self._script(seen)
        if fault := self._fault(reply, dialect, seen):
            await asyncio.sleep(reply.delay_s)
            await _fail(fault, reply, dialect, seen, writer)
            return fault.kind in ("status", "html", "redirect", "malformed", "error_event")
        await asyncio.sleep(reply.delay_s)
        _begin(writer, dialect)
        async for frame in _paced(reply, _frames(reply, dialect, seen)):
            await _send(writer, frame)
        seen.end("answered")
        writer.write(b"0\r\n\r\n")
        return True

    def _fault(self, reply: Reply, dialect: Dialect, seen: Seen) -> Fault | None:
        key = (dialect.first_words(seen.body), dialect.place(seen.body))
        attempt = self._attempts.get(key, 0)
        self._attempts[key] = attempt + 1
        if reply.always is not None:
            return reply.always
        return reply.faults[attempt] if attempt < len(reply.faults) else None


def _by_place(script: Script | Sequence[Reply]) -> Callable[[Seen], Reply]:
    replies = script if isinstance(script, Script) else script_of(script)

    def reply_to(seen: Seen) -> Reply:
        dialect = _dialect_of(seen.path)
        assert dialect is not None
        place = dialect.place(seen.body)
        over = Fault(kind="status", status=400, message=f"The script ends before reply {place}.")
        found = replies.reply(dialect.first_words(seen.body), place)
        return found or Reply(always=over)

    return reply_to


def _dialect_of(path: str) -> Dialect | None:
    return next((each for each in DIALECTS if path.partition("?")[0].endswith(each.path)), None)


def _is_lookup(path: str) -> bool:
    return path.endswith(LOOKUPS)


async def _read_request(reader: asyncio.StreamReader, connection: int) -> Seen | None:
    """The next request; None when the client hung up instead of sending one."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    except asyncio.IncompleteReadError:
        return None
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in head[1:] if line)
    }
    raw = await reader.readexactly(int(headers.get("content-length", 0)))
    return Seen(
        path=head[0].split(" ")[1],
        headers=headers,
        body=json.loads(raw) if raw else {},
        connection=connection,
    )


async def _while_there(writer: asyncio.StreamWriter, work: Any, seen: Seen) -> bool:
    """Run `work` as long as the client is there; false when the connection is at its end."""
    talk = writer.transport.get_protocol()
    assert isinstance(talk, _Talk)
    working, gone = asyncio.ensure_future(work), asyncio.ensure_future(talk.gone.wait())
    try:
        await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return bool(working.result())
        raise ConnectionResetError
    except ConnectionError:
        seen.end("left")
        return False
    finally:
        for task in (working, gone):
            task.cancel()
        await asyncio.gather(working, gone, return_exceptions=True)


def _frames(reply: Reply, dialect: Dialect, seen: Seen) -> Iterator[bytes]:
    if reply.frames:
        return (frame.encode() for frame in reply.frames)
    return dialect.frames(reply, seen.body)


async def _paced(reply: Reply, frames: Iterator[bytes]) -> AsyncIterator[bytes]:
    for number, frame in enumerate(frames):
        if number and reply.piece_delay_s:
            await asyncio.sleep(reply.piece_delay_s)
        yield frame


async def _fail(
    fault: Fault, reply: Reply, dialect: Dialect, seen: Seen, writer: asyncio.StreamWriter
) -> None:
    match fault.kind:
        case "status":
            headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
            message = fault.message or f"The server says {fault.status}"
            body = fault.body.encode() or dialect.error(fault.status, message, fault.code)
            _say(writer, fault.status, body, seen, fault.kind, headers)
        case "redirect":
            _say(writer, 307, b"", seen, fault.kind, {"Location": fault.message})
        case "html":
            page = {"Content-Type": "text/html; charset=utf-8"}
            _say(writer, fault.status, PAGE, seen, fault.kind, page)
        case "drop":
            seen.end("drop")
        case "silence":
            await asyncio.Event().wait()
        case _:
            await _break_stream(fault, reply, dialect, seen, writer)


async def _break_stream(
    fault: Fault, reply: Reply, dialect: Dialect, seen: Seen, writer: asyncio.StreamWriter
) -> None:
    _begin(writer, dialect)
    frames = _frames(reply, dialect, seen)
    async for frame in _paced(reply, itertools.islice(frames, fault.after)):
        await _send(writer, frame)
    match fault.kind:
        case "stall":
            await asyncio.Event().wait()
        case "cut":
            writer.write(b"ffff\r\ndata: {")
            await writer.drain()
        case "malformed":
            await _send(writer, dialect.malformed())
            for frame in frames:
                await _send(writer, frame)
            writer.write(b"0\r\n\r\n")
        case "error_event":
            await _send(writer, dialect.error_event(fault.message, fault.code))
            writer.write(b"0\r\n\r\n")
        case "end":
            writer.write(b"0\r\n\r\n")
    seen.end(fault.kind)


def _begin(writer: asyncio.StreamWriter, dialect: Dialect) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {dialect.content_type}\r\n"
    writer.write(head.encode() + b"Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n")


async def _send(writer: asyncio.StreamWriter, frame: bytes) -> None:
    writer.write(b"%x\r\n" % len(frame) + frame + b"\r\n")
    await writer.drain()


def _say(
    writer: asyncio.StreamWriter,
    status: int,
    body: bytes,
    seen: Seen,
    outcome: str = "rejected",
    headers: Mapping[str, str] | None = None,
) -> bool:
    """A whole answer at once."""
    every = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    lines = [f"{name}: {value}" for name, value in {**every, **(headers or {})}.items()]
    seen.end(outcome)
    writer.write("\r\n".join([f"HTTP/1.1 {status} Said", *lines, "", ""]).encode() + body)
    return True
