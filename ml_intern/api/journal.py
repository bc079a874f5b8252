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


@dataclass(frozen=True, kw_only=True)
class _Page:
    events: Sequence[Recorded]
    next_after: int | None


def _list(call: Call[EventsQuery, None]) -> _Page:
    session_id = SessionId(call.subject)
    found = call.door.events(session_id, call.query.after)
    if not found:
        _demand_session(call.door, session_id)
    limit = call.query.limit
    return _Page(
        events=found[:limit], next_after=found[limit - 1].seq if len(found) > limit else None
    )


def _demand_session(door: Door, session_id: SessionId) -> None:
    """Raises UnknownSession, also where the id is only the beginning of one."""
    unknown = UnknownSession(f"No session {session_id}.")
    try:
        row = door.session(session_id)
    except InputError as exc:
        raise unknown from exc
    if row.session_id != session_id:
        raise unknown


def _encode(page: _Page) -> bytes:
    return wire.encode_page(page.events, page.next_after)


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
