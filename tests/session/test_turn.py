"""The one path: fresh, approved, resumed, interrupted and crashed turns."""

import json
import threading
from dataclasses import replace

import pytest

from ml_intern.errors import InputError, Refused, Retryable
from ml_intern.events import (
    ApprovalDecided,
    ApprovalRequested,
    JobStarted,
    ModelFailed,
    ModelReplied,
    ToolFinished,
    ToolStarted,
    ToolWaiting,
    TurnFinished,
    TurnStarted,
)
from ml_intern.messages import JobId, ToolMessage, UserMessage
from ml_intern.ops import Interrupt, Resume, UserInput
from ml_intern.session.answering import JITTER
from ml_intern.session.handlers import handle
from ml_intern.tools.protocol import LaunchedJob, ToolOutcome, Waiting, succeed
from tests.support.deciding import decide
from tests.support.desks import Bench, calls, crash, die, words


@pytest.fixture
def bench(tmp_path):
    benches = []

    def make(*replies):
        bench = Bench(tmp_path, replies)
        benches.append(bench)
        return bench

    yield make
    for each in benches:
        each.store.close()


def test_a_task_runs_to_its_last_words(bench):
    b = bench(calls(("effect", '{"number": 1}')), words("done"))
    b.start()
    assert b.drive() == TurnFinished(outcome="finished", detail="done")
    assert b.effect.ran == [1]
    assert [m.text for m in b.model.asked[1] if isinstance(m, ToolMessage)] == ['{"number": 1}']


def test_each_call_of_one_answer_gets_one_answer_whatever_its_id(bench):
    b = bench(calls(("effect", '{"number": 1}'), ("look", "{}"), ("nothing", "{}")), words("ok"))
    b.start()
    b.drive()
    answered = [event.call_id for event in b.all(ToolFinished)]
    planned = [call.call_id for call in b.all(ModelReplied)[0].tool_calls]
    assert sorted(answered) == sorted(planned)
    assert len(set(planned)) == 3


def test_an_effect_is_recorded_before_it_begins(bench):
    b = bench(calls(("effect", "{}")), words("ok"))
    b.effect.answer = lambda args, ctx: succeed({"started": len(b.all(ToolStarted))})
    b.start()
    b.drive()
    assert b.last(ToolFinished).output == '{"started": 1}'


def test_an_outward_call_waits_for_a_yes_and_then_runs_once(bench):
    b = bench(calls(("outward", '{"number": 7}')), words("published"))
    b.start()
    ended = b.drive()
    asked = b.last(ApprovalRequested)
    assert ended.outcome == "waiting"
    assert ended.waiting_on == (f"approval:{asked.approval_id}",)
    assert b.outward.ran == []
    assert decide(b.store, b.desk.router, asked.approval_id, "approve", decided_by="ada")
    assert b.drive().outcome == "finished"
    assert b.outward.ran == [7]


def test_what_a_tool_chooses_before_the_question_is_what_is_asked_for_and_what_runs(bench):
    b = bench(calls(("outward", '{"number": 7}')), words("published"))
    b.outward.taken = {7}
    b.start()
    b.drive()
    asked = b.last(ApprovalRequested)
    assert asked.arguments == {"number": 8}
    b.outward.taken = {7, 8}
    assert decide(b.store, b.desk.router, asked.approval_id, "approve", decided_by="ada")
    b.drive()
    assert b.outward.ran == [8]
    assert b.last(ToolStarted).arguments_sha256 == asked.arguments_sha256


def test_the_second_decision_changes_nothing(bench):
    b = bench(calls(("outward", "{}")), words("ok"))
    b.start()
    b.drive()
    approval_id = b.last(ApprovalRequested).approval_id
    assert decide(b.store, b.desk.router, approval_id, "deny", decided_by="ada")
    assert not decide(b.store, b.desk.router, approval_id, "approve", decided_by="bob")
    b.drive()
    assert b.outward.ran == []
    assert "ada said no" in b.last(ToolFinished).output


