"""From a file of another program to a trace of ours, which is redacted and never sent by itself."""

import shutil
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict

from ml_intern.clock import stamp
from ml_intern.errors import InputError
from ml_intern.messages import SessionId
from ml_intern.tracing import trace_file
from ml_intern.tracing.chain import Entry, uuid_of
from ml_intern.tracing.importing.source import Saying, Source
from ml_intern.tracing.mark import Place
from ml_intern.tracing.redaction import Redactor
from ml_intern.tracing.session_files import SessionFiles
from ml_intern.transcript.conversation import UNANSWERED
from ml_intern.transcript.line import (
    IMPORTED_FROM,
    UNTIMED,
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
    Title,
    ToolUse,
    line_uuid,
    plain,
)
from ml_intern.transcript.parts import numbered

MOST_TASK_CHARS = 200
_UNKNOWN = datetime(1970, 1, 1, tzinfo=UTC)
"""Where a source does not say when anything was."""
_OURS = uuid.UUID("5f2a0a54-1d0c-5a43-9b5e-3f7f1f0e7a10")
"""Namespace of sessions whose own id is no UUID."""


class _About(TypedDict):
    """The same of every line."""

    version: str
    task: str


@dataclass(frozen=True, kw_only=True)
class Imported:
    """One session that was read."""

    session_id: str
    source_id: str
    """What the source calls it."""
    path: Path
    lines: int
    is_new: bool
    """False: the same file was there before."""


def take_in(source: Source, folder: Path, redactor: Redactor) -> Imported:
    """Write a session below `folder`, redacted; one that is there already is replaced.

    Waits while another process takes one in.

    Raises InputError when nobody says anything in it, OSError.
    """
    if not any(isinstance(saying.body, Said) for saying in source.sayings):
        raise InputError(f"Session {source.session_id!r} holds no words of a person.")
    session_id = _id(source)
    if any(folder.glob(f"sessions/*/{session_id}.jsonl")):
        raise InputError(f"Session {session_id} is one of this machine; its trace is here already.")
    began = source.began or next((one.at for one in source.sayings if one.at), None) or _UNKNOWN
    imported = folder / "imported"
    with trace_file.folder_of_one(imported):
        there = next(imported.glob(f"*/{session_id}.jsonl"), None)
        day = there.parent if there else imported / began.astimezone(UTC).strftime("%Y-%m-%d")
        fresh = day / f".{session_id}"
        _remove_left(imported)
        try:
            entries = _entries(source, session_id, began, redactor)
            lines = SessionFiles(fresh, session_id).add(entries)
            _replace(day, fresh, session_id)
        except BaseException:  # whatever cut it short, half an import is none
            shutil.rmtree(fresh, ignore_errors=True)
            raise
    path = day / f"{session_id}.jsonl"
    return Imported(
        session_id=session_id,
        source_id=redactor.text(source.session_id),
        path=path,
        lines=lines,
        is_new=there is None,
    )


def _remove_left(imported: Path) -> None:
    """What imports that were cut off had not put in its place."""
    for fresh in imported.glob("*/.*"):
        shutil.rmtree(fresh, ignore_errors=True)


def _replace(day: Path, fresh: Path, session_id: SessionId) -> None:
    """Put the files of `fresh` in the place of those in `day`.

    Of several, the first goes first and comes last: whatever is cut off is seen to lack it.
    """
    before, after = numbered(day, session_id), numbered(fresh, session_id)
    if len(before) > 1 or len(after) > 1:
        for path in before.values():
            path.unlink()
    for path in reversed(after.values()):
        path.replace(day / path.name)
    fresh.rmdir()


def _id(source: Source) -> SessionId:
    try:
        return SessionId(str(uuid.UUID(source.session_id)))
    except ValueError:
        return SessionId(str(uuid.uuid5(_OURS, source.session_id)))


def _entries(
    source: Source, session_id: SessionId, began: datetime, redactor: Redactor
) -> Iterator[Entry]:
    at, asked, answers, number = began, dict[str, str](), 0, 0
    task = next(saying.body.text for saying in source.sayings if isinstance(saying.body, Said))
    about: _About = {"version": "", "task": redactor.text(task)[:MOST_TASK_CHARS]}
    for number, saying in enumerate(_answered(source.sayings), 1):
        at = max(at, saying.at) if saying.at else at
        place = Place(number, 0)
        body = _linked(_redacted(saying.body, redactor), asked, session_id, number)
        extra = {"imported": True, **({} if saying.at else {UNTIMED: True})}
        if number == 1:
            extra[IMPORTED_FROM] = redactor.value(_about_source(source))
        yield Entry(
            place=place,
            at=at,
            body=body,
            extra={**extra, **redactor.value(plain(saying.extra))},
            calls_are_open=bool(asked),
            may_begin_part=isinstance(body, Replied) and answers > 0,
            **about,
        )
        if isinstance(body, Replied):
            answers += 1
            uuid_ = uuid_of(session_id, place)
            asked = {use.use_id: uuid_ for use in body.blocks if isinstance(use, ToolUse)}
        elif isinstance(body, Answered):
            asked.pop(body.use_id, None)
    if source.title.strip():
        title = Title(session_id=session_id, title=redactor.text(source.title))
        place = Place(number + 1, 0)
        yield Entry(
            place=place, at=at, body=title, calls_are_open=False, may_begin_part=False, **about
        )


def _about_source(source: Source) -> JsonObject:
    times = {"beganAt": source.began, "endedAt": source.ended}
    known = {key: stamp(at) for key, at in times.items() if at is not None}
    return {"sessionId": source.session_id, **known}


def _answered(sayings: Iterable[Saying]) -> Iterator[Saying]:
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


def _linked(body: Body, asked: dict[str, str], session_id: SessionId, number: int) -> Body:
    """With ids of this file; programs give the same one to several answers, or none."""
    match body:
        case Replied():
            own = line_uuid(session_id, f"reply {number}").replace("-", "")
            return replace(body, message_id=f"msg_{own}", request_id=f"req_{own}")
        case Answered(use_id=use_id):
            return replace(body, asked_in=asked.get(use_id, ""))
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
