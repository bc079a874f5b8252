"""What is shown, as text with styles: from a view to lines, without a terminal.

A pipe gets `.plain` of the same lines. Words of models, tools and files pass through `shown` or
`line`, so that they cannot steer the terminal.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.text import Text

from ml_intern.cli.notes import note, subject
from ml_intern.cli.quantities import clock_time, duration, line, number, percent, shown, sparkline
from ml_intern.cli.summary import heading, how_to_go_on, lines, short, tilde, tildes
from ml_intern.client import models
from ml_intern.client.training import Training
from ml_intern.client.view import Step, View
from ml_intern.events import ApprovalRequested, BudgetReached
from ml_intern.money import dollars
from ml_intern.queue.rows import ApprovalRow
from ml_intern.session.caps import amount, named

TOOL_WIDTH = 22
TIME_WIDTH = 11
LABEL_WIDTH = 16
BAR_WIDTH = 24
SPARK_WIDTH = 32
MOST_ARGUMENT_CHARS = 4000
NO = "it is not run, the model is told, the session goes on"
"""What happens then, where the question does not say."""

MARKS = {
    "planned": ("·", "dim"),
    "asked": ("?", "yellow"),
    "running": ("▸", "cyan"),
    "waiting": ("…", "cyan"),
    "unknown": ("?", "yellow"),
    "done": ("✓", "green"),
    "failed": ("✗", "red"),
}
_PLAN_MARKS = {"done": ("✓", "green"), "in_progress": ("▸", "cyan"), "pending": ("·", "dim")}
_OUTCOME_STYLES = {
    "finished": "bold green",
    "waiting": "bold yellow",
    "stopped": "bold yellow",
    "interrupted": "bold yellow",
    "failed": "bold red",
}


@dataclass(frozen=True, kw_only=True)
class Prose:
    """Words that may be broken into lines."""

    text: Text
    indent: int = 0


@dataclass(frozen=True, kw_only=True)
class Row:
    """Words that may be broken into lines beside what stands before the first of them."""

    head: Text
    words: Text


Piece = Text | Prose | Row
"""A `Text` is never broken by us. The others are broken between words: a path stays whole, to be
copied.
"""


def opening(view: View) -> Text:
    """Which session this is."""
    model = models.answering(view.model, view.own_model, view.effort, view.lowered.get(view.model))
    return Text.assemble(
        ("session ", "dim"), (short(view.session_id), "bold"), (f" · {line(model)}", "dim")
    )


def plan(items: list[dict[str, Any]]) -> list[Row]:
    """The whole plan."""
    found = []
    for item in items:
        mark, style = _PLAN_MARKS.get(str(item.get("status")), ("·", "dim"))
        words = Text(line(str(item.get("step", ""))), "dim" if mark == "·" else "")
        found.append(Row(head=Text(f"  {mark} ", style), words=words))
    return found


def plan_step(items: list[dict[str, Any]]) -> Text | None:
    """The step of the plan that is going on, with how many are done."""
    done = sum(item.get("status") == "done" for item in items)
    for item in items:
        if item.get("status") == "in_progress":
            words = line(str(item.get("step", "")))
            return Text.assemble((words, "bold"), (f"  ({done + 1}/{len(items)})", "dim"))
    return None


def step_row(step: Step) -> Row:
    """Mark, tool and time, and what came of it."""
    mark, style = MARKS[step.state]
    seconds = step.seconds()
    tool = Text(line(step.tool, 40), style if step.state == "failed" else "")
    tool.pad_right(max(0, TOOL_WIDTH - len(tool)))
    took = Text("" if seconds is None else duration(seconds), "dim")
    took.pad_left(max(0, TIME_WIDTH - len(took)))
    head = Text.assemble((mark, style), " ", tool, " ", took, "  ")
    return Row(head=head, words=Text(note(step)))


def running_line(step: Step, now: datetime, spinner: str) -> Text:
    """A call that runs, with the time it has taken so far."""
    seconds = step.seconds(now) or 0.0
    found = Text.assemble((f"{spinner} ", "cyan"), line(step.tool, 40))
    found.pad_right(max(0, TOOL_WIDTH + 3 - len(found)))
    took = Text(duration(seconds), "dim")
    took.pad_left(max(0, TIME_WIDTH - len(took)))
    return Text.assemble(found, took, "  ", (subject(step), "dim"))


def doing(view: View, now: datetime) -> str:
    """What the turn is at, where no tool and no job runs."""
    if view.asking_model:
        return f"{view.model} thinks"
    if view.again_at is not None:
        left_s = max(0.0, (view.again_at - now).total_seconds())
        return f"a model is asked again in {duration(left_s)}"
    return "working"


def without_model(again: datetime, now: datetime) -> str:
    """No model answers, and when one is asked again."""
    left_s = max(0.0, (again - now).total_seconds())
    return f"no model answers; one is asked again at {clock_time(again, now)} ({duration(left_s)})"


def training_lines(job: Training, now: datetime) -> list[Text]:
    """A job while it runs: how far, how well, how much longer."""
    far = Text("  ")
    if (share := job.share) is not None:
        filled = round(share * BAR_WIDTH)
        far.append("━" * filled, "cyan").append("─" * (BAR_WIDTH - filled), "dim")
        far.append(f" {share * 100:3.0f} %  ")
    far.append(_progress(job, now))
    well = Text("  ")
    curve = sparkline(job.losses.values(), SPARK_WIDTH)
    well.append(curve, "magenta").append("  " if curve else "")
    well.append(_quality(job))
    return [found for found in (far, well) if found.plain.strip()]


def training_line(job: Training, now: datetime) -> Text:
    """The same as one plain line."""
    return Text("  ".join(part for part in ("  " + job.label, _progress(job, now), _quality(job))))


def _progress(job: Training, now: datetime) -> str:
    steps = f"step {job.step:,}" + (f"/{job.max_steps:,}" if job.max_steps else "")
    left_s = job.seconds_left(now)
    parts = [
        steps if job.step else "starting",
        f"epoch {job.epoch:.1f}" if job.epoch is not None else "",
        f"{duration(left_s)} left" if left_s else "",
    ]
    return "  ".join(part for part in parts if part)


def _quality(job: Training) -> str:
    parts = [f"loss {number(job.loss)}" if job.loss is not None else ""]
    if job.accuracy is not None:
        best = job.best_accuracy or job.accuracy
        shown_best = f" (best {percent(best)})" if best > job.accuracy else ""
        parts.append(f"validation accuracy {percent(job.accuracy)}{shown_best}")
    return "  ".join(part for part in parts if part)


def words(text: str) -> Prose:
    """What the model says."""
    return Prose(text=Text(shown(text).strip(), "italic"), indent=2)


def remark(text: str) -> Prose:
    """What the program itself has to say."""
    return Prose(text=Text(line(text, 500), "dim"), indent=2)


def approvals(asked: Sequence[ApprovalRequested | ApprovalRow]) -> list[Piece]:
    """All of them; what the model says beside several stands once."""
    pieces: list[Piece] = []
    said: set[str] = set()
    for one in asked:
        pieces += [Text(), *approval(one, with_why=one.question_id not in said)]
        said |= {one.question_id} - {""}
    return pieces


def approval(asked: ApprovalRequested | ApprovalRow, *, with_why: bool = True) -> list[Piece]:
    """Everything that a decision rests on."""
    why = asked.why.strip() if with_why else ""
    return [
        Text.assemble(("? ", "bold yellow"), (line(asked.tool, 40), "bold"), " needs your yes"),
        _labelled("request", shown(asked.reason).strip()),
        *([_labelled("the model says", _value(why))] if why else []),
        *([_labelled("operation", line(asked.operation, 80))] if asked.operation else []),
        *([_labelled("repository", line(asked.repository, 200))] if asked.repository else []),
        *arguments(asked.arguments),
        *(_labelled(line(found.title, 40), _value(found.text)) for found in asked.exhibits),
        *_money(asked),
        _labelled("if you say no", shown(asked.on_denial).strip() or NO),
        *([_labelled("until", asked.expires_at)] if asked.expires_at else []),
        _labelled("approval", short(asked.approval_id)),
    ]


def _money(asked: ApprovalRequested | ApprovalRow) -> list[Piece]:
    """What it costs at worst, unless it is free, and what is left."""
    if asked.cost_micro_usd == 0:
        return []
    cost = "unknown" if asked.cost_micro_usd is None else f"up to {dollars(asked.cost_micro_usd)}"
    left = asked.budget_left_micro_usd
    return [
        _labelled("cost", cost),
        *([] if left is None else [_labelled("budget left", dollars(left))]),
    ]


def arguments(given: Mapping[str, Any]) -> list[Piece]:
    """What a call is given."""
    return [_labelled(line(name, 40), _value(value)) for name, value in given.items()]


def edited(given: Mapping[str, Any]) -> list[Piece]:
    """What would run after an edit."""
    return [Text.assemble(("? ", "bold yellow"), "with your edit"), *arguments(given)]


def _labelled(label: str, words: str) -> Row:
    return Row(head=Text(f"  {label:<{LABEL_WIDTH - 1}} ", "dim"), words=Text(words))


def question(text: str) -> list[Piece]:
    """What the model wants to know."""
    return [Prose(text=Text.assemble(("? ", "bold yellow"), (shown(text).strip(), "bold")))]


def room(reached: BudgetReached) -> list[Piece]:
    """A cap that the next step would pass."""
    cap = reached.cap
    used, limit = amount(cap, reached.used), amount(cap, reached.limit)
    return [
        Text.assemble(("? ", "bold yellow"), "the next step would pass a cap"),
        _labelled("cap", f"{named(cap)}: {used} of {limit} used or reserved"),
        _labelled("needs", f"up to {amount(cap, reached.needed)}"),
        _labelled("else", "the session waits as it stands"),
    ]


def unknown(step: Step) -> list[Piece]:
    """A call whose effect nobody can look up, and what each answer would do."""
    return [
        Text.assemble(
            ("? ", "bold yellow"), (line(step.tool, 40), "bold"), " may have taken effect or not"
        ),
        _labelled("why", "it was cut off in the middle; look before you answer"),
        *arguments(step.arguments),
        _labelled("retry", "it starts again with the same arguments"),
        _labelled("done", "the model is told that it took effect"),
        _labelled("skip", "the model is told not to repeat it"),
        _labelled("call", step.call_id),
    ]


def _value(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(text) <= MOST_ARGUMENT_CHARS:
        return shown(text)
    left_out = len(text) - MOST_ARGUMENT_CHARS
    head = shown(text[:MOST_ARGUMENT_CHARS])
    return f"{head}\n… {left_out:,} more characters; `ml-intern show --json` has them all"


def ending(
    view: View,
    found: Mapping[str, Any],
    host_pid: int | None = None,
    *,
    is_hosted: bool = False,
) -> list[Piece]:
    """The summary: how it ended, what was measured, where everything lies, what to type next.

    `host_pid`, `is_hosted`: see `how_to_go_on`.
    """
    advices = how_to_go_on(view, host_pid, is_hosted=is_hosted)
    style = _OUTCOME_STYLES.get(view.outcome or "", "bold")
    title = Text.assemble((heading(view, host_pid), style), (f"  {short(view.session_id)}", "dim"))
    detail = [Prose(text=Text(tildes(shown(view.detail).strip())))] if view.detail else []
    return [
        title,
        *detail,
        *(
            Row(head=Text(f"{label:<12}", "dim"), words=Text(shown(tilde(value))))
            for label, value in lines(found)
        ),
        *(Prose(text=Text(f"→ {advice}", "cyan")) for advice in advices),
    ]