def test_an_edit_is_what_runs_and_what_the_model_is_told(bench):
    b = bench(calls(("outward", '{"number": 7}')), words("ok"))
    b.start()
    b.drive()
    decide(
        b.store,
        b.desk.router,
        b.last(ApprovalRequested).approval_id,
        "edit",
        decided_by="ada",
        arguments={"number": 8},
    )
    b.drive()
    assert b.outward.ran == [8]
    assert b.last(ApprovalDecided).arguments == {"number": 8}
    assert 'ada edited the arguments; this ran: {"number": 8}' in b.last(ToolFinished).output


def test_an_edit_that_does_not_fit_is_refused_in_a_sentence_and_the_question_stays(bench):
    b = bench(calls(("outward", "{}")))
    b.start()
    b.drive()
    asked = b.last(ApprovalRequested).approval_id
    edited = {"decided_by": "ada", "arguments": {"numbre": 8, "number": "x"}}
    with pytest.raises(InputError) as refused:
        decide(b.store, b.desk.router, asked, "edit", **edited)
    assert str(refused.value) == (
        "The edited arguments cannot be used: number: Input should be a valid integer, unable to "
        "parse string as an integer; numbre: there is no such argument; did you mean number? "
        "Nothing was decided."
    )
    assert b.store.approval(asked).state == "pending"


MENDED = "{'number': 7}"
"""Arguments that are not JSON, but can mean one thing only."""
NOTE = "[arguments repaired: a Python literal was read as JSON]"


def test_arguments_that_were_mended_run_and_the_model_is_told_once(bench):
    b = bench(calls(("effect", MENDED)), words("ok"))
    b.start()
    b.drive()
    assert b.effect.ran == [7]
    assert b.last(ToolStarted).arguments == {"number": 7}
    assert b.last(ToolFinished).output == f'{NOTE}\n{{"number": 7}}'


def test_an_approval_is_asked_for_what_was_mended_and_the_model_is_told_after_it(bench):
    b = bench(calls(("outward", MENDED)), words("ok"))
    b.start()
    b.drive()
    asked = b.last(ApprovalRequested)
    assert asked.arguments == {"number": 7}
    decide(b.store, b.desk.router, asked.approval_id, "approve", decided_by="ada")
    b.drive()
    assert b.outward.ran == [7]
    assert b.last(ToolFinished).output == f'{NOTE}\n{{"number": 7}}'


def test_of_an_edit_of_mended_arguments_the_model_is_told_the_edit(bench):
    b = bench(calls(("outward", MENDED)), words("ok"))
    b.start()
    b.drive()
    approval_id = b.last(ApprovalRequested).approval_id
    edited = {"decided_by": "ada", "arguments": {"number": 8}}
    decide(b.store, b.desk.router, approval_id, "edit", **edited)
    b.drive()
    note, answer = b.last(ToolFinished).output.split("\n")
    assert (note.startswith("[ada edited"), answer) == (True, '{"number": 8}')


def test_arguments_that_cannot_be_mended_are_explained_and_the_turn_goes_on(bench):
    b = bench(calls(("effect", "[1]"), ("Shell", "{}"), ("look", "{}")), words("I see"))
    b.start()
    assert b.drive().outcome == "finished"
    assert (b.effect.ran, b.look.ran) == ([], [0])
    refused = [done.output for done in b.all(ToolFinished) if not done.ok]
    assert "JSON list" in refused[0]
    assert "no tool" in refused[1]


def test_what_waits_for_a_person_does_not_hold_up_the_other_calls(bench):
    b = bench(calls(("outward", "{}"), ("effect", '{"number": 2}')), words("ok"))
    b.start()
    assert b.drive().outcome == "waiting"
    assert b.effect.ran == [2]


def test_a_question_is_answered_by_the_next_words(bench):
    b = bench(calls(("ask_person", '{"question": "Which column?"}')), words("ok"))
    b.start()
    ended = b.drive()
    assert (ended.outcome, ended.detail) == ("waiting", "Which column?")
    b.submit(UserInput(text="the third", author="ada"))
    assert b.drive().outcome == "finished"
    assert b.model.asked[1][-1].text == '{"answer": "the third"}'


def launch(args, ctx):
    return ToolOutcome(
        ok=True,
        output="{}",
        job=LaunchedJob(job_id=JobId("j1"), compute="local", handle={"x": 1}, label="train"),
    )


