"""`sessions` and `show`: what stands in the store, for people and as JSON. Changes nothing."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from ml_intern.cli import exits, render
from ml_intern.cli.foreground import session_named
from ml_intern.cli.opening import opened
from ml_intern.cli.quantities import count, line, shown
from ml_intern.cli.render import Prose
from ml_intern.cli.screen import choose_screen, json_event
from ml_intern.cli.summary import details, short, summary
from ml_intern.cli.wishes import Wishes
from ml_intern.client.view import View, fold
from ml_intern.client.waits import BY_THEMSELVES, waits_for
from ml_intern.clock import stamp
from ml_intern.queue.rows import Recorded, SessionRow

_ENDS = {
    "finished": ("done", "green"),
    "failed": ("failed", "red"),
    "stopped": ("stopped", "yellow"),
    "interrupted": ("interrupted", "yellow"),
    "waiting": ("waiting", "yellow"),
}


def sessions(limit: int, *, as_json: bool, debug: bool) -> int:
    """The newest sessions."""
    with Wishes() as wishes, opened(wishes, debug=debug) as found:
        rows = found.door.sessions(limit)
        unknown_calls = found.door.health().unknown_calls
        worked_on = found.host_pid is not None
    if as_json:
        _write([_row(row, worked_on=worked_on) for row in rows])
    elif not rows:
        sys.stdout.write('No sessions yet. Start one: ml-intern run "..." or ml-intern demo\n')
    else:
        _print_rows(rows, worked_on=worked_on)
        for row in filter(_has_unknown, rows):
            sys.stderr.write(_RESOLVE.format(session=short(row.session_id)))
        if left := unknown_calls - sum(len(_unknowns(row)) for row in rows):
            sys.stderr.write(_NOT_LISTED.format(calls=count(left, "such call")))
    return exits.DONE


_RESOLVE = (
    "{session} waits for you: a call may have taken effect or not. Look, and say "
    "`ml-intern resolve {session} --retry`, `--done` or `--skip`.\n"
)


_NOT_LISTED = "{calls} of sessions that are not listed; `ml-intern sessions -n 100000` lists all.\n"


def _has_unknown(row: SessionRow) -> bool:
    """Whether a person is to say what became of a call."""
    return bool(_unknowns(row))


def _unknowns(row: SessionRow) -> list[str]:
    """The calls of which a person is to say what became of them."""
    waits = row.state == "waiting"
    return [on for on in row.waiting_on if waits and on.startswith("unknown:")]


def show(prefix: str, *, as_json: bool, with_events: bool, debug: bool) -> int:
    """One session, whole."""
    with Wishes() as wishes, opened(wishes, debug=debug) as found:
        row = session_named(found.door, prefix)
        recorded = found.door.events(row.session_id)
        trace = Path(found.door.trace_path(row.session_id))
        pid = found.host_pid
    view = fold(recorded)
    word, _ = state(row, worked_on=pid is not None)
    document = {**summary(view, trace=trace), "state": word}
    if as_json:
        events = {"events": [json_event(one) for one in recorded]} if with_events else {}
        _write({**document, **details(view), **events})
    else:
        going_on = pid if row.state in ("ready", "leased") else None
        told = recorded if with_events else []
        print_session(view, document, told, going_on, is_hosted=pid is not None)
    return exits.DONE


def state(row: SessionRow, *, worked_on: bool) -> tuple[str, str]:
    """How a session stands, in one word that is true, and its colour.

    `worked_on`: some process works in this state directory.
    """
    if row.state == "leased":
        return ("running", "cyan") if worked_on else ("cut off", "yellow")
    if row.state == "ready":
        return "queued", "cyan"
    return _ENDS[row.outcome] if row.outcome else ("new", "")


def _glance(row: SessionRow, *, worked_on: bool) -> tuple[str, str]:
    """`state` for people who look at many sessions: whether one of them needs somebody."""
    word, style = state(row, worked_on=worked_on)
    if word != "waiting":
        return word, style
    awaited = waits_for(row.waiting_on)
    return awaited, "cyan" if awaited in BY_THEMSELVES else style


def _row(row: SessionRow, *, worked_on: bool) -> dict[str, Any]:
    return {
        "session_id": row.session_id,
        "title": row.title,
        "state": state(row, worked_on=worked_on)[0],
        "outcome": row.outcome,
        "detail": row.detail,
        "waiting_on": list(row.waiting_on),
        "created_at": stamp(row.created),
        "updated_at": stamp(row.updated),
        "model": row.model,
        "workspace": row.workspace,
        "started_in": row.started_in,
        "version": row.version,
    }


def _print_rows(rows: Sequence[SessionRow], *, worked_on: bool) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        for row in rows:
            word, _ = _glance(row, worked_on=worked_on)
            fields = (short(row.session_id), word, stamp(row.created), line(row.title))
            sys.stdout.write("\t".join(fields) + "\n")
        return
    console.print(Text(f"{'session':<8}  {'state':<11}  {'started':<16}  task", "dim"))
    for row in rows:
        word, style = _glance(row, worked_on=worked_on)
        started = row.created.astimezone().strftime("%Y-%m-%d %H:%M")
        head = Text.assemble(short(row.session_id), (f"  {word:<11}  ", style), (started, "dim"))
        text = Text.assemble(head, "  ", line(row.title))
        console.print(text, no_wrap=True, overflow="ellipsis")


def print_session(
    view: View,
    document: dict[str, Any],
    recorded: Sequence[Recorded],
    host_pid: int | None,
    *,
    is_hosted: bool,
) -> None:
    screen = choose_screen(as_json=False, quiet=False)
    title = Text.assemble((short(view.session_id), "bold"), ("  " + document["state"], "dim"))
    screen.tell([title, Prose(text=Text(shown(view.task).strip()))])
    if view.plan:
        screen.tell([Text("\nplan", "dim"), *render.plan(view.plan)])
    steps = [step for step in view.steps if step.tool != "plan"]
    if steps:
        screen.tell([Text(f"\nsteps{_left_out(len(view.steps) - len(steps))}", "dim")])
    for step in steps:
        screen.step(step)
    screen.tell(render.approvals(list(view.approvals.values())))
    for question in view.questions.values():
        screen.tell([Text(), *render.question(question)])
    for step in view.unknowns.values():
        screen.tell([Text(), *render.unknown(step)])
    screen.tell([Text(), *render.ending(view, document, host_pid, is_hosted=is_hosted)])
    if recorded:
        screen.tell([Text("\nevents", "dim"), *map(event_line, recorded)])


def _left_out(updates: int) -> str:
    """The updates of the plan stand in the plan, and are tool calls all the same."""
    return f", without {count(updates, 'update')} of the plan" if updates else ""


def event_line(recorded: Recorded) -> Text:
    """Number, time, kind and the fields as far as they fit."""
    fields = {key: value for key, value in json_event(recorded)["event"].items() if key != "kind"}
    words = line(json.dumps(fields, ensure_ascii=False), 160)
    return Text.assemble(
        (f"{recorded.seq:5d}  {stamp(recorded.at)}  ", "dim"),
        f"{recorded.event.kind:<20} ",
        (words, "dim"),
    )


def _write(document: Any) -> None:
    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2) + "\n")
