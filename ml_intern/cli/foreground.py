"""The commands that follow a session: `run`, `resume`, `say`, `interrupt`."""

import difflib
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml_intern.cli import exits, person
from ml_intern.cli.follow import MOST_SESSIONS, Doors, Follow, unfinished
from ml_intern.cli.opening import Opened, opened
from ml_intern.cli.person import Person
from ml_intern.cli.screen import Screen, choose_screen
from ml_intern.cli.summary import short, summary
from ml_intern.cli.traces.understudy import Understudy
from ml_intern.cli.wishes import Wishes
from ml_intern.client.author import author
from ml_intern.client.door import Door, NewSession
from ml_intern.client.view import View, fold
from ml_intern.clock import SystemClock
from ml_intern.effort import Effort
from ml_intern.errors import DaemonGone, InputError, UnknownSession
from ml_intern.home import spelled_out
from ml_intern.llm import replay, scripted
from ml_intern.messages import SessionId
from ml_intern.ops import Interrupt, UserInput
from ml_intern.queue.lock import DAEMON, FOREGROUND, Holder
from ml_intern.queue.rows import SessionRow
from ml_intern.session.caps import micro_usd

MOST_CHARS = 16_000_000
"""Of standard input: enough to tell how much too long a text is."""


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How a foreground command shows and asks."""

    as_json: bool = False
    quiet: bool = False
    aside: bool = False
    """Standard output is for something else: what goes on is shown on standard error."""
    yes: bool = False
    debug: bool = False
    work: str = FOREGROUND
    """What this process is, for those who find it at work: see `Holder`."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is to be true for a new session; None: what the settings say."""

    model: str | None = None
    effort: Effort | None = None
    max_cost_usd: float | None = None


def run(words: list[str], manner: Manner, wish: Wish, *, here: bool = False) -> int:
    """Store a new session with this task and see it through."""
    task = task_from(words)
    folder, model = working_folder(), model_named(wish.model)
    with Wishes() as wishes, opened(wishes, debug=manner.debug, model=model, here=here) as found:
        if wishes.any:
            return exits.INTERRUPTED
        session_id = found.door.start_session(_new(task, folder, wish, model or found.model))
        return follow(found, session_id, manner, wishes, from_start=True)


def submit(words: list[str], wish: Wish, *, key: str | None, as_json: bool, debug: bool) -> int:
    """Store a new session with this task, and leave the work to the daemon."""
    task = task_from(words)
    folder, model = working_folder(), model_named(wish.model)
    with Wishes() as wishes, opened(wishes, debug=debug, model=model) as found:
        new = _new(task, folder, wish, model or found.model)
        session_id = found.door.start_session(new, key=key)
        host = found.host
    return tell_stored(session_id, host, as_json=as_json)


def tell_stored(session_id: SessionId, host: Holder | None, *, as_json: bool) -> int:
    """Its id, and who works on it, if anybody does."""
    if as_json:
        document = {"session_id": session_id, "worked_on_by_pid": host.pid if host else None}
        sys.stdout.write(json.dumps(document) + "\n")
    else:
        sys.stdout.write(f"{session_id}\n")
        sys.stderr.write(f"{_what_comes_next(short(session_id), host)}\n")
    return exits.DONE


def _what_comes_next(session: str, host: Holder | None) -> str:
    if host is None:
        return (
            "Queued. No daemon answers yet: one that starts now does it, else `ml-intern serve` "
            f"starts one; `ml-intern resume {session}` does it here."
        )
    if host.work == DAEMON:
        return f"The daemon works on it: ml-intern attach {session}"
    return (
        f"{host} works on it while it runs: ml-intern attach {session}. What is left then, a "
        f"daemon does, or `ml-intern resume {session}` here."
    )


def attach(prefix: str, manner: Manner) -> int:
    """Show a session that a daemon works on as it goes, and answer it in place."""
    with Wishes() as wishes, opened(wishes, debug=manner.debug) as found:
        row = session_named(found.door, prefix)
        if found.host_pid is None:
            raise DaemonGone(
                "No daemon runs here. Start `ml-intern serve`, or go on in this process with "
                f"`ml-intern resume {short(row.session_id)}`."
            )
        return follow(found, row.session_id, manner, wishes)


def resume(prefix: str | None, manner: Manner) -> int:
    """Go on with a session, or with every one that is unfinished."""
    with Wishes() as wishes, opened(wishes, debug=manner.debug) as found:
        door = found.door
        rows = [session_named(door, prefix)] if prefix else unfinished(door.sessions(MOST_SESSIONS))
        if not rows:
            sys.stdout.write("Nothing is queued or cut off. `ml-intern sessions` lists all.\n")
            return exits.DONE
        status = exits.DONE
        for row in rows:
            status = follow(found, row.session_id, manner, wishes) or status
            if wishes.any:
                break
        return status


def say(prefix: str, words: list[str], manner: Manner) -> int:
    """Queue a person's words and go on with the session here, unless another process works."""
    text = task_from(words)
    if not text.strip():
        raise InputError("There is nothing to say: the text is empty.")
    with Wishes() as wishes, opened(wishes, debug=manner.debug) as found:
        row = session_named(found.door, prefix)
        found.door.submit(row.session_id, UserInput(text=text, author=author()))
        return go_on(found, row.session_id, manner, wishes, said="Queued.")


