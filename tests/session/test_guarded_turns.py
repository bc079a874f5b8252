"""The guards in a turn on a real store: what the model is told, what runs, how the turn ends."""

import json

import pytest

from ml_intern.events import Hinted, ModelAsked, ModelReplied, ToolFinished, TurnFinished
from ml_intern.llm.client import ModelReply
from ml_intern.messages import AssistantMessage, CallId, ToolCall, ToolMessage, UserMessage
from ml_intern.ops import UserInput
from ml_intern.session.handlers import handle
from ml_intern.tools.protocol import succeed
from tests.support.desks import Bench, calls, words

PLAN = {"step": "train", "status": "in_progress"}
OPEN_PLAN = ("plan", json.dumps({"items": [PLAN]}))
CLOSED_PLAN = ("plan", json.dumps({"items": [{**PLAN, "status": "done"}]}))


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


def cut(text: str = "", *named: tuple[str, str]) -> ModelReply:
    """A reply that ended at the length limit."""
    message = AssistantMessage(
        text=text,
        tool_calls=tuple(
            ToolCall(call_id=CallId("same"), name=name, arguments=arguments)
            for name, arguments in named
        ),
    )
    return ModelReply(message=message, stop_reason="length", model="listed", cost_micro_usd=0)


def hints(bench) -> list[str]:
    return [hint.about for hint in bench.all(Hinted)]


def refusals(bench) -> list[str]:
    """What the router said of calls that it did not let run."""
    return [done.output for done in bench.all(ToolFinished) if done.answered_by == "router"]


def test_the_same_call_with_the_same_answer_gets_a_hint_and_then_stops_the_turn(bench):
    b = bench(*[calls(("look", "{}"))] * 9)
    b.start()
    ended = b.drive()
    assert (ended.outcome, hints(b)) == ("stopped", ["repetition"])
    assert "look {}" in ended.detail
    assert len(b.look.ran) == 6
    before_hint, hint = b.model.asked[3][-2:]
    assert isinstance(before_hint, ToolMessage)
    assert hint == UserMessage(text=b.last(Hinted).text, injected=True)


def test_a_poll_whose_answer_changes_may_go_on(bench):
    b = bench(*[calls(("look", "{}"))] * 9, words("ended"))
    b.look.answer = lambda args, ctx: succeed({"step": len(b.look.ran)})
    b.start()
    assert b.drive() == TurnFinished(outcome="finished", detail="ended")
    assert hints(b) == []


def test_after_a_stop_a_person_may_send_the_model_on(bench):
    b = bench(*[calls(("look", "{}"))] * 6, calls(("look", "{}")), words("done"))
    b.start()
    assert b.drive().outcome == "stopped"
    b.submit(UserInput(text="look once more", author="ada"))
    assert b.drive().outcome == "finished"


def test_words_while_the_plan_is_open_are_not_the_end(bench):
    b = bench(calls(OPEN_PLAN), words("I shall train now."), calls(CLOSED_PLAN), words("Trained."))
    b.start()
    assert b.drive() == TurnFinished(outcome="finished", detail="Trained.")
    assert hints(b) == ["plan"]
    said, hint = b.model.asked[2][-2:]
    assert said == AssistantMessage(text="I shall train now.", model="listed")
    assert "train" in hint.text


def test_a_model_that_leaves_its_plan_open_is_stopped_and_its_words_are_kept(bench):
    b = bench(calls(OPEN_PLAN), *[words("It is all done.")] * 3)
    b.start()
    ended = b.drive()
    assert (ended.outcome, hints(b)) == ("stopped", ["plan", "plan"])
    assert ended.detail.endswith("It is all done.")


def test_an_answer_that_was_cut_is_gone_on_with(bench):
    b = bench(cut("The accuracy is"), words("95 %."))
    b.start()
    assert b.drive() == TurnFinished(outcome="finished", detail="The accuracy is … 95 %.")
    assert hints(b) == ["length"]


def test_answers_that_are_cut_again_and_again_stop_the_turn(bench):
    b = bench(*[cut("and so on")] * 4)
    b.start()
    assert b.drive().outcome == "stopped"
    assert hints(b) == ["length"] * 3


