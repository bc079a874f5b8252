"""Calls whose effect nobody can look up: the words for them, and a person's answer.

A call is lost when its process died in the middle of it and its tool cannot tell what became of it,
and when it was told to stop and goes on.
The first answer counts, once for each time that a call is lost.
"""

import json
from collections.abc import Iterable

from ml_intern.errors import InputError
from ml_intern.events import ToolFinished, ToolLost, UnknownResolved
from ml_intern.messages import NOT_FINISHED, CallId, Choice, SessionId
from ml_intern.ops import ResolveUnknown
from ml_intern.queue.rows import Recorded
from ml_intern.queue.store import Store
from ml_intern.session.open_call import OpenCall
from ml_intern.tools.protocol import ToolOutcome, fail, succeed

UNKNOWN = (
    "The outcome of this call is unknown: it was cut off while it ran, and it is not run again by "
    "itself. Look at what it left behind before you decide."
)
MAY_HAVE_TAKEN_EFFECT = (
    "it was cut off in the middle, and nobody can tell from here whether it took effect"
)


def resolve(
    store: Store,
    session_id: SessionId,
    call_id: str,
    choice: Choice,
    *,
    resolved_by: str,
    note: str = "",
) -> bool:
    """Answer for a lost call; false when somebody was first, or its call was ended meanwhile.

    Durable when it returns. `call_id` may be cut to a unique beginning; empty, it is the only one
    that is open. Raises UnknownSession, InputError, which says what is open, StoreUnavailable.
    """
    session_id = store.session(session_id).session_id
    was_open = _times_lost(store.events(session_id))
    found = _named(was_open, call_id)
    lost_at = was_open[found]
    if lost_at is None:
        return False
    op = ResolveUnknown(call_id=found, choice=choice, resolved_by=resolved_by, note=note)
    return store.submit(session_id, op, dedupe=f"unknown:{found}:{lost_at}") is not None


def answer(open_call: OpenCall, said: UnknownResolved) -> ToolOutcome | None:
    """What the model reads of the resolution; None when the call is to run again."""
    note = f": {said.note.strip()}" if said.note.strip() else ""
    match said.choice:
        case "retry":
            return None
        case "done":
            words = f"{said.resolved_by} says that it took effect{note}"
            return succeed(f"{ran}\n{words}" if (ran := edited(open_call)) else words)
        case "skip":
            return fail(f"{said.resolved_by} says not to repeat it{note}")


def edited(open_call: OpenCall) -> str:
    """One line that says which arguments ran when a person changed them; else nothing."""
    if open_call.edit is None:
        return ""
    arguments = json.dumps(open_call.edit.arguments, ensure_ascii=False)
    return f"[{open_call.edit.decided_by} edited the arguments; this ran: {arguments}]"


def unfinished(open_call: OpenCall, reason: str) -> ToolOutcome:
    """The answer to a call that will not be finished."""
    began = open_call.stage in ("started", "unknown")
    doubt = f" It had been started: {MAY_HAVE_TAKEN_EFFECT}. Look first." if began else ""
    return fail(f"{NOT_FINISHED}{reason}.{doubt}")


def _times_lost(journal: Iterable[Recorded]) -> dict[CallId, int | None]:
    """Every call that was ever lost, with the number of the event that says so while it is open."""
    found: dict[CallId, int | None] = {}
    for recorded in journal:
        match recorded.event:
            case ToolLost(call_id=call_id):
                found[call_id] = recorded.seq
            case UnknownResolved(call_id=call_id) | ToolFinished(call_id=call_id):
                if call_id in found:
                    found[call_id] = None
            case _:
                pass
    return found


def _named(was_open: dict[CallId, int | None], prefix: str) -> CallId:
    still_open = [call_id for call_id, lost_at in was_open.items() if lost_at is not None]
    among = list(was_open) if prefix else still_open
    found = [call_id for call_id in among if call_id.startswith(prefix)]
    if len(found) == 1:
        return found[0]
    if not still_open:
        raise InputError("No call of this session waits for a word on what became of it.")
    which = "; ".join(still_open)
    raise InputError(f"Say which call is meant; of these nobody knows what became: {which}.")
