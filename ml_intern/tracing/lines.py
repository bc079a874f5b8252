"""The lines of one session: a fold of its events into what readers of the format expect.

Deterministic: the same events give the same lines, whatever files they come to stand in, so a file
is continued by folding the journal again and leaving out what it holds. Every call is answered at
most once; those that are still open when a turn ends are answered here. Not thread-safe.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal, assert_never

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
from ml_intern.messages import (
    AssistantMessage,
    CallId,
    Message,
    SessionId,
    SystemMessage,
    ToolCall,
    ToolMessage,
    Usage,
    UserMessage,
)
from ml_intern.queue.rows import Recorded
from ml_intern.tracing import notices
from ml_intern.tracing.before import BeforeModel
from ml_intern.tracing.chain import Entry, uuid_of
from ml_intern.tracing.mark import Place
from ml_intern.tracing.notices import Jobs, Notice
from ml_intern.tracing.redaction import Redactor
from ml_intern.tracing.redaction.home import below_home
from ml_intern.tracing.shown import MAX_WORDS_BYTES, Shown
from ml_intern.transcript.line import (
    PROGRAM,
    Answered,
    Block,
    Body,
    JsonObject,
    Noticed,
    Replied,
    Said,
    Text,
    Thinking,
    Title,
    ToolUse,
    TurnTook,
    line_uuid,
    plain,
    tool_input,
)
from ml_intern.transcript.line import Compacted as Boundary

_RECALLED: JsonObject = {"recalled": True}
UNFINISHED = "Interrupted before the tool finished."
STOP_REASONS = {"end": "end_turn", "tool_calls": "tool_use", "length": "max_tokens"}


@dataclass(frozen=True, kw_only=True)
class _OpenCall:
    """A call on a line, without its answer."""

    use_id: str
    tool: str
    asked_in: str
    approval: JsonObject | None = None


class SessionLines:
    """Folds one session. `seq` is the number of the last event that was taken."""

    def __init__(self, session_id: SessionId, redactor: Redactor) -> None:
        self.seq = 0
        self._session_id = session_id
        self._redactor = redactor
        self._shown = Shown(redactor)
        self._version = ""
        self._context_tokens = 0
        self._task = ""
        self._model = ""
        """The session's own; another may answer."""
        self._started: SessionStarted | None = None
        self._titled = False
        self._calls: dict[CallId, _OpenCall] = {}
        self._parked: dict[CallId, _OpenCall] = {}
        self._use_ids: set[str] = set()
        self._jobs = Jobs()
        self._before = BeforeModel()
        self._turn_began: datetime | None = None
        self._spoken = False
        self._answered = False
        # From before the first words of a person, which readers want first.
        self._held: list[tuple[Body, JsonObject]] = []
        # Of the event at hand.
        self._at = datetime.min.replace(tzinfo=UTC)
        self._entries: list[Entry] = []

    def take(self, recorded: Recorded) -> list[Entry]:
        """The lines that the session's next event makes."""
        self.seq, self._at, self._entries = recorded.seq, recorded.at, []
        self._apply(recorded.event, recorded.at)
        self._before.take(recorded.event, self._message_line())
        return self._entries

    def _message_line(self) -> str:
        """The uuid of the line of the event at hand that holds its message; empty: none does."""
        for kinds in ((Said, Replied), (Answered,)):
            for entry in self._entries:
                if isinstance(entry.body, kinds):
                    return uuid_of(self._session_id, entry.place)
        return ""

    def _apply(self, event: Event, at: datetime) -> None:
        match event:
            case SessionStarted():
                self._start(event)
            case Recalled():
                self._recall(event)
            case UserSaid():
                self._person(event)
            case Hinted():
                self._add(Said(text=self._shown.words(event.text), is_meta=True))
            case TurnStarted():
                self._turn_began = self._turn_began or at
            case ModelReplied():
                self._reply(event)
            case ModelFailed() | InterruptRequested() | OpCancelled() | ApprovalRequested():
                self._notice(notices.notice(event))
            case ModelSwitched() | CompactRequested():
                self._notice(notices.notice(event))
            case Shortened():
                self._shorten(event)
            case ModelChanged():
                self._notice(notices.model_changed(event, self._model))
                self._model = event.model
            case ToolLost() | UnknownResolved() | Undone():
                self._notice(notices.notice(event))
            case RuleGranted() | RuleRevoked() | AccessRefused() | ApprovalReminded() | Notified():
                self._notice(notices.notice(event))
            case BudgetNoticed() | BudgetReached() | BudgetExtended():
                self._notice(notices.notice(event))
            case Compacted():
                self._compact(event)
            case ApprovalDecided():
                self._approval(event)
            case ToolFinished():
                self._answer(event)
            case JobStarted() | JobProgressed() | JobEnded():
                if (said := self._jobs.take(event, at)) is not None:
                    self._notice(said)
            case TurnFinished():
                self._turn_end(event, at)
            case CallParked():
                self._park(event)
            case ModelAsked() | ToolStarted() | ToolWaiting():
                pass
            case _:
                assert_never(event)

    # Words

    def _start(self, event: SessionStarted) -> None:
        self._started = event
        self._version, self._model = event.version, event.model
        self._shown = Shown(self._redactor, event.workspace)

    def _person(self, event: UserSaid) -> None:
        self._say(event.text, {"author": self._shown.brief(event.author)})

    def _say(self, text: str, extra: JsonObject) -> None:
        """Words of a person, here or in the session that this one was forked from."""
        if not self._spoken:
            self._task = self._shown.brief(text)
            if self._started is not None:
                extra = {**extra, **self._about(self._started)}
        self._spoken = True
        self._add(Said(text=self._shown.words(text)), extra)
        held, self._held = self._held, []
        for body, held_extra in held:
            self._add(body, held_extra)

    def _about(self, started: SessionStarted) -> JsonObject:
        """What the first line says of the session."""
        about: JsonObject = {"model": self._shown.brief(started.model)}
        if started.effort is not None:
            about["effort"] = started.effort
        if (machine := started.machine) is not None:
            about["run"] = {
                "cpus": machine.cpus,
                **({"threads": machine.threads} if machine.threads else {}),
                "system": self._shown.brief(machine.system),
                "python": self._shown.brief(machine.python),
                "startedIn": below_home(self._shown.brief(started.started_in)),
            }
        if (parent := started.forked_from) is not None:
            source = {"source": self._shown.brief(parent.source)} if parent.source else {}
            scored, meant = self._facts(parent.scored), self._facts(parent.meant)
            about["forkedFrom"] = {
                "sessionId": self._shown.brief(parent.session_id),
                "turn": parent.turn,
                **source,
                **({"scored": scored} if scored else {}),
                **({"meant": meant} if meant else {}),
            }
        if (replayed := started.replayed) is not None:
            about["replayed"] = {
                "scoredBefore": self._facts(replayed.scored_before),
                "scored": self._facts(replayed.scored),
            }
        return about

    def _facts(self, facts: Iterable[Fact]) -> list[JsonObject]:
        return [self._shown.fact(fact) for fact in facts]

    def _reply(self, event: ModelReplied) -> None:
        self._close_calls()
        uses = [self._use(call) for call in event.tool_calls]
        asked_in = self._add(
            self._replied(event, uses),
            {"replyId": self._shown.brief(event.reply_id), "durationMs": event.duration_ms},
        )
        self._expect(event.tool_calls, uses, asked_in)
        self._context_tokens = _tokens(event.usage)
        self._title()

    def _expect(self, calls: Iterable[ToolCall], uses: Iterable[ToolUse], asked_in: str) -> None:
        """Their results will come."""
        for call, use in zip(calls, uses, strict=True):
            self._calls[call.call_id] = _OpenCall(
                use_id=use.use_id, tool=use.name, asked_in=asked_in
            )

    # Of the session that this one was forked from

    def _recall(self, event: Recalled) -> None:
        match event.message:
            case UserMessage() as said:
                self._recall_words(said)
            case AssistantMessage() as answer:
                self._recall_answer(answer, event.model)
            case ToolMessage() as result:
                self._recall_result(result)
            case _:
                assert_never(event.message)

    def _recall_words(self, said: UserMessage) -> None:
        if said.summary and self._spoken:
            self._sum_up(said.text, _RECALLED, _RECALLED)
        elif said.injected:
            self._add(Said(text=self._shown.words(said.text), is_meta=True), _RECALLED)
        else:
            self._say(said.text, _RECALLED)

    def _recall_answer(self, answer: AssistantMessage, model: str) -> None:
        """It was paid for there."""
        uses = [self._use(call) for call in answer.tool_calls]
        stop: Literal["tool_calls", "end"] = "tool_calls" if uses else "end"
        replied = Replied(
            message_id=f"msg_{self._unique()}",
            request_id=f"req_{self._unique()}",
            model=self._shown.brief(model),
            blocks=self._blocks(answer.thinking, answer.text, uses),
            stop_reason=STOP_REASONS[stop],
            usage=Usage(),
            cost_usd=0.0,
        )
        self._expect(answer.tool_calls, uses, self._add(replied, _RECALLED))

    def _recall_result(self, result: ToolMessage) -> None:
        call = self._calls.pop(result.call_id, None)
        if call is not None:
            details: JsonObject = {
                "tool": self._shown.brief(result.name),
                "ok": not result.is_error,
            }
            text = self._shown.output(result.text)
            self._add_answer(call, text, is_error=result.is_error, details=details, extra=_RECALLED)

    def _replied(self, event: ModelReplied, uses: list[ToolUse]) -> Replied:
        unique = self._unique()
        return Replied(
            message_id=f"msg_{unique}",
            request_id=f"req_{unique}",
            model=self._shown.brief(event.model),
            blocks=self._blocks(event.thinking, event.text, uses),
            stop_reason=STOP_REASONS[event.stop_reason],
            usage=event.usage,
            cost_usd=None if event.cost_micro_usd is None else event.cost_micro_usd / 1_000_000,
        )

    def _blocks(self, thinking: str, text: str, uses: Iterable[ToolUse]) -> tuple[Block, ...]:
        thought = Thinking(text=self._shown.words(thinking))
        return (thought, Text(text=self._shown.words(text)), *uses)

    def _unique(self) -> str:
        return line_uuid(self._session_id, f"reply {self.seq}").replace("-", "")

    def _last_words(self, event: TurnFinished) -> None:
        """How the turn ended, as an answer: readers show those, and a file must hold one.

        No model gave it: it costs nothing and bears our own name.
        """
        unique = self._unique()
        words = Replied(
            message_id=f"msg_{unique}",
            request_id=f"req_{unique}",
            model=PROGRAM,
            blocks=(Text(text=self._shown.words(event.detail)),),
            stop_reason=STOP_REASONS["end"],
            usage=Usage(),
        )
        self._add(words, {"outcome": event.outcome})
        self._title()

    def _use(self, call: ToolCall) -> ToolUse:
        return ToolUse(
            use_id=self._use_id(call.call_id),
            name=self._shown.brief(call.name),
            input=self._shown.value(tool_input(call.arguments), MAX_WORDS_BYTES),
        )

    def _use_id(self, call_id: CallId) -> str:
        """The call's id; another one where it is empty or was used before."""
        use_id = first = plain(self._shown.whole(call_id)) or "call"
        number = 1
        while use_id in self._use_ids:
            number += 1
            use_id = f"{first}_{number}"
        self._use_ids.add(use_id)
        return use_id

    def _compact(self, event: Compacted) -> None:
        about = self._shown.value(notices.compacted(event))
        trigger: Literal["manual", "auto"] = "manual" if event.trigger == "asked" else "auto"
        extra: JsonObject = {"kept": event.kept}
        if line := self._before.kept_from(event):
            extra["keptFrom"] = line
        self._sum_up(event.summary, about, extra, trigger, event.tokens_before)

    def _sum_up(
        self,
        summary: str,
        about: JsonObject,
        extra: JsonObject,
        trigger: Literal["manual", "auto"] = "manual",
        tokens: int | None = None,
    ) -> None:
        """The mark of a compaction, and the summary below, each with what is said of it.

        `tokens`: of the conversation, as we count them, where no provider has.
        """
        before = self._context_tokens or tokens or 0
        boundary = Boundary(after="", before_tokens=before, trigger=trigger)
        self._add(boundary, about)
        self._add(Said(text=self._shown.words(summary), is_summary=True), extra)

    def _shorten(self, event: Shortened) -> None:
        """Which messages the model sees less of from here on, by their lines."""
        places = dict.fromkeys(cut.place for cut in event.cuts)
        named = [
            "the task" if place == 1 else _named(self._before.message(place)) for place in places
        ]
        self._notice(notices.shortened(event, named, self._before.line))

    def _title(self) -> None:
        """Behind the first answer: never first in the file, never written twice."""
        if self._titled or self._started is None or not self._spoken:
            return
        self._titled = True
        title = self._shown.brief(self._started.title)
        if title.strip():
            self._give(Title(session_id=self._session_id, title=title), {})

    # Calls

    def _approval(self, event: ApprovalDecided) -> None:
        calls = self._parked if event.call_id in self._parked else self._calls
        call = calls.get(event.call_id)
        event = replace(event, arguments=self._shown.value(event.arguments))
        decided = notices.approval_decided(event, call.tool if call else "the call")
        self._notice(decided)
        if call is not None:
            approval = self._shown.value(decided.extra["approval"])
            calls[event.call_id] = replace(call, approval=approval)

    def _answer(self, event: ToolFinished) -> None:
        call = self._calls.pop(event.call_id, None)
        text = self._shown.output(event.output, event.spilled_to)
        if (waited := self._parked.pop(event.call_id, None)) is not None:
            words = f"{event.tool}, which was waiting, has its outcome:\n{text}"
            outcome = self._details(event, waited)
            extra: JsonObject = {"callId": event.call_id, "outcome": outcome}
            self._add(Said(text=words, is_meta=True), extra)
            return
        if call is None:
            late = f"A late answer of {event.tool}: {text}"
            self._notice(Notice(text=late, extra={"callId": event.call_id}))
            return
        refused = not event.ok and event.answered_by in ("person", "policy")
        details = text if refused else self._details(event, call)
        self._add_answer(call, text, is_error=not event.ok, details=details)

    def _park(self, event: CallParked) -> None:
        """It has its one answer now; its outcome comes later, as words."""
        call = self._calls.pop(event.call_id, None)
        if call is not None:
            self._parked[event.call_id] = call
            text = self._shown.output(event.output)
            details: JsonObject = {"tool": call.tool, "parked": True}
            self._add_answer(call, text, is_error=False, details=details)

    def _details(self, event: ToolFinished, call: _OpenCall) -> JsonObject:
        """For programs. Keys like `status`, `content`, `prompt` mean something else to readers."""
        details: JsonObject = {
            "tool": self._shown.brief(event.tool),
            "ok": event.ok,
            "answeredBy": event.answered_by,
            "durationMs": event.duration_ms,
        }
        if event.cost_micro_usd:
            details["costMicroUsd"] = event.cost_micro_usd
        if event.facts:
            details["facts"] = [self._shown.fact(fact) for fact in event.facts]
        if event.spilled_to is not None:
            details["spilledTo"] = self._shown.brief(event.spilled_to)
        if call.approval is not None:
            details["approval"] = call.approval
        return details

    def _close_calls(self) -> None:
        """Answer what nobody will answer any more; readers lose calls that have no result."""
        calls, self._calls = self._calls, {}
        for call in calls.values():
            self._add_answer(call, UNFINISHED, is_error=True, details=UNFINISHED)

    # Turns

    def _turn_end(self, event: TurnFinished, at: datetime) -> None:
        if event.outcome == "waiting":
            self._notice(notices.turn_waits(event))
            return
        self._close_calls()
        duration_ms = notices.milliseconds(at - (self._turn_began or at))
        self._turn_began = None
        if event.outcome == "finished":
            self._add(TurnTook(duration_ms=duration_ms), {"outcome": event.outcome})
        else:
            self._notice(notices.turn_broke_off(event, duration_ms))
            if event.outcome == "failed" or not self._answered:
                self._last_words(event)

    # Lines

    def _notice(self, notice: Notice) -> None:
        noticed = Noticed(text=self._shown.notice(notice.text), level=notice.level)
        self._add(noticed, self._shown.value(notice.extra))

    def _add_answer(
        self,
        call: _OpenCall,
        text: str,
        *,
        is_error: bool,
        details: JsonObject | str,
        extra: JsonObject | None = None,
    ) -> None:
        answer = Answered(
            use_id=call.use_id,
            text=text,
            is_error=is_error,
            details=details,
            asked_in=call.asked_in,
        )
        self._add(answer, extra)

    def _add(self, body: Body, extra: JsonObject | None = None) -> str:
        """The line's uuid; none while it is held back."""
        if not self._spoken:
            self._held.append((body, extra or {}))
            return ""
        return self._give(body, extra or {})

    def _give(self, body: Body | Title, extra: JsonObject) -> str:
        place = Place(self.seq, len(self._entries))
        answers = isinstance(body, Replied)
        entry = Entry(
            place=place,
            at=self._at,
            version=self._version,
            body=body,
            extra=extra,
            calls_are_open=bool(self._calls) or isinstance(body, Answered),
            may_begin_part=answers and self._answered,
            context_tokens=self._context_tokens,
            task=self._task,
        )
        self._entries.append(entry)
        self._answered = self._answered or answers
        return uuid_of(self._session_id, place)


def _named(message: Message) -> str:
    """For people."""
    match message:
        case ToolMessage():
            return f"{message.name} ({message.call_id})"
        case AssistantMessage():
            return "an answer"
        case UserMessage(summary=True):
            return "the summary"
        case UserMessage() | SystemMessage():
            return "words"
        case _:
            assert_never(message)


def _tokens(usage: Usage) -> int:
    cached = usage.cache_read_tokens + usage.cache_write_tokens
    return usage.input_tokens + cached + usage.output_tokens
