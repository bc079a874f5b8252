"""`approve` and `deny`: from an id that a person typed to a decision, once."""

import sys
from collections.abc import Mapping
from typing import Any

from ml_intern.cli import exits
from ml_intern.cli.foreground import Manner, go_on
from ml_intern.cli.opening import opened
from ml_intern.cli.person import merged
from ml_intern.cli.summary import short
from ml_intern.cli.wishes import Wishes
from ml_intern.client.author import author
from ml_intern.client.door import Door
from ml_intern.errors import InputError, UnknownSession
from ml_intern.events import Verdict
from ml_intern.queue.rows import ApprovalRow


def approve(target: str, edit: str | None, manner: Manner, *, wait: bool) -> int:
    """Say yes, with the fields of the JSON object `edit` changed."""
    verdict: Verdict = "approve" if edit is None else "edit"
    return _decide(target, verdict, manner, wait=wait, edit=edit)


def deny(target: str, reason: str, manner: Manner, *, wait: bool) -> int:
    """Say no; the model reads `reason`."""
    return _decide(target, "deny", manner, wait=wait, reason=reason)


def _decide(
    target: str,
    verdict: Verdict,
    manner: Manner,
    *,
    wait: bool,
    reason: str = "",
    edit: str | None = None,
) -> int:
    with Wishes() as wishes, opened(wishes, debug=manner.debug) as found:
        door = found.door
        asked = find(door, target)
        arguments: Mapping[str, Any] | None = None
        if edit is not None:
            arguments = merged(asked.arguments, edit)
        won = asked.state == "pending" and door.decide(
            asked.approval_id,
            verdict,
            decided_by=author(),
            reason=reason,
            arguments=arguments,
        )
        if not won:
            raise InputError(_too_late(door.approval(asked.approval_id)))
        said = f"{_SAID[verdict]} {asked.tool} of session {short(asked.session_id)}."
        if wait:
            return go_on(found, asked.session_id, manner, wishes, said=said)
        sys.stdout.write(said + "\n")
        return exits.DONE


_SAID: Mapping[Verdict, str] = {"approve": "Approved", "edit": "Edited, approved", "deny": "Denied"}


def find(door: Door, target: str) -> ApprovalRow:
    """The approval with this id, or the only open one of the session with this id.

    Ids may be cut to a unique beginning. Raises InputError, which says what is open.
    """
    try:
        return door.approval(target)
    except InputError as unknown:
        try:
            row = door.session(target)
        except UnknownSession:
            raise unknown from None
    waiting = door.open_approvals(row.session_id)
    if len(waiting) == 1:
        return waiting[0]
    if not waiting:
        raise InputError(f"Session {short(row.session_id)} has nothing to decide.")
    listed = ", ".join(f"{short(asked.approval_id)} ({asked.tool})" for asked in waiting)
    raise InputError(
        f"Session {short(row.session_id)} has several open approvals; name one: {listed}."
    )


def _too_late(asked: ApprovalRow) -> str:
    if asked.state == "superseded":
        return f"{asked.tool} is not waiting any more: its call was ended. Nothing was changed."
    return (
        f"Already decided by {asked.decided_by or 'somebody else'}: {asked.state}. "
        "The first answer counts; nothing was changed."
    )
