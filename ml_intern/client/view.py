"""What a person sees of a session: a fold of its events, and nothing else.

Pure: no terminal, no clock, no files. `apply` is the only writer. Metrics are those of our own
evaluation, never what a script printed; paths are those that tools answered with.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, assert_never

from ml_intern.client.training import Training
from ml_intern.client.waits import models_at
from ml_intern.effort import Effort
from ml_intern.errors import Trouble
from ml_intern.events import (
    AccessRefused,
    ApprovalDecided,
    ApprovalReminded,
    ApprovalRequested,
    BudgetExtended,
    BudgetNoticed,
    BudgetReached,
    CallParked,
    Compacted,
    CompactRequested,
    Event,
    Fact,
    Hinted,
    InterruptRequested,
    JobEnded,
    JobProgressed,
    JobStarted,
    ModelAsked,
    ModelChanged,
    ModelFailed,
    ModelReplied,
    ModelSwitched,
    Notified,
    OpCancelled,
    Outcome,
    Recalled,
    RuleGranted,
    RuleRevoked,
    SessionStarted,
    Shortened,
    ToolFinished,
    ToolLost,
    ToolStarted,
    ToolWaiting,
    TurnFinished,
    TurnStarted,
    Undone,
    UnknownResolved,
    UserSaid,
)
from ml_intern.messages import ApprovalId, CallId, JobId, SessionId, Usage, UserMessage
from ml_intern.money import MICRO_USD
from ml_intern.queue.rows import Recorded
from ml_intern.tools.untrusted import unmarked
from ml_intern.transcript.waits import is_for_model

RESULTS = ("weights", "loss_curve", "model_card", "reproduce", "published")
StepState = Literal["planned", "asked", "running", "waiting", "unknown", "done", "failed"]


@dataclass(kw_only=True)
class Step:
    """One tool call."""

    call_id: CallId
    tool: str
    arguments: dict[str, Any]
    state: StepState = "planned"
    started: datetime | None = None
    ended: datetime | None = None
    output: str = ""
    answered_by: str = ""

    def seconds(self, now: datetime | None = None) -> float | None:
        """From start to end (or `now`), waiting included; None for a call that never ran."""
        end = self.ended or now
        if self.started is None or end is None:
            return None
        return max(0.0, (end - self.started).total_seconds())

    @property
    def answer(self) -> dict[str, Any]:
        """The tool's JSON answer; empty when it answered with text."""
        said = unmarked(self.output)
        if said.startswith("["):  # a note about other arguments stands before it
            return json_object(said.partition("\n")[2])
        return json_object(said)


