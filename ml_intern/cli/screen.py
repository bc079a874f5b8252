"""Where a followed session is shown: lines in a pipe, a living terminal, JSON, or only its end.

`Screen` decides what is worth a line; the kinds of screen decide how it looks. One thread.
"""

import json
import re
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import cycle
from typing import Any, TextIO, assert_never

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.rule import Rule
from rich.text import Text

from ml_intern import events
from ml_intern.cli import render
from ml_intern.cli.quantities import shown
from ml_intern.cli.render import Piece, Prose, Row
from ml_intern.client import models
from ml_intern.client.view import Step, View
from ml_intern.clock import stamp
from ml_intern.events import (
    ApprovalDecided,
    Compacted,
    CompactRequested,
    Event,
    InterruptRequested,
    JobProgressed,
    ModelChanged,
    ModelFailed,
    ModelReplied,
    ModelSwitched,
    SessionStarted,
    ToolFinished,
    ToolLost,
    ToolStarted,
    TurnFinished,
    UnknownResolved,
    UserSaid,
)
from ml_intern.messages import Choice
from ml_intern.queue.rows import Recorded

NARROW = 24
"""Columns: where fewer are left beside something, words go below it."""
WRITING_ROWS = 6
MOST_WRITING_CHARS = 2000
PROGRESS_EVERY_S = 5.0
"""Between two lines about a training job, where lines cannot be redrawn."""


class Screen:
    """Shows nothing; the base of those that do."""

    def begin(self, view: View, now: datetime) -> None:
        """A session is followed from here on; what stands in `view` is past."""

    def event(self, recorded: Recorded, view: View) -> None:
        """`view` has just taken up `recorded`."""

    def text(self, piece: str) -> None:
        """Some of what the model is writing; all of it comes with its answer."""

    def tick(self, view: View, now: datetime) -> None:
        """Time has passed."""

    def pause(self) -> None:
        """The terminal is wanted for a question."""

    def step(self, step: Step) -> None:
        """One tool call, with its answer."""

    def tell(self, pieces: Sequence[Piece]) -> None:
        """What a person must see, e.g. a question."""

    def remark(self, text: str) -> None:
        """A line about what this program does."""

    def end(self, view: View, found: Mapping[str, Any], host_pid: int | None = None) -> None:
        """The last word: `found` is the summary."""

    def close(self) -> None:
        """Give the terminal back as it was."""


