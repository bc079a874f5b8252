"""A session's events: page by page, or as they happen."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ml_intern.api.operation import AnyOperation, Call, Operation
from ml_intern.client import wire
from ml_intern.client.door import Door
from ml_intern.client.wire import Codec, EventPage, EventsQuery, StreamQuery
from ml_intern.errors import InputError, UnknownSession
from ml_intern.messages import SessionId
from ml_intern.queue.rows import Recorded

PAGE_BYTES = 4_194_304
"""A page ends with the event that makes it longer than this, however many were asked for."""


@dataclass(frozen=True, kw_only=True)
class _Page:
    entries: Sequence[bytes]
    next_after: int | None


def _list(call: Call[EventsQuery, None]) -> _Page:
    session_id = SessionId(call.subject)
    found = call.door.events(session_id, call.query.after)
    if not found:
        _demand_session(call.door, session_id)
    return _page(found, call.query.limit)


def _page(found: Sequence[Recorded], limit: int) -> _Page:
    entries: list[bytes] = []
    size_bytes = 0
    for recorded in found[:limit]:
        entries.append(wire.encode_recorded(recorded))
        size_bytes += len(entries[-1])
        if size_bytes > PAGE_BYTES:
            break
    is_last = len(entries) == len(found)
    return _Page(entries=entries, next_after=None if is_last else found[len(entries) - 1].seq)


def _demand_session(door: Door, session_id: SessionId) -> None:
    """Raises UnknownSession, also where the id is only the beginning of one."""
    try:
        found: str = door.session(session_id).session_id
    except (InputError, UnknownSession):
        found = ""
    if found != session_id:
        raise UnknownSession(f"No session {session_id}.")


def _encode(page: _Page) -> bytes:
    return wire.encode_page(page.entries, page.next_after)


_EVENTS: AnyOperation = Operation(
    name="list_events",
    path="/v1/sessions/{session_id}/events",
    summary="The session's events in order; as server-sent events when the client accepts them.",
    query=Codec(EventsQuery),
    answer=_list,
    encode=_encode,
    document=Codec(EventPage),
    streams="when asked",
    problems=("unknown_session", "busy", "draining"),
)
_STREAM: AnyOperation = replace(
    _EVENTS,
    name="follow_session",
    path="/v1/sessions/{session_id}/stream",
    summary="The session's events and the text that its model writes, as they come.",
    query=Codec(StreamQuery),
    streams="always",
)

OPERATIONS = (_EVENTS, _STREAM)