def test_of_a_cut_answer_only_the_whole_calls_run(bench):
    b = bench(cut("", ("effect", '{"number": 1}'), ("effect", '{"number": 2')), words("I see"))
    b.start()
    assert b.drive().outcome == "finished"
    assert b.effect.ran == [1]
    assert "cut off" in refusals(b)[0]


def test_a_call_that_was_cut_before_its_arguments_does_not_run(bench):
    b = bench(cut("", ("effect", '{"number": 1}'), ("effect", "")), words("I see"))
    b.start()
    b.drive()
    assert b.effect.ran == [1]
    assert "cut at its length limit" in refusals(b)[0]


def test_a_call_without_arguments_runs_with_their_defaults(bench):
    b = bench(calls(("effect", "")), words("ok"))
    b.start()
    b.drive()
    assert b.effect.ran == [0]


def test_after_an_empty_answer_the_model_is_asked_again_without_it(bench):
    b = bench(words(" "), words("here I am"))
    b.start()
    assert b.drive() == TurnFinished(outcome="finished", detail="here I am")
    task, hint = b.model.asked[1][-2:]
    assert (task.text, hint.injected) == ("do it", True)


def test_the_third_empty_answer_fails_the_turn(bench):
    b = bench(*[words("")] * 3)
    b.start()
    ended = b.drive()
    assert (ended.outcome, hints(b)) == ("failed", ["empty", "empty"])
    assert "empty answer" in ended.detail


def test_two_calls_with_one_id_get_their_own_answers(bench):
    b = bench(calls(("effect", '{"number": 1}'), ("effect", '{"number": 2}')), words("ok"))
    b.start()
    b.drive()
    ids = [call.call_id for call in b.all(ModelReplied)[0].tool_calls]
    answers = {m.call_id: m.text for m in b.model.asked[1] if isinstance(m, ToolMessage)}
    assert answers == {ids[0]: '{"number": 1}', ids[1]: '{"number": 2}'}


def test_a_hint_costs_a_model_call_like_any_other(bench):
    b = bench(*[words("") if n % 3 else calls(("look", f'{{"number": {n}}}')) for n in range(25)])
    b.start()
    ended = b.drive()
    assert (ended.outcome, ended.waiting_on) == ("waiting", ("budget:iterations",))
    assert "20 calls of 20 calls used" in ended.detail


class Died(BaseException):
    """Stands for the end of the process in the middle of a step."""


def crash_when(bench, monkeypatch, is_time) -> None:
    """Handle one op in a process that dies right after the first event that `is_time` picks."""
    append = bench.store.append

    def dying(lease, *events, **known):
        seqs = append(lease, *events, **known)
        if any(is_time(event) for event in events):
            raise Died
        return seqs

    claim = bench.store.claim(0)
    monkeypatch.setattr(bench.store, "append", dying)
    with pytest.raises(Died):
        handle(claim, bench.desk, bench.signals)
    monkeypatch.undo()
    bench.store.release(claim)


def test_last_words_that_are_recorded_need_no_second_answer_after_a_crash(bench, monkeypatch):
    b = bench(words("done"))
    b.start()
    crash_when(b, monkeypatch, lambda event: isinstance(event, ModelReplied))
    assert b.drive() == TurnFinished(outcome="finished", detail="done")
    assert len(b.all(ModelAsked)) == 1


def test_a_hint_that_is_recorded_is_not_given_again_after_a_crash(bench, monkeypatch):
    b = bench(*[calls(("look", "{}"))] * 9)
    b.start()
    crash_when(b, monkeypatch, lambda event: isinstance(event, Hinted))
    assert b.drive().outcome == "stopped"
    assert (hints(b), len(b.look.ran)) == (["repetition"], 6)


def test_a_resumed_turn_counts_the_hints_of_the_one_before(bench, monkeypatch):
    b = bench(calls(OPEN_PLAN), *[words("bye")] * 5)
    b.start()
    crash_when(b, monkeypatch, lambda event: isinstance(event, Hinted))
    assert b.drive().outcome == "stopped"
    assert hints(b) == ["plan", "plan"]
