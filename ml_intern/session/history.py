"""What stands in a session: calls and their stages, facts, running jobs, how the last turn ended.

A fold of the journal and nothing else; `apply` is its only writer. Not thread-safe: one turn owns
it.
"""

from collections import Counter
from collections.abc import Iterator
from typing import assert_never

from ml_intern.effort import Effort
from ml_intern.events import (
    ApprovalDecided,
    ApprovalRequested,
    CallParked,
    Compacted,
    CompactRequested,
    Event,
    Fact,
    ForkedFrom,
    JobEnded,
    JobStarted,
    Machine,
    ModelChanged,
    ModelFailed,
    ModelReplied,
    ModelSwitched,
    OpCancelled,
    RuleGranted,
    RuleRevoked,
    SessionStarted,
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
from ml_intern.messages import CallId, JobId
from ml_intern.session.guards import Conduct, Standing
from ml_intern.session.knowledge import Knowledge
from ml_intern.session.meter import Meter
from ml_intern.session.open_call import OpenCall, Step, planned
from ml_intern.tools.facts import Facts, pinned

OF_THE_MODEL = ("plan", "pin", "unpin")
"""Facts that are what the model means to do or remember, not what was found out."""


def _taken_over(parent: ForkedFrom) -> Iterator[Fact]:
    """What counts in a fork of what was before it. A file brings no workspace."""
    if not parent.source:
        yield Fact(kind="forked", data={"session_id": parent.session_id})
    yield from parent.scored
    yield from parent.meant


class History:
    """The state of one session, event by event."""

    def __init__(self) -> None:
        self.open_calls: dict[CallId, OpenCall] = {}
        self.facts: list[Fact] = []
        self.jobs: dict[JobId, JobStarted] = {}
        """Those that run."""
        self.rules: dict[str, RuleGranted] = {}
        """What people have approved in general and not revoked, by id."""
        self.iterations = 0
        """Model answers since a person last said something."""
        self.max_iterations: int | None = None
        """Of this session alone; None: the setting counts."""
        self.instructions = ""
        """Of whoever started the session, for the system prompt."""
        self.machine: Machine | None = None
        """Where it began."""
        self.model = ""
        """That the session was given; another of its chain may answer."""
        self.answering = ""
        """The model of the chain that answered last, or is to answer first."""
        self.effort: Effort | None = None
        """With which models are asked; None: the setting counts."""
        self.efforts: dict[str, Effort] = {}
        """Of models that did not take as much, by name."""
        self.failures: Counter[str] = Counter()
        """By model, how often in a row it gave the session no answer."""
        self.compact_requested: CompactRequested | None = None
        """Until it is done, or given up."""
        self.said: list[str] = []
        """The person's words, oldest first."""
        self.last_turn: TurnFinished | None = None
        """None while a turn is going on, or was cut off."""
        self.answers: list[tuple[CallId, ...]] = []
        """The ids of the calls of each answer that a model has given, oldest first."""
        self.summaries = 0
        self.by_rules = 0
        """How many of them, the last ones, no model wrote."""
        self.unanswered: list[tuple[str, str]] = []
        """For each request since the last answer that got none, the model and what it said."""
        self.conduct = Conduct()
        self.meter = Meter()
        self.knowledge = Knowledge()
        self._taken_up: set[int] = set()
        self._without_thoughts: set[str] = set()
        """Models that did not take the thoughts of the run of calls under way."""
        self._facts_when_said: list[int] = []
        """How many facts there were, for each of `said` that was no answer."""
        self._played: tuple[Fact, ...] = ()
        """Evaluations on test splits that what is played may repeat."""

    def took_up(self, op_seq: int) -> bool:
        """Whether a turn has begun for this op, perhaps in a process that died."""
        return op_seq in self._taken_up

    def open_question(self) -> OpenCall | None:
        """The call that waits for a person's words, if there is one."""
        for open_call in self.open_calls.values():
            if (open_call.waiting_on or "").startswith("answer:"):
                return open_call
        return None

    def ends_with_words(self) -> list[OpenCall]:
        """The open calls that end when a person's last words are taken back.

        Those that are parked and were made before these words go on waiting.
        """
        last = len(self._facts_when_said)
        return [
            call
            for call in self.open_calls.values()
            if not call.parked or call.words_before >= last
        ]

    @property
    def pins(self) -> dict[str, str]:
        """What the model has pinned and not unpinned, by id."""
        return pinned(Facts(self.facts))

    def standing(self) -> Standing:
        """What the guards of the turn need to know beside the model's conduct."""
        plan = Facts(self.facts).latest("plan") or {"items": []}
        return Standing(
            open_steps=[item["step"] for item in plan["items"] if item["status"] != "done"],
            jobs=[f"{job.label} ({job_id})" for job_id, job in self.jobs.items()],
            parked=[
                call.waiting_on
                for call in self.open_calls.values()
                if call.parked and call.waiting_on is not None
            ],
        )

    def apply(self, event: Event) -> None:
        """Take up one event, in journal order."""
        self.conduct.apply(event)
        self.meter.apply(event)
        self.knowledge.apply(event)
        match event:
            case SessionStarted():
                self._begin(event)
            case UserSaid(text=text):
                self._hear(text)
            case Undone():
                self._take_back(event)
            case TurnStarted(op_seq=op_seq):
                self._taken_up.add(op_seq)
                self.last_turn = None
            case TurnFinished():
                self.last_turn = event
            case CompactRequested() | OpCancelled() | Compacted():
                self._apply_compaction(event)
            case ModelChanged() | ModelSwitched() | ModelFailed() | ModelReplied():
                self._apply_model(event)
            case JobStarted(job_id=job_id):
                self.jobs[job_id] = event
            case JobEnded(job_id=job_id):
                self.jobs.pop(job_id, None)
            case RuleGranted():
                self.rules[event.rule_id] = event
            case RuleRevoked():
                self.rules.pop(event.rule_id, None)
            case ApprovalRequested() | ApprovalDecided() | ToolStarted() | ToolWaiting():
                self._move(event)
            case ToolLost() | UnknownResolved() | CallParked():
                self._move(event)
            case ToolFinished():
                self._close(event)
            case _:
                pass

    def _begin(self, event: SessionStarted) -> None:
        self.max_iterations = event.max_iterations
        self.instructions = event.instructions
        self.machine = event.machine
        self.model = self.answering = event.model
        self.effort = event.effort
        if event.forked_from is not None:
            self.facts.extend(_taken_over(event.forked_from))
        if event.replayed is not None:
            self.facts.extend(event.replayed.scored_before)
            self._played = event.replayed.scored

    def _apply_model(
        self, event: ModelChanged | ModelSwitched | ModelFailed | ModelReplied
    ) -> None:
        match event:
            case ModelChanged():
                self._stop_playing()
                self._change_model(event)
            case ModelSwitched(model=model):
                self.answering = model
            case ModelFailed():
                self._failed(event)
            case ModelReplied():
                self._plan(event)
            case _:
                assert_never(event)

    def _change_model(self, event: ModelChanged) -> None:
        self.model = self.answering = event.model
        self.effort = event.effort or self.effort
        self.efforts.clear()
        self.failures.clear()

    def _failed(self, event: ModelFailed) -> None:
        self.failures[event.model] += 1
        self.unanswered.append((event.model, event.error))
        if event.effort is not None:
            self.efforts[event.model] = event.effort
        if event.trouble == "thinking":
            self._without_thoughts.add(event.model)

    def _plan(self, reply: ModelReplied) -> None:
        """An answer makes calls; of those before it only the parked ones are still open."""
        self.iterations += 1
        self.failures.clear()
        self.unanswered.clear()
        self.answers.append(tuple(call.call_id for call in reply.tool_calls))
        parked = {key: call for key, call in self.open_calls.items() if call.parked}
        self.open_calls = parked | planned(reply, words_before=len(self._facts_when_said))

    def _hear(self, words: str) -> None:
        """A person has spoken: a run of calls without thoughts is over."""
        self.said.append(words)
        self._facts_when_said.append(len(self.facts))
        self.iterations = 0
        self.failures.clear()
        for model in self._without_thoughts:
            self.efforts.pop(model, None)
        self._without_thoughts.clear()

    def _apply_compaction(self, event: CompactRequested | OpCancelled | Compacted) -> None:
        match event:
            case CompactRequested(op_seq=op_seq):
                self._taken_up.add(op_seq)
                self.compact_requested = event
            case OpCancelled(op_seq=op_seq):
                asked = self.compact_requested
                if asked is not None and asked.op_seq == op_seq:
                    self.compact_requested = None
            case Compacted():
                self.summaries += 1
                self.by_rules = self.by_rules + 1 if event.written_by == "rules" else 0
                if event.trigger == "asked":
                    self.compact_requested = None
            case _:
                assert_never(event)

    def _stop_playing(self) -> None:
        """Who decides from here on may know what the recording scored."""
        scores = Facts(self.facts).all("evaluation", split="test")
        own = {score.get("fingerprint") for score in scores}
        self.facts += [fact for fact in self._played if fact.data.get("fingerprint") not in own]
        self._played = ()

    def _take_back(self, event: Undone) -> None:
        """The words count no more, nor a plan or pins made since; what was checked still holds."""
        if event.words in self.said:
            del self.said[len(self.said) - 1 - self.said[::-1].index(event.words) :]
        before = self._facts_when_said.pop() if self._facts_when_said else 0
        since = [fact for fact in self.facts[before:] if fact.kind not in OF_THE_MODEL]
        self.facts[before:] = since
        self.iterations = 0

    def _move(self, step: Step) -> None:
        self.open_calls[step.call_id] = self.open_calls[step.call_id].after(step)

    def _close(self, event: ToolFinished) -> None:
        self.open_calls.pop(event.call_id, None)
        if event.answered_by == "person":
            self.said.append(event.output)
        self.facts.extend(event.facts)