def interrupt(prefix: str, reason: str, manner: Manner) -> int:
    """Stop a session and its jobs, and see that they have ended."""
    with Wishes() as wishes, opened(wishes, debug=manner.debug) as found:
        door = found.door
        row = session_named(door, prefix)
        jobs = fold(door.events(row.session_id)).running_jobs
        if row.state == "idle" and not jobs:
            sys.stdout.write(
                f"Session {short(row.session_id)} has ended already ({row.outcome}); "
                "nothing was stopped.\n"
            )
            return exits.DONE
        door.submit(row.session_id, Interrupt(asked_by=author(), reason=reason))
        status = follow(found, row.session_id, manner, wishes, stopping=True)
        return exits.DONE if status == exits.INTERRUPTED and not wishes.any else status


def session_named(door: Door, prefix: str) -> SessionRow:
    """The session whose id begins so. Raises UnknownSession, InputError, StoreUnavailable."""
    try:
        return door.session(prefix)
    except UnknownSession as exc:
        ids = {short(row.session_id): row.title for row in door.sessions(MOST_SESSIONS)}
        near = difflib.get_close_matches(short(prefix), ids, n=1)
        hint = f"Did you mean {near[0]} ({ids[near[0]]})?" if near else "See `ml-intern sessions`."
        raise UnknownSession(f"{exc} {hint}") from exc


def go_on(
    found: Opened, session_id: SessionId, manner: Manner, wishes: Wishes, *, said: str
) -> int:
    """Follow the session here if no other process works; else leave it to that one."""
    pid = found.host_pid
    if pid is None:
        return follow(found, session_id, manner, wishes)
    how = f"ml-intern {'attach' if found.service is None else 'resume'} {short(session_id)}"
    sys.stdout.write(f"{said} Process {pid} goes on with it; `{how}` shows how.\n")
    return exits.DONE


def follow(
    found: Opened,
    session_id: SessionId,
    manner: Manner,
    wishes: Wishes,
    *,
    from_start: bool = False,
    stopping: bool = False,
    understudy: Understudy | None = None,
    sum_up: bool = True,
    more: Callable[[], Mapping[str, Any]] = dict,
) -> int:
    """Follow one session to its rest, close what must be closed, and sum up.

    `more`: what the summary says besides, or in the place of what it says of every session.
    """
    doors = _doors(found, manner, wishes, understudy)
    following = Follow(
        found.door,
        session_id,
        doors,
        SystemClock(),
        host=found.service,
        from_start=from_start,
        stopping=stopping,
    )
    status = following.run()
    if status == exits.INTERRUPTED and wishes.stops > 1 and found.service is not None:
        following.view.cancelled(found.service.cancel_jobs(session_id))
    if sum_up:
        _sum_up(found, following.view, doors.screen, status, more())
    return status


def _doors(found: Opened, manner: Manner, wishes: Wishes, understudy: Understudy | None) -> Doors:
    screen = choose_screen(as_json=manner.as_json, quiet=manner.quiet, aside=manner.aside)
    asks = person.is_there() and not manner.as_json
    return Doors(
        screen=screen,
        wishes=wishes,
        trouble=found.trouble,
        person=Person(screen) if asks else None,
        approve_all=manner.yes,
        understudy=understudy,
        work=manner.work,
    )


def _sum_up(
    found: Opened, view: View, screen: Screen, status: int, more: Mapping[str, Any]
) -> None:
    if found.service is not None and found.service.host_pid() == os.getpid():
        found.service.traces.catch_up()
    trace = Path(found.door.trace_path(view.session_id))
    # A daemon goes on with what is left here.
    pid = found.host_pid if status == exits.TRY_LATER and found.service is None else None
    screen.end(view, {**summary(view, trace=trace), "exit_code": status, **more}, pid)


def task_from(words: list[str]) -> str:
    """The words as one text; `-` alone is standard input. Raises InputError."""
    if words != ["-"]:
        return " ".join(words)
    if sys.stdin is None:
        raise InputError(
            "There is no standard input to read the text from; give it as an argument."
        )
    try:
        return sys.stdin.read(MOST_CHARS)
    except UnicodeDecodeError as exc:
        raise InputError(f"Standard input is not UTF-8 text ({exc.reason}).") from exc


def _new(task: str, folder: Path, wish: Wish, model: str | None) -> NewSession:
    return NewSession(
        task=task,
        started_in=str(folder),
        author=author(),
        model=model,
        effort=wish.effort,
        max_cost_micro_usd=micro_usd(wish.max_cost_usd),
    )


def model_named(typed: str | None) -> str | None:
    """The model by its name; the path of a recording or script starts where the person is."""
    if typed is None or not typed.startswith((replay.PREFIX, scripted.PREFIX)):
        return typed
    kind, _, path = typed.partition("/")
    return f"{kind}/{spelled_out(path).absolute()}"


def working_folder() -> Path:
    """Where the person is. Raises InputError when that folder is gone."""
    try:
        return Path.cwd()
    except FileNotFoundError as exc:
        raise InputError(
            "The folder that you are in does not exist any more; go to another."
        ) from exc