class View:
    """One session, event by event. Not thread-safe."""

    def __init__(self) -> None:
        self.session_id = SessionId("")
        self.title = ""
        self.model = ""
        """That answers now; another than `own_model` while that does not."""
        self.own_model = ""
        """That the session was given."""
        self.switched_for = ""
        """Why another one answers than `own_model`; empty where none does."""
        self.effort: Effort | None = None
        """With which its models are asked to think; None: the setting counts."""
        self.lowered: dict[str, Effort] = {}
        """Of models that do not take as much, by name."""
        self.workspace = Path()
        self.started_in = ""
        self.task = ""
        self.started: datetime | None = None
        self.updated: datetime | None = None
        self.plan: list[dict[str, Any]] = []
        """`{"step", "status"}`, as in the fact `plan`."""
        self.steps: list[Step] = []
        self.jobs: dict[JobId, Training] = {}
        self.evaluations: list[dict[str, Any]] = []
        """The facts `evaluation`, oldest first."""
        self.approvals: dict[ApprovalId, ApprovalRequested] = {}
        """Those that nobody has decided."""
        self.rules: dict[str, RuleGranted] = {}
        """What people have approved in general, by id."""
        self.questions: dict[CallId, str] = {}
        """Those that nobody has answered."""
        self.unknowns: dict[CallId, Step] = {}
        """Calls of which nobody can tell whether they took effect, and nobody has answered for."""
        self.resolutions: dict[CallId, UnknownResolved] = {}
        """What a person said of them last."""
        self.reached: BudgetReached | None = None
        """The cap whose end the session waits for, if it does."""
        self.artefacts: dict[str, str] = {}
        """Path by kind (`model_dir`, `picture`, `model_card`, `reproduce`, `published`)."""
        self.repo_id = ""
        self.outcome: Outcome | None = None
        """None while a turn is going on, or was cut off."""
        self.detail = ""
        self.waiting_on: tuple[str, ...] = ()
        self.stopping = False
        """Somebody asked to stop, and the turn has not ended yet."""
        self.asking_model = False
        self.again_at: datetime | None = None
        """When a model is asked again within the turn, after one gave no answer."""
        self.model_calls = 0
        self.failures: dict[str, str] = {}
        """Why models gave no answer that have not given one since, by name."""
        self.troubles: dict[str, Trouble] = {}
        """What is wrong with models that failed in this turn, since the last answer, by name."""
        self.compactions: list[Compacted] = []
        """Oldest first."""
        self.usage = Usage()
        self.known_cost_micro_usd = 0
        """Of models, calls and jobs, as far as it is known."""
        self.is_cost_known = True
        """Whether that is all of it."""
        self.waited_s = 0.0
        """Seconds in which nothing went on because a person was to answer."""
        self._idle_s = 0.0
        """Seconds in which nothing went on because nothing was to be done, or no model answered."""
        self._resting_since: datetime | None = None
        self._by_call: dict[CallId, Step] = {}

    @property
    def now_running(self) -> list[Step]:
        """Calls that run, or wait for a job or a person."""
        return [step for step in self.steps if step.state in ("running", "waiting")]

    @property
    def running_jobs(self) -> list[Training]:
        """Jobs that have not ended."""
        return [job for job in self.jobs.values() if job.status == "running"]

    @property
    def needs_person(self) -> bool:
        """Whether an approval, a question, what became of a call, or more room is wanted."""
        return bool(self.approvals or self.questions or self.unknowns or self.reached)

    @property
    def models_at(self) -> datetime | None:
        """When a model is asked again, where the session waits for one that answers."""
        return models_at(self.waiting_on)

    @property
    def asked_again_at(self) -> datetime | None:
        """The same, also where the wait is short and the turn goes on."""
        return self.models_at or self.again_at

    @property
    def wall_s(self) -> float:
        """Seconds from the first event to the last."""
        if self.started is None or self.updated is None:
            return 0.0
        return (self.updated - self.started).total_seconds()

    @property
    def working_s(self) -> float:
        """Those of them in which something went on, a training job for instance."""
        return max(0.0, self.wall_s - self.waited_s - self._idle_s)

    @property
    def input_tokens(self) -> int:
        """All of them, from a cache or not."""
        usage = self.usage
        return usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens

    @property
    def output_tokens(self) -> int:
        """What models wrote."""
        return self.usage.output_tokens

    @property
    def cost_usd(self) -> float | None:
        """What models, calls and jobs cost; None: that of one of them is unknown."""
        return self.known_cost_micro_usd / MICRO_USD if self.is_cost_known else None

    @property
    def metrics(self) -> dict[str, dict[str, Any]]:
        """What our own evaluation measured, and on how many `rows`, by split. See `measured`."""
        splits = dict.fromkeys(str(found.get("split")) for found in self.evaluations)
        return {split: _numbers(self.measured(split) or {}) for split in splits}

    @property
    def results(self) -> dict[str, Path]:
        """Where lies what the session made, by the names that scripts know (`RESULTS`)."""
        found = {name: Path(path) for name, path in self.artefacts.items()}
        if "model_dir" in found:
            found["weights"] = found["model_dir"] / "model.safetensors"
        if "picture" in found:
            found["loss_curve"] = found["picture"]
        return {name: found[name] for name in RESULTS if name in found}

    def step(self, call_id: CallId) -> Step | None:
        """The step of this call."""
        return self._by_call.get(call_id)

    def measured(self, split: str) -> dict[str, Any] | None:
        """Our newest evaluation on `split`, of the weights that the test split was scored with.

        Where those were never scored on `split`, the newest of any weights; before the test split
        was scored, the evaluation with the best accuracy.
        """
        of_split = [found for found in self.evaluations if found.get("split") == split]
        tested = [found for found in self.evaluations if found.get("split") == "test"]
        if tested:
            weights = tested[-1].get("weights_sha256")
            same = [found for found in of_split if found.get("weights_sha256") == weights]
            of_split = same or of_split
        elif of_split:
            return max(of_split, key=_accuracy)
        return of_split[-1] if of_split else None

    def apply(self, recorded: Recorded) -> None:
        """Take up one event of the session, in journal order."""
        self.session_id = recorded.session_id
        self.updated = recorded.at
        self._rest_until(recorded.at)
        asked = recorded.event
        self.asking_model = isinstance(asked, ModelAsked) and asked.purpose == "answer"
        self.again_at = _again_at(recorded)
        self._take(recorded.event, recorded.at)

    def _take(self, event: Event, at: datetime) -> None:
        match event:
            case SessionStarted():
                self._start(event, at)
            case UserSaid():
                self.task = self.task or event.text
            case Recalled(message=UserMessage(text=text)):
                self.task = self.task or text
            case TurnStarted():
                self._resting_since = None
                self.outcome, self.detail, self.waiting_on = None, "", ()
                self.reached = None
                self.troubles.clear()
            case BudgetReached():
                self.reached = event
            case BudgetExtended(cap=cap):
                if self.reached is not None and self.reached.cap == cap:
                    self.reached = None
            case ModelReplied():
                self._take_reply(event)
            case ApprovalRequested() | ApprovalDecided():
                self._take_approval(event)
            case ToolStarted() | ToolWaiting() | ToolFinished():
                self._take_step(event, at)
            case ToolLost() | UnknownResolved():
                self._take_unknown(event)
            case JobStarted() | JobProgressed() | JobEnded():
                self._take_job(event, at)
            case InterruptRequested():
                self.stopping = self.outcome in (None, "waiting")
            case TurnFinished():
                self.outcome, self.detail = event.outcome, event.detail
                self.waiting_on, self.stopping = event.waiting_on, False
                self._resting_since = None if self.running_jobs else at
            case ModelChanged() | ModelSwitched() | ModelFailed():
                self._take_model(event)
            case Compacted():
                self.compactions.append(event)
                if event.model:  # else rules wrote it: nobody was asked
                    self._spend(event)
            case RuleGranted():
                self.rules[event.rule_id] = event
            case RuleRevoked():
                self.rules.pop(event.rule_id, None)
            case (
                Recalled()
                | Hinted()
                | ModelAsked()
                | OpCancelled()
                | Undone()
                | ApprovalReminded()
                | CallParked()
                | AccessRefused()
                | BudgetNoticed()
                | Notified()
                | CompactRequested()
                | Shortened()
            ):
                pass
            case _:
                assert_never(event)

    def _rest_until(self, at: datetime) -> None:
        """Something happens: since the last turn ended, a person was waited for, or nobody."""
        if self._resting_since is None:
            return
        rested_s = (at - self._resting_since).total_seconds()
        self._resting_since = at
        if self.outcome == "waiting" and not is_for_model(self.waiting_on):
            self.waited_s += rested_s
        else:
            self._idle_s += rested_s

    def _start(self, event: SessionStarted, at: datetime) -> None:
        self.title, self.started = event.title, at
        self.model = self.own_model = event.model
        self.effort = event.effort
        self.workspace, self.started_in = Path(event.workspace), event.started_in
        if event.forked_from is not None:
            for fact in event.forked_from.meant:
                self._learn(fact)

    def _take_model(self, event: ModelChanged | ModelSwitched | ModelFailed) -> None:
        match event:
            case ModelChanged():
                self.model = self.own_model = event.model
                self.switched_for = ""
                self.failures.clear()
                self.effort = event.effort or self.effort
                self.lowered.clear()
            case ModelSwitched():
                self.model = event.model
                self.switched_for = "" if self.model == self.own_model else event.reason
            case ModelFailed(effort=effort):
                self.failures[event.model] = event.error
                if event.trouble is not None:
                    self.troubles[event.model] = event.trouble
                # One that is asked without thoughts is so only until a person speaks.
                if effort is not None and event.trouble == "effort":
                    self.lowered[event.model] = effort
            case _:
                assert_never(event)

    def _take_reply(self, event: ModelReplied) -> None:
        self._spend(event)
        self.troubles.clear()
        self.failures.pop(event.model, None)
        for call in event.tool_calls:
            self._of(call.call_id, call.name, json_object(call.arguments))

    def _spend(self, event: ModelReplied | Compacted) -> None:
        self.model_calls += 1
        self.usage = _sum(self.usage, event.usage)
        self._pay(event.cost_micro_usd)

    def _pay(self, cost_micro_usd: int | None) -> None:
        self.known_cost_micro_usd += cost_micro_usd or 0
        self.is_cost_known = self.is_cost_known and cost_micro_usd is not None

    def _take_approval(self, event: ApprovalRequested | ApprovalDecided) -> None:
        if isinstance(event, ApprovalRequested):
            self.approvals[event.approval_id] = event
            self._of(event.call_id, event.tool, event.arguments).state = "asked"
        else:
            self.approvals.pop(event.approval_id, None)
            if event.call_id in self._by_call:
                self._by_call[event.call_id].arguments = event.arguments

    def _take_step(self, event: ToolStarted | ToolWaiting | ToolFinished, at: datetime) -> None:
        match event:
            case ToolStarted():
                step = self._of(event.call_id, event.tool, event.arguments)
                step.state, step.started = "running", at
            case ToolWaiting():
                self._wait(self._by_call[event.call_id], event.on)
            case ToolFinished():
                self._finish(self._of(event.call_id, event.tool, {}), event, at)
            case _:
                assert_never(event)

    def _take_unknown(self, event: ToolLost | UnknownResolved) -> None:
        match event:
            case ToolLost():
                step = self._of(event.call_id, event.tool, {})
                step.state = "unknown"
                self.unknowns[event.call_id] = step
            case UnknownResolved():
                step = self.unknowns.pop(event.call_id)
                self.resolutions[event.call_id] = event
                step.state = "planned" if event.choice == "retry" else step.state
            case _:
                assert_never(event)

    def _wait(self, step: Step, on: str) -> None:
        step.state = "waiting"
        if on.startswith("answer:"):
            self.questions[step.call_id] = str(step.arguments.get("question", ""))

    def _finish(self, step: Step, event: ToolFinished, at: datetime) -> None:
        step.state, step.ended = ("done" if event.ok else "failed"), at
        step.output, step.answered_by = event.output, event.answered_by
        self._pay(event.cost_micro_usd)
        self.questions.pop(event.call_id, None)
        self.unknowns.pop(event.call_id, None)
        self.approvals = {
            key: asked for key, asked in self.approvals.items() if asked.call_id != event.call_id
        }
        for fact in event.facts:
            self._learn(fact)
        if event.ok:
            self._keep_paths(step)

    def cancelled(self, jobs: Iterable[JobId]) -> None:
        """Take note of jobs that were just cancelled; the journal will hear of it from others."""
        for job_id in self.jobs.keys() & set(jobs):
            self.jobs[job_id].status = "cancelled"

    def _take_job(self, event: JobStarted | JobProgressed | JobEnded, at: datetime) -> None:
        match event:
            case JobStarted(job_id=job_id, label=label):
                self.jobs[job_id] = Training(job_id=job_id, label=label, started=at)
            case JobProgressed():
                self.jobs[event.job_id].apply(event, at)
            case JobEnded():
                job = self.jobs[event.job_id]
                job.status, job.reason = event.status, event.reason
                self._pay(event.cost_micro_usd)
            case _:
                assert_never(event)

    def _of(self, call_id: CallId, tool: str, arguments: dict[str, Any]) -> Step:
        """The step of this call, with newer arguments where there are some."""
        step = self._by_call.get(call_id)
        if step is None:
            step = self._by_call[call_id] = Step(call_id=call_id, tool=tool, arguments=arguments)
            self.steps.append(step)
        step.arguments = arguments or step.arguments
        return step

    def _learn(self, fact: Fact) -> None:
        data = fact.data
        match fact.kind:
            case "plan":
                self.plan = list(data.get("items", []))
            case "evaluation":
                self.evaluations.append(data)
                shown = self.measured(str(data.get("split"))) or data
                self._keep("model_dir", shown.get("model_dir"))
            case "card":
                self._keep("model_card", data.get("path"))
                self._keep("model_dir", data.get("model_dir"))
            case "published":
                self._keep("published", data.get("path"))
                self.repo_id = str(data.get("repo_id", ""))
            case _:
                pass

    def _keep_paths(self, step: Step) -> None:
        """Paths that no fact holds stand in the answers."""
        if step.tool == "write_model_card":
            self._keep("picture", step.answer.get("picture"))
        elif step.tool == "write_reproduce_bundle":
            self._keep("reproduce", step.answer.get("path"))
        elif step.tool == "watch_job" and step.answer.get("status") == "succeeded":
            self._keep("model_dir", step.answer.get("output_dir"))

    def _keep(self, kind: str, path: object) -> None:
        if isinstance(path, str) and path:
            self.artefacts[kind] = str(self.workspace / path)


