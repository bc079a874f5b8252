"""From a file of another program to a trace of ours, which is redacted and never sent by itself."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from ml_intern.errors import InputError
from ml_intern.messages import SessionId
from ml_intern.tracing import trace_file
from ml_intern.tracing.chain import Chain
from ml_intern.tracing.importing.source import Saying, Source
from ml_intern.tracing.redaction import Redactor
from ml_intern.transcript.conversation import UNANSWERED
from ml_intern.transcript.line import (
    Answered,
    Block,
    Body,
    Compacted,
    JsonObject,
    Noticed,
    Replied,
    Said,
    Text,
    Thinking,
    ToolUse,
    encode,
    line_uuid,
    plain,
)

_OURS = uuid.UUID("5f2a0a54-1d0c-5a43-9b5e-3f7f1f0e7a10")
"""Namespace of sessions whose own id is no UUID."""


@dataclass(frozen=True, kw_only=True)
class Imported:
    """One session that was read."""

    session_id: str
    path: Path
    lines: int
    is_new: bool
    """False: the same file was there before."""


def take_in(source: Source, folder: Path, redactor: Redactor) -> Imported:
    """Write a session below `folder`, redacted; one that is there already is replaced.

    Raises InputError when nobody says anything in it, OSError.
    """
    if not any(isinstance(saying.body, Said) for saying in source.sayings):
        raise InputError(f"Session {source.session_id!r} holds no words of a person.")
    session_id = _id(source)
    if any(folder.glob(f"sessions/*/{session_id}.jsonl")):
        raise InputError(f"Session {session_id} is one of this machine; its trace is here already.")
    began = source.began or next((one.at for one in source.sayings if one.at), None)
    day = (began or datetime(1970, 1, 1, tzinfo=UTC)).astimezone(UTC).strftime("%Y-%m-%d")
    lines = list(_lines(source, session_id, began, redactor))
    data = b"".join(lines)
    path = folder / "imported" / day / f"{session_id}.jsonl"
    is_new = not path.exists()
    trace_file.replace(path, data)
    return Imported(session_id=session_id, path=path, lines=len(lines), is_new=is_new)


def _id(source: Source) -> str:
    try:
        return str(uuid.UUID(source.session_id))
    except ValueError:
        return str(uuid.uuid5(_OURS, source.session_id))


def _lines(
    source: Source, session_id: str, began: datetime | None, redactor: Redactor
) -> Iterator[bytes]:
    chain = Chain(SessionId(session_id), None)
    at = began or datetime(1970, 1, 1, tzinfo=UTC)
    asked: dict[str, str] = {}
    last = ""
    for number, saying in enumerate(_answered(source.sayings), 1):
        at = max(at, saying.at) if saying.at else at
        chain.begin(number, at)
        own = line_uuid(session_id, f"reply {number}").replace("-", "")
        body = _linked(_redacted(saying.body, redactor), asked, last, own)
        extra = {"imported": True, **redactor.value(plain(saying.extra))}
        last = chain.add(body, extra, between_calls=not asked)
        if isinstance(body, Replied):
            asked = {use.use_id: last for use in body.blocks if isinstance(use, ToolUse)}
        elif isinstance(body, Answered):
            asked.pop(body.use_id, None)
        yield from map(encode, chain.fresh())
    if source.title.strip():
        chain.begin(len(source.sayings) + 1, at)
        chain.add_title(redactor.text(source.title))
        yield from map(encode, chain.fresh())


def _answered(sayings: Sequence[Saying]) -> Iterator[Saying]:
    """Every call with its one answer, before the next words of the model; an answer to none left
    out as words.
    """
    asked: dict[str, None] = {}
    for saying in sayings:
        body = saying.body
        if isinstance(body, Answered):
            if body.use_id in asked:
                del asked[body.use_id]
                yield saying
            continue
        if isinstance(body, Replied):
            yield from _unanswered(asked, saying.at)
            asked = {use.use_id: None for use in body.blocks if isinstance(use, ToolUse)}
        yield saying
    yield from _unanswered(asked, None)


def _unanswered(asked: dict[str, None], at: datetime | None) -> Iterator[Saying]:
    for use_id in asked:
        body = Answered(
            use_id=use_id, text=UNANSWERED, is_error=True, details=UNANSWERED, asked_in=""
        )
        yield Saying(body=body, at=at)


def _linked(body: Body, asked: dict[str, str], last: str, own: str) -> Body:
    """With ids of this file; programs give the same one to several answers, or none."""
    match body:
        case Replied():
            return replace(body, message_id=f"msg_{own}", request_id=f"req_{own}")
        case Answered(use_id=use_id):
            return replace(body, asked_in=asked.get(use_id, ""))
        case Compacted():
            return replace(body, after=last)
        case _:
            return body


def _redacted(body: Body, redactor: Redactor) -> Body:
    match body:
        case Said(text=text) | Noticed(text=text) | Compacted(text=text):
            return replace(body, text=redactor.text(text))
        case Answered(text=text, details=details):
            return replace(body, text=redactor.text(text), details=_value(details, redactor))
        case Replied(blocks=blocks):
            return replace(body, blocks=tuple(_block(block, redactor) for block in blocks))
        case _:
            return body


def _block(block: Block, redactor: Redactor) -> Block:
    match block:
        case Text(text=text) | Thinking(text=text):
            return replace(block, text=redactor.text(text))
        case ToolUse(input=given):
            value: JsonObject = redactor.value(plain(given))
            return replace(block, input=value)


def _value(details: JsonObject | str, redactor: Redactor) -> JsonObject | str:
    value: JsonObject | str = redactor.value(plain(details))
    return value
