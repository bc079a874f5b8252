"""`approve` and `deny`: from an id that a person typed to decisions, once."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from ml_intern.cli import exits, render
from ml_intern.cli.foreground import Manner, go_on
from ml_intern.cli.opening import opened
from ml_intern.cli.person import merged
from ml_intern.cli.quantities import line
from ml_intern.cli.screen import choose_screen
from ml_intern.cli.summary import short
from ml_intern.cli.wishes import Wishes
from ml_intern.client.author import author
from ml_intern.client.door import Door
from ml_intern.errors import InputError, UnknownSession
from ml_intern.events import Verdict
from ml_intern.messages import ApprovalId
from ml_intern.queue.rows import ApprovalRow
from ml_intern.session.said import Said


def approve(
    target: str, edit: str | None, manner: Manner, *, wait: bool, like_this: bool = False
) -> int:
    """Say yes, with the fields of the JSON object `edit` changed."""
    verdict: Verdict = "approve" if edit is None else "edit"
    return _decide(target, verdict, manner, wait=wait, edit=edit, like_this=like_this)


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
    like_this: bool = False,
) -> int:
    with Wishes() as wishes, opened(wishes, debug=manner.debug) as found:
        door = found.door
        asked = find(door, target)
        if edit is not None and len(asked) > 1:
            raise InputError(_several(asked))
        if len(asked) > 1:
            _show(asked, manner)
        said = [
            Said(
                approval_id=row.approval_id,
                verdict=verdict,
                reason=reason,
                arguments=None if edit is None else _edited(door, row, edit),
                like_this=like_this,
            )
            for row in asked
            if row.state == "pending"
        ]
        won = _say(door, asked, said)
        session_id = asked[0].session_id
        tools = ", ".join(line(row.tool, 40) for row in asked if row.approval_id in won)
        words = f"{_SAID[verdict]} {tools} of session {short(session_id)}."
        if wait:
            return go_on(found, session_id, manner, wishes, said=words)
        sys.stdout.write(words + "\n")
        return exits.DONE


def _say(door: Door, asked: Sequence[ApprovalRow], said: Sequence[Said]) -> Sequence[ApprovalId]:
    """Those whose answer counts; of the others it is told who was first, or InputError raised."""
    won = door.decide_all(said, decided_by=author()) if said else ()
    lost = [row.approval_id for row in asked if row.approval_id not in won]
    if not won:
        raise InputError(_too_late(door.approval(lost[0])))
    for key in lost:
        sys.stderr.write(_too_late(door.approval(key)) + "\n")
    return won


def _show(asked: Sequence[ApprovalRow], manner: Manner) -> None:
    """All that is decided at once, before it is."""
    if manner.as_json or manner.quiet:
        return
    screen = choose_screen(as_json=False, quiet=False)
    screen.tell(render.approvals(asked))
    screen.close()


def _edited(door: Door, asked: ApprovalRow, edit: str) -> Mapping[str, Any]:
    """The arguments with the edit in them; what a person should know of it is said."""
    arguments = merged(asked.arguments, edit)
    for note in door.check_edit(asked.approval_id, arguments).notes:
        sys.stderr.write(note + "\n")
    return arguments


_SAID: Mapping[Verdict, str] = {"approve": "Approved", "edit": "Edited, approved", "deny": "Denied"}


def find(door: Door, target: str) -> Sequence[ApprovalRow]:
    """The approval with this id, or all open ones of the session with this id.

    Ids may be cut to a unique beginning. Raises InputError, which says what is open.
    """
    try:
        return [door.approval(target)]
    except InputError as unknown:
        try:
            row = door.session(target)
        except UnknownSession:
            raise unknown from None
    waiting = door.open_approvals(row.session_id)
    if not waiting:
        raise InputError(f"Session {short(row.session_id)} has nothing to decide.")
    return waiting


def _several(asked: Sequence[ApprovalRow]) -> str:
    listed = ", ".join(f"{short(row.approval_id)} ({line(row.tool, 40)})" for row in asked)
    return (
        f"Session {short(asked[0].session_id)} has several open approvals; name the one to edit: "
        f"{listed}."
    )


def _too_late(asked: ApprovalRow) -> str:
    if asked.state == "expired":
        return f"{asked.tool} has expired: nobody decided in time. Nothing was changed."
    if asked.state == "superseded":
        return f"{asked.tool} is not waiting any more: its call was ended. Nothing was changed."
    return (
        f"Already decided by {asked.decided_by or 'somebody else'}: {asked.state}. "
        "The first answer counts; nothing was changed."
    )
