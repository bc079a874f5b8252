"""`resolve`: what is to become of a call or a job that nobody can look up, said once."""

import sys
from collections.abc import Mapping
from typing import Literal

from ml_intern.cli import exits
from ml_intern.cli.foreground import Manner, go_on, session_named
from ml_intern.cli.opening import opened
from ml_intern.cli.quantities import line
from ml_intern.cli.summary import short
from ml_intern.cli.wishes import Wishes
from ml_intern.client.author import author
from ml_intern.client.view import View, fold
from ml_intern.errors import InputError
from ml_intern.messages import CallId, Choice

_SAID: Mapping[Choice, str] = {
    "retry": "{tool} of session {session} starts again.",
    "done": "{tool} of session {session} counts as done.",
    "skip": "{tool} of session {session} is not repeated.",
}


def chosen(*, retry: bool, done: bool, skip: bool, lost: bool) -> Choice | Literal["lost"]:
    """The one that was said. Raises InputError."""
    wishes: dict[Choice | Literal["lost"], bool] = {
        "retry": retry,
        "done": done,
        "skip": skip,
        "lost": lost,
    }
    said = [choice for choice, wanted in wishes.items() if wanted]
    if len(said) != 1:
        raise InputError(
            "Say one of --retry, --done and --skip, or --lost of a job; nothing was changed."
        )
    return said[0]


def resolve(
    prefix: str, call: str | None, choice: Choice, note: str, manner: Manner, *, wait: bool
) -> int:
    """Answer for one call of a session; the session goes on from there."""
    with Wishes() as wishes, opened(wishes, debug=manner.debug) as found:
        session_id = session_named(found.door, prefix).session_id
        call_id = _named(fold(found.door.events(session_id)), call)
        won = found.door.resolve(session_id, call_id, choice, resolved_by=author(), note=note)
        view = fold(found.door.events(session_id))
        if not won:
            raise InputError(_too_late(view, call_id))
        tool = step.tool if (step := view.step(call_id)) else "the call"
        said = _SAID[choice].format(tool=line(tool, 40), session=short(session_id))
        if wait:
            return go_on(found, session_id, manner, wishes, said=said)
        sys.stdout.write(said + "\n")
        return exits.DONE


def declare_lost(prefix: str, job: str | None, note: str, manner: Manner, *, wait: bool) -> int:
    """Say that a job ended with its machine; the session goes on without it."""
    with Wishes() as wishes, opened(wishes, debug=manner.debug) as found:
        session_id = session_named(found.door, prefix).session_id
        if not found.door.declare_lost(session_id, job or "", declared_by=author(), note=note):
            raise InputError("This job has ended already; nothing was changed.")
        said = f"The job of session {short(session_id)} counts as lost."
        if wait:
            return go_on(found, session_id, manner, wishes, said=said)
        sys.stdout.write(said + "\n")
        return exits.DONE


def _named(view: View, call: str | None) -> CallId:
    """The call whose id begins so, or the only one that is open. Raises InputError."""
    if call is not None:
        found = [step.call_id for step in view.steps if step.call_id.startswith(call)]
        if len(found) == 1:
            return found[0]
    elif len(view.unknowns) == 1:
        return next(iter(view.unknowns))
    session = short(view.session_id)
    if not view.unknowns:
        raise InputError(f"Session {session} has no call that waits for a word on its effect.")
    listed = ", ".join(f"{key} ({step.tool})" for key, step in view.unknowns.items())
    raise InputError(f"Name one call of session {session}: {listed}.")


def _too_late(view: View, call_id: CallId) -> str:
    if (said := view.resolutions.get(call_id)) is not None:
        return (
            f"Already answered by {said.resolved_by}: {said.choice}. The first answer counts; "
            "nothing was changed."
        )
    step = view.step(call_id)
    if step is not None and step.ended is not None:
        return f"{step.tool} is not waiting any more: its call was ended. Nothing was changed."
    return "Somebody else has answered already. The first answer counts; nothing was changed."