def fold(recorded: Iterable[Recorded]) -> View:
    """The view of these events."""
    view = View()
    for one in recorded:
        view.apply(one)
    return view


def _again_at(recorded: Recorded) -> datetime | None:
    match recorded.event:
        case ModelFailed(retry_in_s=float() as wait_s) if wait_s:
            return recorded.at + timedelta(seconds=wait_s)
        case _:
            return None


def _sum(one: Usage, other: Usage) -> Usage:
    return Usage(
        input_tokens=one.input_tokens + other.input_tokens,
        output_tokens=one.output_tokens + other.output_tokens,
        cache_read_tokens=one.cache_read_tokens + other.cache_read_tokens,
        cache_write_tokens=one.cache_write_tokens + other.cache_write_tokens,
    )


def _accuracy(evaluation: dict[str, Any]) -> float:
    found = _numbers(evaluation).get("accuracy")
    return found if isinstance(found, int | float) else -1.0


def _numbers(evaluation: dict[str, Any]) -> dict[str, Any]:
    metrics, interval = evaluation.get("metrics"), evaluation.get("accuracy_interval_95")
    return {
        "rows": evaluation.get("rows"),
        **(metrics if isinstance(metrics, dict) else {}),
        **({"accuracy_interval_95": interval} if interval else {}),
    }


def json_object(text: str) -> dict[str, Any]:
    """`text` as a JSON object; empty for anything else."""
    if not text.lstrip().startswith("{"):
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
