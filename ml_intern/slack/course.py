"""What is said of a session's course: its beginning, its jobs, how it goes, its end. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ml_intern.client import models
from ml_intern.client.training import Training
from ml_intern.client.view import View
from ml_intern.clock import stamp
from ml_intern.events import TurnFinished
from ml_intern.messages import SessionId
from ml_intern.money import bill
from ml_intern.session.caps import named
from ml_intern.slack.blocks import FACT, SECTION, TEXT, context, fields, said, section
from ml_intern.slack.drafts import Said
from ml_intern.slack.mrkdwn import escaped, fitting, moment, with_people

_ENDS = {
    "finished": ":white_check_mark: *Finished*",
    "stopped": ":octagonal_sign: *Stopped at a limit*",
    "interrupted": ":raised_hand: *Interrupted*",
    "failed": ":x: *Failed*",
    "waiting": ":hourglass_flowing_sand: *Waiting*",
}


def began(view: View) -> Said:
    """The message that a thread hangs on."""
    words = f":rocket: *{fitting(view.title, 200)}*"
    how = "Reply here to steer; `stop` stops it, `status` says how it goes."
    small = f"Model {_model(view)} · session `{view.session_id}` · {how}"
    return said(words, section(words), context(small))


def taken_up(view: View) -> Said:
    """The first reply to whoever started it in Slack."""
    small = f"Model {_model(view)} · session `{view.session_id}`"
    words = ":rocket: *Started.* Reply here to steer; `stop` stops it, `status` says how it goes."
    return said(words, section(words), context(small))


def ended(view: View, end: TurnFinished, trace: str) -> Said:
    """How the turn ended, with all that came of it."""
    head = f"{_ENDS[end.outcome]} {fitting(view.title, 150)}"
    facts = {
        **{
            f"Metrics, {split}": fitting(_metrics(found), FACT)
            for split, found in view.metrics.items()
        },
        "Cost": _spent(view),
        "Tokens": models.tokens(view.usage),
        "Took": _duration(view.working_s),
    }
    places = {name: str(path) for name, path in view.results.items()}
    if view.repo_id:
        places["repository"] = view.repo_id
    listed = "\n".join(f"• {escaped(name)}: {_place(at)}" for name, at in places.items())
    blocks = [section(head)]
    if end.detail:
        detail = fitting(end.detail, SECTION - 100)
        blocks.append(section(with_people(detail) if end.outcome == "interrupted" else detail))
    blocks += fields(facts)
    if listed:
        blocks.append(section(listed[:SECTION]))
    where = f"Trace {_place(trace)} · `ml-intern show {view.session_id}`" if trace else ""
    if where:
        blocks.append(context(where[:2000]))
    return said(f"{head}\n{fitting(end.detail, 1500)}", *blocks)


def state(view: View, words: str) -> Said:
    """An answer to `status`."""
    lines = [f"*{fitting(view.title, 150)}*: {escaped(words)}"]
    lines += [f"• {escaped(job.label)}: {_progress(job)}" for job in view.running_jobs[:5]]
    lines += [f"• running {escaped(step.tool)}" for step in view.now_running[:5]]
    lines += [f"• asks for a yes to {escaped(one.tool)}" for one in view.approvals.values()][:5]
    lines += [f"• asks: {fitting(words, 300)}" for words in view.questions.values()][:5]
    lost = [escaped(step.tool) for step in view.unknowns.values()]
    lines += [f"• nobody knows what became of {tool}" for tool in lost[:5]]
    if view.reached is not None:
        lines.append(f"• waits for more room: the cap on {escaped(named(view.reached.cap))}")
    if view.models_at is not None:
        again = moment(stamp(view.models_at))
        lines.append(f"• no model answers; one is asked again {again}")
    lines.append(f"• model {_model(view)}")
    tokens = models.tokens(view.usage)
    lines.append(f"• cost {_spent(view)}" + (f", tokens: {tokens}" if tokens else ""))
    return said("\n".join(lines)[:TEXT])


def progress(job: Training) -> Said:
    """How a training job goes, or went."""
    marks = {"running": ":runner:", "succeeded": ":white_check_mark:"}
    head = f"{marks.get(job.status, ':x:')} *{fitting(job.label, 150)}*: {_progress(job)}"
    facts = {
        "Loss": _number(job.loss),
        "Loss on validation data": _number(job.eval_loss),
        "Accuracy on validation data": _number(job.accuracy),
    }
    blocks = [section(head), *fields(facts)]
    if job.reason:
        blocks.append(section(fitting(job.reason, SECTION)))
    return said(head, *blocks)


def noted(jobs: Sequence[Training], now: datetime) -> Said:
    """Words came that no model reads before these jobs have ended."""
    listed = " and ".join(f"*{fitting(job.label, 150)}*{_time_left(job, now)}" for job in jobs)
    ends = "has ended" if len(jobs) == 1 else "have ended"
    return said(f":memo: Noted. It is read when {listed} {ends}; `stop` ends all of it now.")


def _time_left(job: Training, now: datetime) -> str:
    left_s = job.seconds_left(now)
    return "" if left_s is None else f" (about {_duration(left_s)} to go)"


def notified(text: str, session_id: SessionId) -> Said:
    """Words that the model wants people to read."""
    shown = fitting(text, 2800)
    small = context(f"From ml-intern, session `{session_id}`")
    return said(shown, section(f":mega: {shown}"), small)


def _progress(job: Training) -> str:
    if job.status != "running":
        return escaped(job.status)
    if job.max_steps:
        return f"step {job.step:,} of {job.max_steps:,}"
    return f"step {job.step:,}" if job.step else "begins"


def _metrics(found: Mapping[str, Any]) -> str:
    return "\n".join(f"{name}: {_value(value)}" for name, value in found.items() if value)


def _value(value: Any) -> str:
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, list | tuple):
        return " to ".join(_value(one) for one in value)
    return str(value)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _place(at: str) -> str:
    """A path or an address."""
    if at.startswith(("https://", "http://")):
        return f"<{escaped(at)}>"
    return f"`{fitting(at.replace('`', ''), 500)}`"


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{round(seconds)} s" if minutes < 2 else f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def _model(view: View) -> str:
    lowered = view.lowered.get(view.model)
    return fitting(models.answering(view.model, view.own_model, view.effort, lowered), 200)


def _spent(view: View) -> str:
    return bill(view.known_cost_micro_usd, is_whole=view.is_cost_known)
