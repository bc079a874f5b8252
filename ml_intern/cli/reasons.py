"""What a session waits for, in plain words, with what to type. Pure: from its events and its place.

Every reason is a sentence that is true at `now`; a session at rest has one too.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, assert_never

from ml_intern.cli.quantities import count, duration, line, number
from ml_intern.cli.summary import how_much, short
from ml_intern.client import models
from ml_intern.client.training import Training
from ml_intern.client.view import View, fold
from ml_intern.client.waits import models_at
from ml_intern.events import (
    ApprovalRequested,
    BudgetReached,
    ModelAsked,
    ModelFailed,
    ModelReplied,
    ToolWaiting,
    TurnFinished,
)
from ml_intern.queue.rows import Holder, QueuePlace, Recorded, Site
from ml_intern.session.caps import by_itself, named, shortfall
from ml_intern.wording import sentence

Awaited = Literal["person", "job", "queue", "worker", "model", "other", "nothing"]


@dataclass(frozen=True, kw_only=True)
class Reason:
    """One thing that a session waits for."""

    awaited: Awaited
    words: str
    """A sentence."""
    since: datetime | None = None
    until: datetime | None = None
    details: tuple[str, ...] = ()
    """More of it, each for a line of its own."""
    commands: tuple[str, ...] = ()
    """What ends the wait, ready to be typed; empty where it ends by itself."""


class Reasons:
    """Those of one session at one moment."""

    def __init__(
        self,
        recorded: Sequence[Recorded],
        place: QueuePlace,
        now: datetime,
        host_pid: int | None,
    ) -> None:
        """`host_pid`: the process that does the work of the state directory; None: nobody does."""
        self._recorded = recorded
        self._view: View = fold(recorded)
        self._place = place
        self._now = now
        self._host_pid = host_pid
        self._since = _beginnings(recorded)
        self._id = short(self._view.session_id)

    def all(self) -> list[Reason]:
        """What it waits for, the most pressing first."""
        match self._place.state:
            case "ready":
                return self._in_queue()
            case "leased":
                return self._at_work()
            case "waiting":
                return list(self._awaited())
            case "idle":
                return [self._at_rest()]
            case _:
                assert_never(self._place.state)

    # Ready

    def _in_queue(self) -> list[Reason]:
        first = self._place.open_ops[0] if self._place.open_ops else None
        what = f" with {first.kind.replace('_', ' ')} {first.seq}" if first else ""
        behind = f"{count(self._place.ahead, 'session')} before it"
        words = f"It is queued{what}: {behind if self._place.ahead else 'it is the next'}"
        since = first.created if first else None
        if self._place.elsewhere is not None:
            words = f"It is queued{what} at another site."
            queued = Reason(awaited="queue", words=words, since=since)
            return [queued, _theirs(self._place.elsewhere)]
        if self._host_pid is None:
            return [Reason(awaited="queue", words=f"{words}.", since=since), self._nobody()]
        words += (
            "; it goes on when a worker is free (the setting `workers` says how many there are)."
        )
        return [Reason(awaited="queue", words=words, since=since)]

    def _nobody(self) -> Reason:
        commands = ("ml-intern serve", f"ml-intern resume {self._id}")
        words = "Nobody works in this state directory."
        return Reason(awaited="worker", words=words, commands=commands)

    # Leased

    def _at_work(self) -> list[Reason]:
        holder = self._place.holder
        began = self._place.open_ops[0].created if self._place.open_ops else None
        elsewhere = self._place.elsewhere
        if (self._host_pid is None or elsewhere) and not is_held_by_another(self._place):
            pid = f" (process {holder.pid})" if holder else ""
            words = f"It was cut off: its worker{pid} is gone, and nobody has taken it up."
            cut_off = Reason(awaited="worker", words=words, since=began)
            return [cut_off, _theirs(elsewhere) if elsewhere else self._nobody()]
        found = list(self._doing())
        if holder is not None:
            found.append(Reason(awaited="worker", words=_lease(holder), since=began))
        queued = [each for each in self._place.open_ops if each.state == "queued"]
        if queued:
            words = f"{count(len(queued), 'op')} behind the running one: " + ", ".join(
                f"{each.kind.replace('_', ' ')} {each.seq}" for each in queued[:5]
            )
            found.append(Reason(awaited="queue", words=f"{words}.", since=queued[0].created))
        return found

    def _doing(self) -> Iterator[Reason]:
        """What the turn is at."""
        last = self._recorded[-1] if self._recorded else None
        if last is not None and isinstance(last.event, ModelFailed) and models.remedy(last.event):
            yield self._retry(last.event, last.at)
        elif last is not None and isinstance(last.event, ModelAsked):
            what = "its answer" if last.event.purpose == "answer" else "a summary of what was done"
            words = f"The model {last.event.model} is writing {what}."
            yield Reason(awaited="model", words=words, since=last.at)
        for step in self._view.now_running:
            words = f"The tool {step.tool} runs."
            yield Reason(awaited="worker", words=words, since=step.started)

    # Waiting

    def _awaited(self) -> Iterator[Reason]:
        for awaited in self._view.waiting_on:
            kind, _, key = awaited.partition(":")
            since = self._since.get(awaited)
            match kind:
                case "approval":
                    yield self._approval(key, since)
                case "answer":
                    question = next(
                        (said for call, said in self._view.questions.items() if call == key), ""
                    )
                    words = f"A person must answer: {line(question) or 'its question'}"
                    commands = (f'ml-intern say {self._id} "..."',)
                    yield Reason(awaited="person", words=words, since=since, commands=commands)
                case "job":
                    yield self._job(key, since)
                case "unknown":
                    yield self._lost(key, since)
                case "budget":
                    yield self._room(key, since)
                case "model":
                    yield from self._no_model()
                case _:
                    words = f"It waits for {kind} {key}."
                    yield Reason(awaited="other", words=words, since=since)

    def _no_model(self) -> Iterator[Reason]:
        told = models.apart(self._view.detail) if self._view.detail else []
        yield Reason(
            awaited="model",
            words="No model answers it:" if told else "No model answers it.",
            since=self._since.get("models"),
            until=self._view.models_at,
            details=tuple(line(models.clause(each)) for each in told),
            commands=(self._other_model(),),
        )
        if self._host_pid is None:
            yield self._nobody()

    def _retry(self, failed: ModelFailed, at: datetime) -> Reason:
        """A wait within the turn, with what each model said that failed since the last answer."""
        said: dict[str, ModelFailed] = {}
        for one in self._recorded:
            match one.event:
                case ModelReplied():
                    said.clear()
                case ModelFailed(model=model):
                    said[model] = one.event
                case _:
                    pass
        others = [each for name, each in said.items() if name != failed.model]
        until = at + timedelta(seconds=failed.retry_in_s) if failed.retry_in_s else None
        words = f"The model {failed.model} gave no answer: {sentence(line(failed.error))}"
        return Reason(
            awaited="model",
            words=f"{words} {models.remedy(failed, with_wait=False)}",
            since=at,
            until=until,
            details=tuple(line(_told(each)) for each in others),
            commands=(self._other_model(),),
        )

    def _other_model(self) -> str:
        return f"ml-intern model {self._id} NAME"

    def _room(self, cap: str, since: datetime | None) -> Reason:
        reached = self._view.reached
        if reached is None:
            words = f"There is more room now on {named(cap)}."
            return Reason(awaited="queue", words=words, since=since)
        lacks = shortfall(cap, reached.used, reached.limit, reached.needed)
        words = f"{lacks[0].upper()}{lacks[1:]}. {by_itself(cap)}".rstrip()
        commands = (f"ml-intern extend {self._id} {how_much(reached)}",)
        return Reason(awaited="person", words=words, since=since, commands=commands)

    def _lost(self, key: str, since: datetime | None) -> Reason:
        words = (
            "A person must say what became of a call that was cut off in its effect: done, to be "
            "skipped, or to be tried again."
        )
        command = f"ml-intern resolve {self._id} {key}"
        commands = tuple(f"{command} --{choice}" for choice in ("done", "skip", "retry"))
        return Reason(awaited="person", words=words, since=since, commands=commands)

    def _approval(self, key: str, since: datetime | None) -> Reason:
        asked = {str(one): found for one, found in self._view.approvals.items()}.get(key)
        what = f"{asked.tool}: {line(asked.reason)}" if asked else "a call"
        commands = (
            f"ml-intern approve {short(key)}",
            f'ml-intern deny {short(key)} --reason "..."',
        )
        words = sentence(f"A person must decide about {what}")
        if asked is not None and asked.expires_at:
            words += f" Without a decision it counts as denied at {asked.expires_at}."
        return Reason(awaited="person", words=words, since=since, commands=commands)

    def _job(self, key: str, since: datetime | None) -> Reason:
        job = {str(one): found for one, found in self._view.jobs.items()}.get(key)
        if job is None:
            return Reason(awaited="job", words=f"A job must end: {key}.", since=since)
        words = f"The job {line(job.label)} must end: {_progress(job, self._now)}."
        if (elsewhere := self._place.elsewhere) is not None:
            words += f" {_theirs(elsewhere, 'hears of its end').words} Where its machine is gone"
            words += " for good, say that it is lost."
            lost = (f"ml-intern resolve {self._id} {key} --lost",)
            return Reason(awaited="job", words=words, since=job.started, commands=lost)
        if self._host_pid is None:
            words += " Nobody looks after it now."
            return Reason(
                awaited="job", words=words, since=job.started, commands=self._nobody().commands
            )
        left_s = job.seconds_left(self._now)
        until = None if left_s is None else self._now + timedelta(seconds=left_s)
        return Reason(awaited="job", words=words, since=job.started, until=until)

    # Idle

    def _at_rest(self) -> Reason:
        commands = (f'ml-intern say {self._id} "..."',)
        if self._view.outcome is None:
            words = "It waits for nothing: no turn has ended yet, and nothing is queued."
            return Reason(awaited="nothing", words=words, commands=commands)
        detail = f": {line(self._view.detail)}" if self._view.detail else "."
        words = f"It waits for nothing; its last turn {_ENDED[self._view.outcome]}{detail}"
        since = self._since.get("turn")
        return Reason(awaited="nothing", words=words, since=since, commands=commands)


_ENDED = {
    "finished": "is done",
    "waiting": "waits",
    "stopped": "was stopped at a limit",
    "interrupted": "was interrupted",
    "failed": "failed",
}


def _beginnings(recorded: Sequence[Recorded]) -> dict[str, datetime]:
    """When each thing began to be waited for, by its name in `waiting_on`; `turn`: it ended;
    `models`: the first turn ended without an answer, and none has come since.
    """
    found: dict[str, datetime] = {}
    for one in recorded:
        match one.event:
            case ApprovalRequested(approval_id=approval_id):
                found[f"approval:{approval_id}"] = one.at
            case ToolWaiting(on=on):
                found[on] = one.at
            case BudgetReached(cap=cap):
                # Once more room was given, the same cap may be reached again.
                found[f"budget:{cap}"] = one.at
            case ModelReplied():
                found.pop("models", None)
            case TurnFinished(waiting_on=waiting_on):
                found["turn"] = one.at
                if models_at(waiting_on) is not None:
                    found.setdefault("models", one.at)
                for awaited in waiting_on:
                    found.setdefault(awaited, one.at)
            case _:
                pass
    return found


def _told(failed: ModelFailed) -> str:
    """With the name of the model, in short."""
    why = models.clause(failed.error)
    return why if why.startswith(failed.model) else f"{failed.model}: {why}"


def is_held_by_another(place: QueuePlace) -> bool:
    """Whether a daemon of another state directory is at work on it, as far as its lease tells."""
    holder = place.holder
    return place.is_shared and holder is not None and holder.left_s >= 0


def _theirs(site: Site, does: str = "takes it up") -> Reason:
    words = (
        f"It belongs to site {site.name}, whose sessions lie in {site.folder}: a daemon that works "
        f"with the same database and shares that folder (as ML_INTERN_SESSIONS_DIR) {does}."
    )
    return Reason(awaited="worker", words=words)


def _lease(holder: Holder) -> str:
    where = " of another machine" if holder.is_far else ""
    who = f"Process {holder.pid}{where}"
    if holder.left_s < 0:
        ago = duration(-holder.left_s)
        return f"{who} held its lease, which ended {ago} ago; the next free worker takes it."
    return f"{who} works on it; its lease lasts {duration(holder.left_s)} more."


def _progress(job: Training, now: datetime) -> str:
    if job.last is None:
        return "no step is known yet"
    steps = f"{job.step:,} of {job.max_steps:,} steps" if job.max_steps else f"{job.step:,} steps"
    loss = "" if job.loss is None else f", loss {number(job.loss)}"
    ago = duration(max(0.0, (now - job.last).total_seconds()))
    return f"{steps}{loss}, heard of {ago} ago"
