"""`ml-intern traces fork`: a new session that goes on from a turn of another one."""

import sys
from contextlib import suppress

from ml_intern.cli import exits
from ml_intern.cli.foreground import (
    Manner,
    Wish,
    follow,
    model_named,
    task_from,
    tell_stored,
    working_folder,
)
from ml_intern.cli.opening import opened
from ml_intern.cli.quantities import line
from ml_intern.cli.summary import short
from ml_intern.cli.traces.fetching import located
from ml_intern.cli.wishes import Wishes
from ml_intern.client.author import author
from ml_intern.client.door import GO_ON, Door, Fork
from ml_intern.errors import UnknownSession
from ml_intern.home import spelled_out
from ml_intern.session.caps import micro_usd
from ml_intern.settings import load


def fork(
    source: str,
    turn: int | None,
    words: list[str],
    manner: Manner,
    wish: Wish,
    *,
    wait: bool,
) -> int:
    """Store the new session, and see it through unless another process does."""
    text = task_from(words) or GO_ON
    folder, model = working_folder(), model_named(wish.model)
    with Wishes() as wishes, opened(wishes, debug=manner.debug, model=model) as found:
        if wishes.any:
            return exits.INTERRUPTED
        wanted = Fork(
            source=_source(source, found.door),
            turn=turn,
            words=text,
            started_in=str(folder),
            author=author(),
            model=model or found.model,
            effort=wish.effort,
            max_cost_micro_usd=micro_usd(wish.max_cost_usd),
        )
        session_id = found.door.fork(wanted)
        if not (manner.quiet or manner.as_json):
            title = found.door.session(session_id).title
            sys.stderr.write(f"New session {short(session_id)}: {line(title)}\n")
        if not wait:
            return tell_stored(session_id, found.host, as_json=manner.as_json)
        return follow(found, session_id, manner, wishes, from_start=True)


def _source(named: str, door: Door) -> str:
    """The id of a session, also of one without a file, or an absolute path. Raises InputError."""
    if named and not spelled_out(named).is_file():
        with suppress(UnknownSession):  # perhaps a file is called so
            return door.session(named).session_id
    return str(located(named, load()))