def test_a_launched_job_is_known_with_its_answer(bench):
    b = bench(calls(("effect", "{}")), words("ok"))
    b.effect.answer = launch
    b.start()
    b.drive()
    assert b.last(JobStarted).job_id == "j1"
    assert [job.job_id for job in b.store.running_jobs()] == ["j1"]


def test_a_waiting_call_is_asked_again_when_its_cause_has_come(bench):
    b = bench(calls(("look", "{}")), words("ok"))
    b.look.answer = lambda args, ctx: Waiting(on="job:j1")
    b.start()
    assert b.drive().waiting_on == ("job:j1",)
    b.look.answer = lambda args, ctx: succeed({"status": "succeeded"})
    b.submit(Resume(on="job:j1"))
    assert b.drive().outcome == "finished"
    assert len(b.all(ToolStarted)) == len(b.all(ToolFinished)) == len(b.all(ToolWaiting)) == 1


def test_news_that_nobody_waits_for_does_not_wake_the_model(bench):
    b = bench(words("ok"))
    b.start()
    b.drive()
    before = len(b.events())
    b.submit(Resume(on="job:j1"))
    b.drive()
    assert len(b.events()) == before


def test_an_interrupt_answers_what_is_open_and_closes_the_approval(bench):
    b = bench(calls(("outward", "{}")), words("never"))
    b.start()
    b.drive()
    b.submit(Interrupt(asked_by="ada", reason="enough"))
    ended = b.drive()
    assert ended.outcome == "interrupted"
    assert "ada" in ended.detail
    assert b.store.open_approvals() == []
    assert b.last(ToolFinished).answered_by == "interrupt"


def test_a_session_goes_on_after_an_interrupt(bench):
    b = bench(calls(("outward", "{}")), words("here again"))
    b.start()
    b.drive()
    b.submit(Interrupt(asked_by="ada"))
    b.drive()
    b.submit(UserInput(text="go on", author="ada"))
    assert b.drive() == TurnFinished(outcome="finished", detail="here again")


def test_an_interrupt_of_a_finished_session_changes_nothing(bench):
    b = bench(words("done"))
    b.start()
    b.drive()
    b.submit(Interrupt(asked_by="ada"))
    b.drive()
    assert [event.outcome for event in b.all(TurnFinished)] == ["finished"]


def test_a_turn_stops_at_its_ceiling_and_says_which(bench):
    b = bench(*[calls(("look", f'{{"number": {number}}}')) for number in range(25)])
    b.desk = replace(b.desk, limits=replace(b.desk.limits, iteration_ceiling=20))
    b.start()
    ended = b.drive()
    assert ended.outcome == "stopped"
    assert "20 model calls" in ended.detail


def test_a_refusing_model_ends_the_turn_and_the_session_can_go_on(bench):
    b = bench(Refused("no such key; set one"), words("better"))
    b.start()
    assert b.drive() == TurnFinished(outcome="failed", detail="no such key; set one")
    b.submit(UserInput(text="again", author="ada"))
    assert b.drive().detail == "better"


def test_a_model_that_is_overloaded_is_asked_again(bench):
    b = bench(Retryable("busy", retry_after_s=0.01), words("now"))
    b.start()
    assert b.drive().outcome == "finished"
    assert b.last(ModelFailed).retry_in_s == pytest.approx(0.01, rel=JITTER)


def test_a_wait_for_an_overloaded_model_ends_when_the_process_leaves(bench):
    b = bench(Retryable("busy", retry_after_s=50.0), words("now"))
    b.start()
    threading.Timer(0.2, b.signals.leave.set).start()
    handle(b.store.claim(0), b.desk, b.signals)
    assert b.all(TurnFinished) == []
    b.signals.leave.clear()
    assert b.drive().waiting_on[0].startswith("model:"), "the next owner need not hold a thread"


def test_our_own_bug_fails_the_op_and_not_the_session(bench):
    b = bench(ZeroDivisionError("ours"), words("on"))
    b.start()
    ended = b.drive()
    assert ended.outcome == "failed"
    assert "ZeroDivisionError" in ended.detail
    b.submit(UserInput(text="again", author="ada"))
    assert b.drive().detail == "on"