class Lines(Screen):
    """One line after the other: for pipes and files, without colours."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._plan: list[dict[str, Any]] = []
        self._words = ""
        """Said by the model, and not yet shown: a new step of the plan is their heading."""
        self._failure = ""
        """Why a model gave no answer, as it was shown last."""
        self._progress_at: datetime | None = None

    def begin(self, view: View, now: datetime) -> None:
        if view.session_id:
            self._print(render.opening(view))
            self._show_plan(view)
        again = view.asked_again_at
        if again is not None and (again == view.models_at or again > now):
            self.remark(render.without_model(again, now))

    def event(self, recorded: Recorded, view: View) -> None:
        if self._words and not _is_plan(recorded.event):
            self._print(render.words(self._words))
            self._words = ""
        self._show(recorded.event, recorded.at, view)

    def _show(self, event: Event, at: datetime, view: View) -> None:
        match event:
            case SessionStarted():
                self._print(render.opening(view))
                self._show_plan(view)  # a fork begins with one
            case UserSaid() if event.text != view.task:
                self.remark(f"{event.author}: {event.text}")
            case ModelReplied() if event.text and event.tool_calls:
                self._words = event.text
            case ModelFailed() if models.remedy(event):  # else the turn ends, and says why
                self._failure = event.error
                self.remark(models.failure(event))
            case ModelSwitched():
                is_said = event.reason == self._failure
                self.remark(models.switch(replace(event, reason="") if is_said else event))
            case ModelChanged():
                now = models.answering(view.model, view.own_model, view.effort, None)
                self.remark(f"from now on {now}, by {event.asked_by}")
            case CompactRequested():
                self.remark(f"{event.asked_by} asked for the older part to be summed up")
            case Compacted():
                self.remark(models.compaction(event))
            case ToolFinished() if event.tool == "plan" and event.ok:
                self._show_plan(view)
            case ToolFinished():
                if (step := view.step(event.call_id)) is not None:
                    self.step(step)
            case JobProgressed():
                self._show_progress(event, view, at)
            case ApprovalDecided():
                why = f": {event.reason}" if event.reason else ""
                self.remark(f"{_VERDICTS[event.verdict]} by {event.decided_by}{why}")
            case ToolLost():
                self.remark(f"{event.tool} may have taken effect or not: it was cut off")
            case UnknownResolved():
                why = f": {event.note}" if event.note else ""
                self.remark(f"{_CHOICES[event.choice]} by {event.resolved_by}{why}")
            case InterruptRequested():
                why = f" ({event.reason})" if event.reason else ""
                self.remark(f"{event.asked_by} asked to stop{why}")
            case TurnFinished() if view.models_at is not None:
                self.remark(render.without_model(view.models_at, at))
            case _:
                pass

    def tell(self, pieces: Sequence[Piece]) -> None:
        for piece in pieces:
            self._print(piece)

    def remark(self, text: str) -> None:
        self._print(render.remark(text))

    def end(self, view: View, found: Mapping[str, Any], host_pid: int | None = None) -> None:
        for asked in view.approvals.values():
            self.tell([Text(), *render.approval(asked)])
        for step in view.unknowns.values():
            self.tell([Text(), *render.unknown(step)])
        self.tell([Text(), *render.ending(view, found, host_pid)])

    def _print(self, piece: Piece) -> None:
        self._stream.write(_plain(piece) + "\n")
        self._stream.flush()

    def step(self, step: Step) -> None:
        self._print(render.step_row(step))

    def _show_plan(self, view: View) -> None:
        """All of it when it is new, else only the step that begins."""
        before, self._plan = self._plan, view.plan
        if [item.get("step") for item in before] != [item.get("step") for item in view.plan]:
            self.tell([Text("plan"), *render.plan(view.plan)])
        elif (text := render.plan_step(view.plan)) and text != render.plan_step(before):
            self.tell([Text(), Prose(text=text)])

    def _show_progress(self, event: JobProgressed, view: View, at: datetime) -> None:
        before = self._progress_at
        if before is None or (at - before).total_seconds() >= PROGRESS_EVERY_S:
            self._progress_at = at
            self._print(render.training_line(view.jobs[event.job_id], at))


def _plain(piece: Piece) -> str:
    match piece:
        case Text():
            return piece.plain
        case Prose(text=text, indent=indent):
            return textwrap.indent(text.plain, " " * indent)
        case Row(head=head, words=words):
            return (head.plain + words.plain.replace("\n", "\n" + " " * len(head))).rstrip()
        case _:
            assert_never(piece)


def _is_plan(event: Event) -> bool:
    return isinstance(event, ToolStarted | ToolFinished) and event.tool == "plan"


_CHOICES: Mapping[Choice, str] = {
    "retry": "started again",
    "done": "said to be done",
    "skip": "let be",
}
_VERDICTS = {
    "approve": "approved",
    "deny": "denied",
    "edit": "edited and approved",
    "expire": "given up",
}


class Terminal(Lines):
    """Lines that stay, and below them what goes on right now, redrawn in place."""

    def __init__(self, console: Console) -> None:
        super().__init__(sys.stdout)
        self._console = console
        self._live: Live | None = None
        self._writing = ""
        """What the model has written of its next answer; only the end of it is shown."""
        self._spinner = cycle("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")

    def text(self, piece: str) -> None:
        self._writing = (self._writing + piece)[-MOST_WRITING_CHARS:]

    def event(self, recorded: Recorded, view: View) -> None:
        if isinstance(recorded.event, ModelReplied | ModelFailed | TurnFinished):
            self._writing = ""
        super().event(recorded, view)

    def tick(self, view: View, now: datetime) -> None:
        moving = self._moving(view, now)
        if moving is None:
            self.pause()
            return
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        self._live.update(moving, refresh=True)

    def pause(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def close(self) -> None:
        self.pause()

    def end(self, view: View, found: Mapping[str, Any], host_pid: int | None = None) -> None:
        self.pause()
        self._console.print()
        title, *pieces = render.ending(view, found, host_pid)
        assert isinstance(title, Text)
        self._console.print(Rule(title, align="left", style="dim"))
        self.tell(pieces)

    def _print(self, piece: Piece) -> None:
        match piece:
            case Text():
                # A terminal that wraps by itself leaves paths whole for copying.
                self._console.print(piece, soft_wrap=True)
            case Prose(text=text, indent=indent):
                self._print_beside(Text(" " * indent), text)
            case Row(head=head, words=words):
                self._print_beside(head, words)
            case _:
                assert_never(piece)

    def _print_beside(self, head: Text, words: Text) -> None:
        """Break `words` at spaces into lines below each other; longer words, e.g. paths, stay
        whole, and the terminal breaks them without putting anything in between.
        """
        width = self._console.width
        if width - head.cell_len < NARROW < width and words.cell_len > width - head.cell_len:
            self._console.print(head, soft_wrap=True)
            head = Text(" " * 4)
        room = max(1, width - head.cell_len)
        for found in _broken(words, room):
            self._console.print(Text.assemble(head, found), soft_wrap=True)
            head = Text(" " * head.cell_len)

    def _show_progress(self, event: JobProgressed, view: View, at: datetime) -> None:
        """`tick` draws it."""

    def _moving(self, view: View, now: datetime) -> RenderableType | None:
        """What goes on; None when nothing does."""
        spinner = next(self._spinner)
        texts: list[Text] = []
        if view.stopping:
            texts.append(Text(f"{spinner} stopping … (Ctrl-C again leaves at once)", "yellow"))
        texts += [render.running_line(step, now, spinner) for step in view.now_running]
        for job in view.running_jobs:
            texts += render.training_lines(job, now)
        if view.models_at is not None:
            words = f"{spinner} {render.without_model(view.models_at, now)} …"
            texts.append(Text(words, "yellow"))
        if not texts and view.outcome is None:
            texts.append(Text(f"{spinner} {render.doing(view, now)} …", "dim"))
        for text in texts:
            text.no_wrap, text.overflow = True, "ellipsis"
        return Group(*self._written(), *texts) if texts else None

    def _written(self) -> list[Text]:
        """The last lines of the answer that is being written."""
        width = max(20, self._console.width - 2)
        rows = [
            row
            for one in shown(self._writing).split("\n")
            for row in (textwrap.wrap(one, width) or [""])
        ]
        return [Text(row, "dim") for row in rows[-WRITING_ROWS:] if self._writing]


def _broken(text: Text, width: int) -> list[Text]:
    """Lines of whole words, as many as `width` holds. Rich's own wrapping cuts a longer word."""
    found: list[Text] = []
    for line in text.split("\n", allow_blank=True):
        starts, used = [], len(line.plain) - len(line.plain.lstrip())
        for match in re.finditer(r"\S+\s*", line.plain):
            if used and used + cell_len(match[0].rstrip()) > width:
                starts.append(match.start())
                used = 0
            used += cell_len(match[0])
        found += line.divide(starts)
    for line in found:
        line.rstrip()
    return found


