"""What a session says in its thread: a fold of its events that gives messages. Pure.

The same events give the same messages under the same keys, so that going over them again after a
crash stores nothing twice.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ml_intern import events
from ml_intern.client.view import View, json_object
from ml_intern.events import (
    ApprovalDecided,
    ApprovalReminded,
    ApprovalRequested,
    BudgetExtended,
    BudgetNoticed,
    BudgetReached,
    JobEnded,
    JobProgressed,
    JobStarted,
    ModelReplied,
    ModelSwitched,
    Notified,
    RuleGranted,
    RuleRevoked,
    SessionStarted,
    ToolFinished,
    ToolLost,
    ToolWaiting,
    TurnFinished,
    UnknownResolved,
    UserSaid,
)
from ml_intern.messages import ApprovalId, CallId, JobId, SessionId
from ml_intern.queue.mail import Draft
from ml_intern.queue.rows import Recorded
from ml_intern.slack import approvals, budgets, course, drafts, models, questions
from ml_intern.slack.drafts import Said

DIGEST_EVERY = timedelta(seconds=30)
ORIGIN = "slack:"


def clean(recorded: Recorded, redact: Callable[[Any], Any]) -> Recorded:
    """Without what should stay home; `redact` takes and gives a JSON value."""
    found = redact(json.loads(events.encode(recorded.event)))
    return replace(recorded, event=events.decode(json.dumps(found, ensure_ascii=False)))


class Thread:
    """One session, event by event. Not thread-safe."""

    def __init__(
        self,
        session_id: SessionId,
        channel: str,
        channels: Mapping[str, str],
        trace: Callable[[SessionId], str],
    ) -> None:
        """`channel`: where sessions that were not started in Slack are told; empty: nowhere.

        `channels`: where the model may send notices, by name.
        """
        self._id = session_id
        self._channel = channel
        self._channels = channels
        self._trace = trace
        self._ts = ""
        """Of the message that somebody started it with, in Slack."""
        self.view = View()
        self.seq = 0
        self._requests: dict[ApprovalId, ApprovalRequested] = {}
        self._rules: dict[str, RuleGranted] = {}
        self._together: dict[str, tuple[ApprovalId, ...]] = {}
        """The open calls of questions with several, as they were told to be decided at once."""
        self._expiries: dict[CallId, str] = {}
        """Of questions in words."""
        self._questions: dict[CallId, tuple[str, str]] = {}
        """Keys of the rows about open questions in words, and the questions."""
        self._given_up = ""
        """The question that nobody answered in time, until somebody says something."""
        self._unread = False
        """Somebody said something, and no model has answered since."""
        self._lost: dict[CallId, str] = {}
        """Keys of the rows about calls that are lost."""
        self._budgets: dict[str, str] = {}
        """Keys of the rows about caps that are reached."""
        self._models = models.Models()
        self._digests: dict[JobId, datetime] = {}
        self._words = ""
        """The model's last, where it called nothing with them."""

    def take(self, recorded: Recorded) -> list[Draft]:
        """Take up one event, in journal order; what is to be sent for it."""
        event = recorded.event
        if isinstance(event, SessionStarted):
            self._place(event)
        self.view.apply(recorded)
        self.seq = recorded.seq
        found = self._tell(recorded)
        if not self._channel:
            return [one for one in found if one.lane.startswith("to:")]
        return [self._root(), *found] if found else []

    def _place(self, event: SessionStarted) -> None:
        if event.origin.startswith(ORIGIN):
            self._channel, _, self._ts = event.origin.removeprefix(ORIGIN).partition(":")

    def _root(self) -> Draft:
        """Stored once; here so that no message ever lacks its thread."""
        if self._ts:
            return drafts.known_root(self._id, channel=self._channel, ts=self._ts)
        return drafts.root(self._id, course.began(self.view), channel=self._channel)

    def _tell(self, recorded: Recorded) -> list[Draft]:
        event, seq = recorded.event, recorded.seq
        match event:
            case SessionStarted():
                return (
                    [self._post("started", course.taken_up(self.view))]
                    if self._ts
                    else [self._root()]
                )
            case ApprovalRequested() | ApprovalDecided() | ApprovalReminded():
                return self._tell_approval(event, seq)
            case RuleGranted() | RuleRevoked():
                return self._tell_rule(event, seq)
            case ToolWaiting(call_id=call_id, on=on) if on.startswith("answer:"):
                words, key = self.view.questions.get(call_id, ""), f"question:{seq}"
                self._questions[call_id] = (key, words)
                self._expiries[call_id] = event.expires_at
                return [self._post(key, questions.question(words, event.expires_at))]
            case UserSaid():
                self._unread = True
                return self._tell_too_late(seq)
            case ToolFinished(call_id=call_id):
                return [*self._close_question(event, seq), *self._withdraw(call_id, seq)]
            case ToolLost(call_id=call_id):
                self._lost[call_id] = f"unknown:{call_id}:{seq}"
                return []
            case UnknownResolved():
                return self._tell_resolved(event, seq)
            case ModelReplied(text=text, tool_calls=calls, model=model):
                self._words = "" if calls else text
                self._unread = False
                return self._perhaps(f"answers:{seq}", self._models.answered(model))
            case ModelSwitched():
                said = self._models.switched(event, recorded.at)
                return self._perhaps(f"switched:{seq}", said)
            case JobStarted() | JobProgressed() | JobEnded():
                return self._tell_job(event, recorded)
            case BudgetReached() | BudgetExtended() | BudgetNoticed():
                return self._tell_budget(event, seq)
            case Notified():
                return self._tell_notice(event, seq)
            case TurnFinished():
                return self._tell_end(event, recorded)
            case _:
                return []

    def _tell_approval(
        self, event: ApprovalRequested | ApprovalDecided | ApprovalReminded, seq: int
    ) -> list[Draft]:
        match event:
            case ApprovalRequested(approval_id=approval_id):
                self._requests[approval_id] = event
                asked = self._post(f"approval:{approval_id}", approvals.asked(event))
                return [asked, *self._files(event)]
            case ApprovalDecided(approval_id=approval_id):
                request = self._requests.pop(approval_id, None)
                if request is None:
                    return []
                said = approvals.decided(request, event)
                decided = self._update(f"approval:{approval_id}", seq, said)
                return [decided, *self._retell_together(seq)]
            case ApprovalReminded():
                open_request = self._requests.get(event.approval_id or ApprovalId(""))
                words = self.view.questions.get(event.call_id, "")
                expires_at = self._expiries.get(event.call_id, "")
                said = approvals.reminded(open_request, words, expires_at, event.number)
                return [self._post(f"reminder:{seq}", said)]

    def _tell_rule(self, event: RuleGranted | RuleRevoked, seq: int) -> list[Draft]:
        key = f"rule:{event.rule_id}"
        if isinstance(event, RuleGranted):
            self._rules[event.rule_id] = event
            return [self._post(key, approvals.granted(self._id, event))]
        rule = self._rules.pop(event.rule_id)
        return [self._update(key, seq, approvals.revoked(rule, event))]

    def _files(self, event: ApprovalRequested) -> list[Draft]:
        return [
            drafts.file(
                self._id,
                f"file:{event.approval_id}:{number}",
                name,
                content,
                channel=self._channel,
            )
            for number, (name, content) in enumerate(approvals.files_of(event))
        ]

    def _close_question(self, event: ToolFinished, seq: int) -> list[Draft]:
        found = self._questions.pop(event.call_id, None)
        self._expiries.pop(event.call_id, None)
        if found is None:
            return []
        key, words = found
        self._given_up = ""
        match event.answered_by:
            case "person":
                said = questions.answered(words, str(json_object(event.output).get("answer", "")))
            case "recovery":
                self._given_up = words
                said = questions.given_up(words)
            case _:
                said = questions.dropped(words)
        return [self._update(key, seq, said)]

    def _tell_too_late(self, seq: int) -> list[Draft]:
        words, self._given_up = self._given_up, ""
        return [self._post(f"late:{seq}", questions.too_late(words))] if words else []

    def _withdraw(self, call_id: CallId, seq: int) -> list[Draft]:
        """A call that was answered without a decision needs none any more."""
        found = [one for one in self._requests.values() if one.call_id == call_id]
        for request in found:
            del self._requests[request.approval_id]
        taken_back = [
            self._update(f"approval:{one.approval_id}", seq, approvals.withdrawn(one))
            for one in found
        ]
        return taken_back + self._retell_together(seq)

    def _tell_together(self, seq: int) -> list[Draft]:
        """The questions of several calls, once all of their calls have been asked about."""
        several = [
            question_id
            for question_id in dict.fromkeys(one.question_id for one in self._requests.values())
            if question_id not in self._together and len(self._open(question_id)) > 1
        ]
        told = []
        for question_id in several:
            requests = self._open(question_id)
            self._together[question_id] = tuple(one.approval_id for one in requests)
            said = approvals.together(self._id, requests)
            told.append(self._post(f"together:{question_id}", said))
        return told + self._retell_together(seq)

    def _retell_together(self, seq: int) -> list[Draft]:
        """Those of which other calls are open now than was told."""
        told = []
        for question_id, before in list(self._together.items()):
            requests = self._open(question_id)
            now = tuple(one.approval_id for one in requests)
            if now != before:
                self._together[question_id] = now
                said = approvals.together(self._id, requests)
                told.append(self._update(f"together:{question_id}", seq, said))
        return told

    def _open(self, question_id: str) -> list[ApprovalRequested]:
        return [one for one in self._requests.values() if one.question_id == question_id]

    def _tell_resolved(self, event: UnknownResolved, seq: int) -> list[Draft]:
        step, key = self.view.step(event.call_id), self._lost.pop(event.call_id, None)
        if step is None or key is None:
            return []
        return [self._update(key, seq, questions.resolved(step.tool, event))]

    def _tell_budget(
        self, event: BudgetReached | BudgetExtended | BudgetNoticed, seq: int
    ) -> list[Draft]:
        match event:
            case BudgetReached(cap=cap):
                before = self._close_budgets([cap], seq)
                self._budgets[cap] = f"budget:{seq}"
                return [*before, self._post(f"budget:{seq}", budgets.reached(self._id, seq, event))]
            case BudgetExtended(cap=cap):
                key = self._budgets.pop(cap, None)
                return [] if key is None else [self._update(key, seq, budgets.extended(event))]
            case BudgetNoticed():
                return [self._post(f"noticed:{seq}", budgets.noticed(event))]

    def _close_budgets(self, caps: Iterable[str], seq: int) -> list[Draft]:
        """Nobody is asked for more room any more where it was asked for until now."""
        return [
            self._update(key, seq, budgets.no_longer_reached(cap))
            for cap in caps
            if (key := self._budgets.pop(cap, None))
        ]

    def _tell_job(
        self, event: JobStarted | JobProgressed | JobEnded, recorded: Recorded
    ) -> list[Draft]:
        job = self.view.jobs[event.job_id]
        key, said = f"job:{event.job_id}", course.progress(job)
        if isinstance(event, JobStarted):
            self._digests[event.job_id] = recorded.at
            return [self._post(key, said)]
        if isinstance(event, JobProgressed):
            if recorded.at - self._digests.get(event.job_id, recorded.at) < DIGEST_EVERY:
                return []
            self._digests[event.job_id] = recorded.at
        curve = job.losses.values()
        more = {"curve": curve} if len(curve) > 1 else {}
        return [self._update(key, recorded.seq, said, **more)]

    def _tell_notice(self, event: Notified, seq: int) -> list[Draft]:
        said = course.notified(event.text, self._id)
        if not event.destination:
            return [self._post(f"notice:{seq}", said)]
        channel = self._channels.get(event.destination)
        if channel is None:
            return []
        return [drafts.announcement(self._id, f"notice:{seq}", said, channel=channel)]

    def _tell_end(self, event: TurnFinished, recorded: Recorded) -> list[Draft]:
        seq = recorded.seq
        over = [cap for cap in self._budgets if f"budget:{cap}" not in event.waiting_on]
        closed = self._close_budgets(over, seq)
        if event.outcome != "waiting":
            self._models.ended()
            said = course.ended(self.view, event, self._trace(self._id))
            return [*closed, self._post(f"ended:{seq}", said)]
        asked = [on.removeprefix("unknown:") for on in event.waiting_on if "unknown:" in on]
        words, self._words = self._words, ""
        spoken = [self._post(f"words:{seq}", questions.words(words))] if words.strip() else []
        noted = self._note_words(event, recorded)
        return [*closed, *spoken, *noted, *self._tell_together(seq)] + [
            self._post(key, questions.unknown(self._id, step))
            for call_id in asked
            if (key := self._lost.get(CallId(call_id)))
            and (step := self.view.step(CallId(call_id)))
        ]

    def _note_words(self, event: TurnFinished, recorded: Recorded) -> list[Draft]:
        """Words that wait for a job or a model are not left without an answer meanwhile."""
        if (again := self.view.models_at) is not None:
            return self._note_wait(event, again, recorded)
        jobs = [job for job in self.view.running_jobs if f"job:{job.job_id}" in event.waiting_on]
        if not (self._unread and jobs):
            return []
        self._unread = False
        return [self._post(f"noted:{recorded.seq}", course.noted(jobs, recorded.at))]

    def _note_wait(self, event: TurnFinished, again: datetime, recorded: Recorded) -> list[Draft]:
        unread, self._unread = self._unread, False
        if said := self._models.waits(event, again, recorded.at):
            return [self._post(f"waits:{recorded.seq}", said)]
        return [self._post(f"noted:{recorded.seq}", models.noted(again))] if unread else []

    def _perhaps(self, key: str, said: Said | None) -> list[Draft]:
        return [self._post(key, said)] if said else []

    def _post(self, key: str, said: Said) -> Draft:
        return drafts.post(self._id, key, said, channel=self._channel)

    def _update(self, target: str, seq: int, said: Said, **more: object) -> Draft:
        return drafts.update(
            self._id, f"{target}:{seq}", target, said, channel=self._channel, **more
        )
