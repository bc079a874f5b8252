"""`budget` and `extend`: how the caps stand, and more room under one."""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict

from ml_intern.cli import exits
from ml_intern.cli.foreground import Manner, go_on, session_named
from ml_intern.cli.opening import opened
from ml_intern.cli.quantities import count, line
from ml_intern.cli.summary import how_to_answer, short
from ml_intern.cli.wishes import Wishes
from ml_intern.client.author import author
from ml_intern.client.door import Door
from ml_intern.client.room import named_room
from ml_intern.client.view import View, fold
from ml_intern.errors import InputError
from ml_intern.messages import SessionId
from ml_intern.session.caps import CapState, amount, named


def budget(prefix: str | None, *, as_json: bool, debug: bool) -> int:
    """The caps of one session, or those that all sessions share."""
    with Wishes() as wishes, opened(wishes, debug=debug) as found:
        row = None if prefix is None else session_named(found.door, prefix)
        caps = found.door.budget(None if row is None else row.session_id)
    if as_json:
        sys.stdout.write(json.dumps([asdict(each) for each in caps], indent=2) + "\n")
    else:
        unpriced = sum(each.used for each in caps if each.cap.startswith("price:"))
        sys.stdout.writelines(f"{_words(each, unpriced)}\n" for each in caps)
    return exits.DONE


def extend(
    prefix: str,
    given: Mapping[str, float | None],
    cap: str | None,
    reason: str,
    manner: Manner,
    *,
    wait: bool,
) -> int:
    """Give more room; a session that waits for it goes on."""
    with Wishes() as wishes, opened(wishes, debug=manner.debug) as found:
        session_id = session_named(found.door, prefix).session_id
        view = fold(found.door.events(session_id))
        which, more = _chosen(given, cap, view)
        won = found.door.extend(session_id, which, more, extended_by=author(), reason=reason)
        if not won:
            raise InputError("Somebody else has given more room already; nothing was changed.")
        said = _given(found.door, session_id, which, more)
        if wait and view.reached is not None and view.outcome == "waiting":
            return go_on(found, session_id, manner, wishes, said=said)
        sys.stdout.write(said + "\n")
        return exits.DONE


def _given(door: Door, session_id: SessionId, which: str, more: int) -> str:
    """What was given and how the cap stands now; `which`: as whoever gave it named it."""
    for state in door.budget(session_id):
        if which in (state.cap, state.cap.partition(":")[0]) and state.limit is not None:
            used, limit = amount(state.cap, state.used), amount(state.cap, state.limit)
            return f"{amount(which, more)} more for {named(state.cap)}: now {limit}, {used} used."
    return f"{amount(which, more)} more for {named(which)}."


def _chosen(given: Mapping[str, float | None], cap: str | None, view: View) -> tuple[str, int]:
    """The cap and the amount in its unit. Raises InputError."""
    if sum(number is not None for number in given.values()) != 1:
        raise InputError(
            f"Say one of --usd, --tokens, --hours, --iterations, --calls.{_hint(view)}"
        )
    return named_room(given, cap, view)


def _hint(view: View) -> str:
    if view.reached is None:
        return f" Session {short(view.session_id)} does not wait for more room."
    return f" It waits for: {how_to_answer(view)[0]}"


def _words(state: CapState, unpriced: int) -> str:
    """`unpriced`: calls of the session that no money cap counts."""
    used = amount(state.cap, state.used)
    not_in_it = f"{count(unpriced, 'call')} of unknown price not in it"
    parts = [
        f"{used} used"
        if state.limit is None
        else f"{used} of {amount(state.cap, state.limit)} used",
        f"{amount(state.cap, state.reserved)} reserved" if state.reserved else "",
        f"{amount(state.cap, state.extended)} of it given later" if state.extended else "",
        "no cap" if state.limit is None else "",
        not_in_it if unpriced and state.cap.startswith("session:") else "",
    ]
    return f"{line(named(state.cap), 80)}: {', '.join(part for part in parts if part)}"
