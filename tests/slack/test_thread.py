"""What a session says in Slack: every message is one that Slack takes, and the same each time."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from ml_intern.clock import stamp
from ml_intern.events import (
    AnsweredBy,
    ApprovalDecided,
    ApprovalReminded,
    ApprovalRequested,
    BudgetExtended,
    BudgetNoticed,
    BudgetReached,
    Event,
    Exhibit,
    JobEnded,
    JobProgressed,
    JobStarted,
    ModelAsked,
    ModelFailed,
    ModelReplied,
    ModelSwitched,
    Notified,
    RuleGranted,
    RuleRevoked,
    SessionStarted,
    ToolFinished,
    ToolLost,
    ToolStarted,
    ToolWaiting,
    TurnFinished,
    TurnStarted,
    UnknownResolved,
    UserSaid,
)
from ml_intern.messages import ApprovalId, CallId, JobId, ToolCall, Usage
from ml_intern.queue.mail import Draft
from ml_intern.queue.rows import Recorded
from ml_intern.slack.thread import Thread, clean
from ml_intern.tracing.redaction import Redactor
from tests.queue.given import S, asked, lost, resolved
from tests.support.slack import TRAINING
from tests.support.slack.blocks import IN_MESSAGE, check_blocks
from tests.support.slack.shapes import Problems

A, C, J = ApprovalId("a1"), CallId("c1"), JobId("j1")
NASTY = "<!channel> & <@U1> ``` *x* \u202e" + "ü" * 50


class Told:
    """A thread, and all that it has given."""

    def __init__(self, channel: str = TRAINING, origin: str = "") -> None:
        self.thread = Thread(S, channel, {"team": "C0TEAM"}, lambda _id: "/traces/x.jsonl")
        self._numbers = count(1)
        self.at = datetime(2026, 1, 31, 12, tzinfo=UTC)
        self.first = self.take(
            SessionStarted(
                title=NASTY, model="m", workspace="/w", started_in="/", version="1", origin=origin
            )
        )

    def take(self, event: Event, *, after_s: float = 0) -> list[Draft]:
        self.at += timedelta(seconds=after_s)
        number = next(self._numbers)
        recorded = Recorded(position=number, session_id=S, seq=number, at=self.at, event=event)
        found = [draft for draft in self.thread.take(recorded) if draft.external_id is None]
        for draft in found:
            check(draft)
        return [draft for draft in found if not draft.dedupe.endswith(":root")]


def check(draft: Draft) -> None:
    if draft.body["act"] == "file":
        return
    problems = Problems(lambda _file: True)
    check_blocks(problems, "/blocks", draft.body["blocks"], IN_MESSAGE)
    assert problems.messages == []
    assert 0 < len(draft.body["text"]) <= 4000
    assert "<!channel>" not in str(draft.body)
    assert "<@U1>" not in str(draft.body)


def words(draft: Draft) -> str:
    return str(draft.body)


def buttons(draft: Draft) -> list[str]:
    return [
        element["action_id"]
        for block in draft.body["blocks"]
        if block["type"] == "actions"
        for element in block["elements"]
    ]


def request(**more: Any) -> ApprovalRequested:
    facts = {
        "approval_id": A,
        "call_id": C,
        "tool": "publish",
        "arguments": {"repo": NASTY, "script": "a\nb"},
        "arguments_sha256": "s",
        "reason": NASTY * 100,
    }
    return ApprovalRequested(**{**facts, **more})


def decision(verdict: str = "approve", **more: Any) -> ApprovalDecided:
    facts = {
        "approval_id": A,
        "call_id": C,
        "verdict": verdict,
        "arguments": {"repo": NASTY, "script": "a\nc"},
        "arguments_sha256": "t",
        "decided_by": "ada (slack:U0APPROVER)",
        "reason": NASTY,
    }
    return ApprovalDecided(**{**facts, **more})


@pytest.fixture
def told() -> Iterator[Told]:
    return Told()


def test_a_session_without_a_place_in_slack_says_nothing_but_what_the_model_announces() -> None:
    told = Told(channel="")
    assert told.first == []
    assert told.take(request()) == []
    (notice,) = told.take(Notified(call_id=C, text=NASTY, destination="team"))
    assert notice.body["channel"] == "C0TEAM"


def test_a_session_that_was_started_in_slack_is_told_where_it_was() -> None:
    told = Told(channel=TRAINING, origin="slack:C0OTHER:1.5")
    (started,) = told.first
    assert started.body["channel"] == "C0OTHER"
    assert "Started" in words(started)


@pytest.mark.parametrize("verdict", ["approve", "deny", "edit", "expire"])
def test_a_question_becomes_its_answer(told: Told, verdict: str) -> None:
    (question,) = told.take(request(like_this=True))
    assert buttons(question) == ["approve", "edit", "deny", "deny_reason", "approve_like"]
    (answer,) = told.take(decision(verdict))
    assert answer.body["target"] == question.dedupe
    assert buttons(answer) == []
    assert ("<@U0APPROVER>" in words(answer)) == (verdict != "expire")


@pytest.mark.parametrize(
    ("verdict", "reason", "text"),
    [
        ("approve", "", ":white_check_mark: `publish`: *Approved by <@U0APPROVER>*."),
        ("deny", "too dear", ":no_entry: `publish`: *Denied by <@U0APPROVER>*: too dear"),
        (
            "expire",
            "nobody decided in time",
            ":alarm_clock: `publish`: *Expired: nobody decided in time*, which counts as a no.",
        ),
    ],
)
def test_the_notification_of_a_decision_is_one_sentence(
    told: Told, verdict: str, reason: str, text: str
) -> None:
    told.take(request())
    (answer,) = told.take(decision(verdict, reason=reason))
    assert answer.body["text"] == text


def test_whatever_is_asked_fits_into_slack(told: Told) -> None:
    found = told.take(
        request(
            arguments={
                **{f"lines{n}": f"{NASTY}\n" * 200 for n in range(30)},
                **{f"x{n}": [NASTY] * 9 for n in range(60)},
            },
            exhibits=tuple(
                Exhibit(title=NASTY * 9, kind="python", text=f"{NASTY}\n" * n) for n in range(99)
            ),
            operation=NASTY * 9,
            repository=NASTY * 99,
            why=NASTY * 99,
            on_denial=NASTY * 99,
            expires_at="2026-01-31T12:00:00.000Z",
            cost_micro_usd=None,
            budget_left_micro_usd=1_500_000,
        )
    )
    files = [one.body for one in found if one.body["act"] == "file"]
    assert len(files) > 100
    assert all(f"{NASTY}\n" in one["content"] for one in files if one["name"].endswith(".py"))
    told.take(decision("edit", arguments={"script": "x\n" * 9000}))


@pytest.mark.parametrize("script", ["# " + "```" * 600 + "\nEVIL\n", "x\n" * 1196 + "EVIL\n"])
def test_what_is_not_shown_whole_comes_as_a_file(told: Told, script: str) -> None:
    question, *files = told.take(request(arguments={"script": script}))
    contents = [one.body["content"] for one in files]
    assert "EVIL" in str(question.body["blocks"]) or script in contents


def test_an_argument_of_any_name_hides_no_other(told: Told) -> None:
    given = {"arguments": "a\nb\n", "target": "elsewhere"}
    (question,) = told.take(request(arguments=given))
    assert "elsewhere" in str(question.body["blocks"])


def test_a_time_is_shown_by_the_clock_of_whoever_reads_it(told: Told) -> None:
    (question,) = told.take(request(expires_at="2026-01-31T12:00:30.500Z"))
    assert "<!date^1769860830^{date_short_pretty} {time}|2026-01-31 12:00 UTC>" in words(question)


def test_a_rule_is_told_with_how_to_take_it_back_until_somebody_does(told: Told) -> None:
    told.take(request(like_this=True))
    told.take(decision())
    rule = RuleGranted(
        rule_id="r7",
        approval_id=A,
        tool="publish",
        operation="create",
        repository="acme/digits",
        max_cost_micro_usd=250_000,
        granted_by="ada (slack:U0APPROVER)",
    )
    (granted,) = told.take(rule)
    assert "<@U0APPROVER>" in words(granted)
    assert "`publish` (create) for acme/digits that cost no more than $0.25" in words(granted)
    assert f"ml-intern policy revoke {S} r7" in words(granted)
    assert buttons(granted) == ["revoke"]
    (revoked,) = told.take(RuleRevoked(rule_id="r7", revoked_by="bob (slack:U0OTHER)"))
    assert revoked.body["target"] == granted.dedupe
    assert "<@U0OTHER> took a rule back" in words(revoked)
    assert buttons(revoked) == []


def several(told: Told, number: int, question_id: str = "r") -> list[Draft]:
    """What is told when a turn ends that asks about so many calls."""
    for n in range(number):
        told.take(request(approval_id=ApprovalId(f"a{n}"), call_id=CallId(f"c{n}"),
                          question_id=question_id))  # fmt: skip
    waits = tuple(f"approval:a{n}" for n in range(number))
    return told.take(TurnFinished(outcome="waiting", detail="", waiting_on=waits))


def test_calls_of_one_answer_are_also_asked_about_together(told: Told) -> None:
    (together,) = several(told, 3)
    assert buttons(together) == ["approve_all", "deny_all"]
    value = together.body["blocks"][-1]["elements"][0]["value"]
    assert json.loads(value) == {"session": S, "approvals": ["a0", "a1", "a2"]}
    _, fewer = told.take(decision(approval_id=ApprovalId("a1")))
    assert fewer.body["target"] == together.dedupe
    assert json.loads(fewer.body["blocks"][-1]["elements"][0]["value"])["approvals"] == ["a0", "a2"]
    waits = TurnFinished(outcome="waiting", detail="", waiting_on=("approval:a0", "approval:a2"))
    assert told.take(waits) == [], "nothing has changed"
    _, one = told.take(decision("deny", approval_id=ApprovalId("a0")))
    assert buttons(one) == []
    _, none = told.take(decision(approval_id=ApprovalId("a2")))
    assert "None of these calls waits" in words(none)


def test_one_call_is_not_asked_about_together(told: Told) -> None:
    assert several(told, 1) == []


def test_more_calls_than_a_button_can_name_are_decided_in_a_terminal(told: Told) -> None:
    (together,) = several(told, 41)
    assert buttons(together) == []
    assert f"ml-intern approve {S}" in words(together)


def test_a_call_that_was_answered_otherwise_takes_its_question_back(told: Told) -> None:
    (question,) = told.take(asked("c1"))
    finished = ToolFinished(
        call_id=C, tool="bash", ok=False, output="", answered_by="interrupt", duration_ms=0
    )
    (taken_back,) = told.take(finished)
    assert taken_back.body["target"] == question.dedupe
    assert "No longer needed" in words(taken_back)
    assert told.take(finished) == []


def reply(tool: str, arguments: str) -> ModelReplied:
    return ModelReplied(
        reply_id="r",
        model="m",
        text="",
        thinking="",
        tool_calls=(ToolCall(call_id=C, name=tool, arguments=arguments),),
        usage=Usage(),
        cost_micro_usd=None,
        stop_reason="tool_calls",
        duration_ms=1,
    )


def started(tool: str) -> ToolStarted:
    return ToolStarted(call_id=C, tool=tool, arguments={}, arguments_sha256="s", effect="read")


def test_a_question_in_words_and_its_reminder(told: Told) -> None:
    told.take(reply("ask_person", '{"question": "Which <colour>?"}'))
    told.take(started("ask_person"))
    until = "2026-01-31T12:00:00.000Z"
    (question,) = told.take(ToolWaiting(call_id=C, on=f"answer:{C}", expires_at=until))
    assert "Which &lt;colour&gt;?" in words(question)
    (reminder,) = told.take(ApprovalReminded(call_id=C, approval_id=None, number=1))
    assert "Which &lt;colour&gt;?" in words(reminder)
    assert "it is given up <!date^" in words(reminder)
    assert "asked above, in this thread" in words(reminder)


def test_a_reminder_of_an_approval_says_until_when_it_waits(told: Told) -> None:
    asked_for = replace(asked(), expires_at="2026-01-31T12:00:00.000Z")
    told.take(asked_for)
    (reminder,) = told.take(
        ApprovalReminded(call_id=C, approval_id=asked_for.approval_id, number=2)
    )
    assert "(reminder 2)" in words(reminder)
    assert "it counts as a no <!date^" in words(reminder)


def answer_to_question(by: AnsweredBy, output: str = "") -> ToolFinished:
    return ToolFinished(
        call_id=C, tool="ask_person", ok=True, output=output, answered_by=by, duration_ms=0
    )


@pytest.mark.parametrize(
    ("by", "output", "wanted"),
    [
        ("person", '{"answer": "blue & <gold>"}', "Answered*: blue &amp; &lt;gold&gt;"),
        ("recovery", "Nobody answered in time.", "Given up*: nobody answered in time"),
        ("interrupt", "It was stopped.", "No longer asked"),
    ],
)
def test_a_question_in_words_says_what_became_of_it(
    told: Told, by: AnsweredBy, output: str, wanted: str
) -> None:
    told.take(reply("ask_person", '{"question": "Which colour?"}'))
    told.take(started("ask_person"))
    (question,) = told.take(ToolWaiting(call_id=C, on=f"answer:{C}"))
    (closed,) = told.take(answer_to_question(by, output))
    assert closed.body["target"] == question.dedupe
    assert wanted in words(closed)
    assert "Which colour?" in words(closed)
    assert "Reply in this thread" not in words(closed)


def test_whoever_answers_too_late_is_told_once(told: Told) -> None:
    told.take(reply("ask_person", '{"question": "Which colour?"}'))
    told.take(started("ask_person"))
    told.take(ToolWaiting(call_id=C, on=f"answer:{C}"))
    told.take(answer_to_question("recovery"))
    (late,) = told.take(UserSaid(text="Blue.", author="ada"))
    assert "The question “Which colour?” was given up before this was said" in words(late)
    assert told.take(UserSaid(text="Or red.", author="ada")) == []


def test_a_lost_call_is_asked_about_once_somebody_is_waited_for(told: Told) -> None:
    told.take(reply("send", '{"to": "<hub>"}'))
    told.take(started("send"))
    assert told.take(ToolLost(call_id=C, tool="send")) == []
    (question,) = told.take(
        TurnFinished(outcome="waiting", detail="", waiting_on=(f"unknown:{C}",))
    )
    assert buttons(question) == ["retry", "done", "skip"]
    (answer,) = told.take(UnknownResolved(call_id=C, choice="skip", resolved_by="slack:U0APPROVER"))
    assert answer.body["target"] == question.dedupe
    assert lost()
    assert resolved("skip")


def test_a_budget_is_asked_for_and_extended(told: Told) -> None:
    (notice,) = told.take(
        BudgetNoticed(cap="day:2026-01-31", percent=80, used=24_000_000, limit=30_000_000)
    )
    assert "80 %" in words(notice)
    assert "$24.00 of $30.00" in words(notice)
    cap = f"session:{S}"
    reached = BudgetReached(cap=cap, used=9_500_000, limit=10_000_000, needed=700_000)
    (question,) = told.take(reached)
    assert buttons(question) == ["extend", "stop"]
    (answer,) = told.take(BudgetExtended(cap=cap, amount=5_000_000, extended_by="ada"))
    assert answer.body["target"] == question.dedupe
    assert "$5.00" in words(answer)
    assert told.take(BudgetExtended(cap=cap, amount=5_000_000, extended_by="progress")) == []


def test_a_budget_is_asked_about_in_one_place_and_no_more_once_nobody_waits(told: Told) -> None:
    cap = f"session:{S}"
    reached = BudgetReached(cap=cap, used=9, limit=10, needed=7)
    (first,) = told.take(reached)
    waits = TurnFinished(outcome="waiting", detail="", waiting_on=(f"budget:{cap}",))
    assert told.take(waits) == []
    closed, second = told.take(reached)
    assert closed.body["target"] == first.dedupe
    assert buttons(closed) == []
    assert buttons(second) == ["extend", "stop"]
    told.take(waits)
    last, end = told.take(
        TurnFinished(outcome="interrupted", detail="ann (slack:U0ANN) stopped it: enough")
    )
    assert last.body["target"] == second.dedupe
    assert buttons(last) == []
    assert "<@U0ANN> stopped it: enough" in words(end)


def test_a_model_of_unknown_price_is_allowed_some_calls(told: Told) -> None:
    (question,) = told.take(BudgetReached(cap="price:<m>", used=0, limit=0, needed=1))
    assert "what &lt;m&gt; costs is not known" in words(question)
    assert "Allow 10 calls more" in words(question)


def test_progress_is_one_message_that_is_changed_now_and_then_and_at_the_end(told: Told) -> None:
    (began,) = told.take(JobStarted(job_id=J, compute="local", handle={}, label=NASTY))
    changes = []
    for step in range(100):
        metrics = {"loss": 1 / (step + 1)}
        progressed = JobProgressed(
            job_id=J, step=step, max_steps=100, metrics=metrics, log_offset=step
        )
        changes += told.take(progressed, after_s=1)
    assert len(changes) == 3
    changes += told.take(JobEnded(job_id=J, status="failed", exit_code=1, reason=NASTY * 99))
    assert {one.body["target"] for one in changes} == {began.dedupe}
    assert len(changes[-1].body["curve"]) == 100


def trains(told: Told) -> TurnFinished:
    """A job of 100 steps, 25 of them done in a minute."""
    told.take(JobStarted(job_id=J, compute="local", handle={}, label="train.py <1>"))
    for step, after_s in ((1, 10), (26, 60)):
        told.take(
            JobProgressed(job_id=J, step=step, max_steps=101, metrics={"loss": 1.0}, log_offset=0),
            after_s=after_s,
        )
    return TurnFinished(outcome="waiting", detail="", waiting_on=(f"job:{J}",))


def test_words_that_wait_for_a_job_are_noted_with_when_they_are_read(told: Told) -> None:
    waits = trains(told)
    assert told.take(waits) == []
    told.take(UserSaid(text="And then publish it.", author="ada"))
    (noted,) = told.take(waits)
    assert "*train.py &lt;1&gt;* (about 3 min to go) has ended" in words(noted)
    assert "`stop`" in words(noted)
    assert told.take(waits) == [], "once is enough"


def test_words_that_the_model_has_read_are_not_noted(told: Told) -> None:
    waits = trains(told)
    told.take(UserSaid(text="How far is it?", author="ada"))
    told.take(answer())
    assert told.take(waits) == []


def answer(text: str = "", model: str = "m") -> ModelReplied:
    return ModelReplied(
        reply_id="r",
        model=model,
        text=text,
        thinking="",
        tool_calls=(),
        usage=Usage(),
        cost_micro_usd=None,
        stop_reason="end",
        duration_ms=1,
    )


def without_model(told: Told, *also: str, seconds: float = 60) -> TurnFinished:
    """The turn ends because no model answers; one is asked again after so many seconds."""
    on = f"model:{stamp(told.at + timedelta(seconds=seconds))}"
    return TurnFinished(outcome="waiting", detail="m is <away>.", waiting_on=(on, *also))


def test_a_time_without_any_model_is_told_when_it_begins_and_when_it_ends(told: Told) -> None:
    (began,) = told.take(without_model(told))
    assert "No model answers. The session goes on by itself, not before <!date^" in words(began)
    assert "m is &lt;away&gt;." in words(began)
    assert buttons(began) == []
    for _ in range(9):
        told.take(TurnStarted(op_seq=2, attempt=1), after_s=60)
        told.take(ModelFailed(model="m", error="It is away", retry_in_s=None))
        assert told.take(without_model(told)) == []
    switch = ModelSwitched(model="b", instead_of="m", reason="it is away")
    assert told.take(switch, after_s=60) == []
    (goes_on,) = told.take(answer(model="b"))
    assert "b answers; the session goes on" in words(goes_on)
    assert told.take(answer(model="b")) == []


def test_a_model_that_comes_and_goes_is_not_told_each_time(told: Told) -> None:
    lines = []
    for _ in range(12):
        lines += told.take(without_model(told), after_s=30)
        lines += told.take(answer(), after_s=30)
    assert [draft.dedupe.split(":")[-2] for draft in lines] == ["waits", "answers"] * 3


def test_words_without_a_model_are_noted_with_when_they_are_read(told: Told) -> None:
    told.take(UserSaid(text="Train.", author="ada"))
    (began,) = told.take(without_model(told))
    assert "No model answers" in words(began)
    assert told.take(without_model(told)) == []
    told.take(UserSaid(text="And then publish it.", author="ada"))
    (noted,) = told.take(without_model(told))
    assert "Noted. It is read when a model answers, not before <!date^" in words(noted)


def test_a_session_that_ends_without_a_model_has_its_end_alone(told: Told) -> None:
    told.take(without_model(told))
    (end,) = told.take(TurnFinished(outcome="interrupted", detail="enough"))
    assert "enough" in words(end)
    assert told.take(answer(), after_s=600) == []


def test_a_switch_is_told_once_in_five_minutes_for_each_model(told: Told) -> None:
    def switch(model: str, instead_of: str, after_s: float) -> list[str]:
        event = ModelSwitched(model=model, instead_of=instead_of, reason="it is <away>")
        return [words(draft) for draft in told.take(event, after_s=after_s)]

    (first,) = switch("b", "m", 0)
    assert "b answers instead of m: it is &lt;away&gt;." in first
    assert len(switch("m", "b", 60)) == 1
    assert switch("b", "m", 60) == []
    assert switch("m", "b", 60) == []
    assert len(switch("b", "m", 120)) == 1


def test_the_end_tells_tokens_with_those_of_a_cache(told: Told) -> None:
    usage = Usage(input_tokens=10, output_tokens=5, cache_read_tokens=90)
    told.take(replace(answer(), usage=usage))
    (end,) = told.take(TurnFinished(outcome="finished", detail="Done."))
    assert "100 in (90 from a cache), 5 out" in words(end)


def test_a_summary_has_not_read_what_a_person_said(told: Told) -> None:
    waits = trains(told)
    told.take(UserSaid(text="How far is it?", author="ada"))
    told.take(ModelAsked(model="m", iteration=1, purpose="summary"))
    assert len(told.take(waits)) == 1


@pytest.mark.parametrize("outcome", ["finished", "failed", "stopped", "interrupted"])
def test_each_end_has_its_own_words(told: Told, outcome: Any) -> None:
    (end,) = told.take(TurnFinished(outcome=outcome, detail=NASTY * 200))
    assert outcome in words(end).lower()
    assert "/traces/x.jsonl" in words(end)


def test_nothing_is_said_of_a_turn_that_waits_for_what_was_told(told: Told) -> None:
    told.take(request())
    assert told.take(TurnFinished(outcome="waiting", detail="", waiting_on=("approval:a1",))) == []


def test_words_beside_an_open_question_are_told(told: Told) -> None:
    told.take(request())
    told.take(answer(NASTY))
    waiting = TurnFinished(outcome="waiting", detail="", waiting_on=("approval:a1",))
    (words_,) = told.take(waiting)
    assert "&lt;!channel&gt;" in words(words_)
    assert told.take(waiting) == []


def test_secrets_stay_home() -> None:
    secret = "hf_abcdefghijklmnop0123456789"
    recorded = Recorded(
        position=1,
        session_id=S,
        seq=1,
        at=datetime(2026, 1, 31, tzinfo=UTC),
        event=request(arguments={"token": secret}, why=f"with {secret}"),
    )
    assert secret not in str(clean(recorded, Redactor({"HF_TOKEN": secret}).value))


def test_the_room_that_a_button_gives_is_enough(told: Told) -> None:
    (question,) = told.take(BudgetReached(cap=f"session:{S}", used=900, limit=400, needed=50))
    (value,) = (
        json.loads(one["value"])
        for block in question.body["blocks"]
        for one in block.get("elements", ())
        if one.get("action_id") == "extend"
    )
    assert 400 + value["amount"] >= 900 + 50