def test_after_a_crash_an_opaque_effect_is_unknown_and_not_run_again(bench, monkeypatch):
    b = bench(calls(("effect", '{"number": 3}')), words("I see"))
    b.start()
    monkeypatch.setattr(b.desk.router, "run", die)
    crash(b)
    monkeypatch.undo()
    assert b.drive().outcome == "finished"
    assert b.effect.ran == []
    assert "unknown" in b.last(ToolFinished).output
    assert b.last(ToolFinished).answered_by == "recovery"


def test_a_start_says_what_a_crash_in_it_would_mean(bench):
    b = bench(calls(("effect", "{}"), ("look", "{}")), words("ok"))
    b.start()
    b.drive()
    told = {event.tool: event.recovery for event in b.all(ToolStarted)}
    assert told == {"effect": "probe", "look": "pure"}


def test_after_a_crash_a_read_is_run_again(bench, monkeypatch):
    b = bench(calls(("look", '{"number": 3}')), words("I see"))
    b.start()
    monkeypatch.setattr(b.desk.router, "run", die)
    crash(b)
    monkeypatch.undo()
    b.drive()
    assert b.look.ran == [3]
    assert b.last(ToolFinished).ok


def test_after_a_crash_an_effect_that_can_be_looked_up_keeps_its_result(bench, monkeypatch):
    b = bench(calls(("effect", "{}")), words("I see"))
    b.effect.found = succeed({"found": True})
    b.start()
    monkeypatch.setattr(b.desk.router, "run", die)
    crash(b)
    monkeypatch.undo()
    b.drive()
    assert b.last(ToolFinished).output == '{"found": true}'


def test_after_a_crash_before_the_model_answered_the_task_stands_once(bench, monkeypatch):
    b = bench(words("here"))
    b.start()
    monkeypatch.setattr(b.model, "complete", die)
    crash(b)
    monkeypatch.undo()
    assert b.drive().outcome == "finished"
    said = [m for m in b.model.asked[0] if isinstance(m, UserMessage)]
    assert len(said) == 1
    assert len(b.all(TurnStarted)) == 1


def test_a_leaving_process_gives_the_session_back_as_it_stands(bench):
    b = bench(calls(("effect", '{"number": 1}')), words("done"))
    b.effect.answer = lambda args, ctx: (b.signals.leave.set(), succeed("ok"))[1]
    b.start()
    claim = b.store.claim(0)
    handle(claim, b.desk, b.signals)
    assert b.last(TurnFinished) is None
    b.signals.leave.clear()
    assert b.drive().outcome == "finished"
    assert b.effect.ran == [1]


def test_the_interrupt_of_a_running_tool_keeps_its_answer(bench):
    b = bench(calls(("effect", "{}")), words("never"))
    b.effect.answer = lambda args, ctx: (b.signals.stop.set(), succeed("half done"))[1]
    b.start()
    assert b.drive().outcome == "interrupted"
    assert b.last(ToolFinished).output == "half done"


def test_a_turn_that_is_stopped_says_who_asked_for_it_and_why(bench):
    b = bench(calls(("effect", "{}")), words("never"))

    def stopped(args, ctx):
        b.submit(Interrupt(asked_by="ada", reason="lunch"))
        b.signals.stop.set()
        return succeed("half done")

    b.effect.answer = stopped
    b.start()
    assert b.drive() == TurnFinished(outcome="interrupted", detail="ada stopped it: lunch")


def test_a_session_has_its_own_limit_of_iterations(bench):
    b = bench(*[calls(("look", "{}"))] * 3)
    b.start(max_iterations=2)
    assert b.drive().waiting_on == ("budget:iterations",)
    assert len(b.all(ModelReplied)) == 2


def test_pins_of_one_answer_fill_the_memory_and_no_more(bench):
    text = "a fact".ljust(1_000, ".")
    pin = [("memory", json.dumps({"action": "pin", "text": f"{n} {text[2:]}"})) for n in range(9)]
    b = bench(calls(*pin), words("ok"))
    b.start()
    b.drive()
    assert [answered.ok for answered in b.all(ToolFinished)] == [True] * 4 + [False] * 5