class Json(Screen):
    """Every event as one line of JSON as it happens, then the summary."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def event(self, recorded: Recorded, view: View) -> None:
        self._write({"type": "event", **json_event(recorded)})

    def end(self, view: View, found: Mapping[str, Any], host_pid: int | None = None) -> None:
        self._write({"type": "summary", **found})

    def _write(self, document: Mapping[str, Any]) -> None:
        self._stream.write(json.dumps(document, ensure_ascii=False) + "\n")
        self._stream.flush()


class Quiet(Lines):
    """Only questions and the end."""

    def begin(self, view: View, now: datetime) -> None:
        """Nothing."""

    def event(self, recorded: Recorded, view: View) -> None:
        """Nothing."""

    def remark(self, text: str) -> None:
        """Nothing."""


class Aside(Terminal):
    """What goes on right now, and questions; nothing that stays, as the output is elsewhere."""

    def begin(self, view: View, now: datetime) -> None:
        """Nothing."""

    def event(self, recorded: Recorded, view: View) -> None:
        """Nothing."""

    def remark(self, text: str) -> None:
        """Nothing."""


def json_event(recorded: Recorded) -> dict[str, Any]:
    """One event of the journal as JSON-ready data."""
    return {
        "position": recorded.position,
        "session_id": recorded.session_id,
        "seq": recorded.seq,
        "at": stamp(recorded.at),
        "event": json.loads(events.encode(recorded.event)),
    }


def choose_screen(*, as_json: bool, quiet: bool, aside: bool = False) -> Screen:
    """The screen for this process's standard output; `aside`: for its standard error."""
    if as_json:
        return Json(sys.stdout)
    if aside:
        console = Console(stderr=True, highlight=False)
        is_alive = console.is_terminal and not console.is_dumb_terminal
        return Aside(console) if is_alive else Quiet(sys.stderr)
    if quiet:
        return Quiet(sys.stdout)
    console = Console(highlight=False)
    if console.is_terminal and not console.is_dumb_terminal:
        return Terminal(console)
    return Lines(sys.stdout)
