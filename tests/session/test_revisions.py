"""Ops that change a session between its turns: undo, compact, another model."""

import pytest

from ml_intern.context.compaction import SUMMARIZER
from ml_intern.errors import Interrupted, Refused
from ml_intern.events import Compacted, OpCancelled, ToolFinished, TurnFinished, Undone
from ml_intern.messages import Usage, UserMessage
from ml_intern.ops import ChangeModel, Compact, Undo, UserInput
from ml_intern.session.handlers import handle
from ml_intern.tools.protocol import succeed
from tests.support.desks import SESSION, Bench, calls, words

PLAN = ("plan", '{"items": [{"step": "later"}]}')


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


def said(messages):
    return [message.text for message in messages[1:]]


def test_undo_takes_the_last_words_and_their_answer_out_of_the_conversation(bench):
    b = bench(words("first answer"), words("second answer"), words("third answer"))
    b.start("the task")
    b.drive()
    b.submit(UserInput(text="a bad idea", author="ada"))
    b.drive()
    b.submit(Undo(asked_by="bob"))
    assert b.drive().outcome == "interrupted"
    assert b.last(Undone) == Undone(asked_by="bob", words="a bad idea")
    b.submit(UserInput(text="a better one", author="ada"))
    b.drive()
    assert said(b.model.asked[-1]) == ["the task", "first answer", "a better one"]


def test_undo_ends_what_waits_and_counts_from_words_not_from_hints(bench):
    b = bench(words("ok"), calls(("outward", "{}")), words("fresh"))
    b.start("the task")
    b.drive()
    b.submit(UserInput(text="publish it", author="ada"))
    assert b.drive().outcome == "waiting"
    b.submit(Undo(asked_by="ada"))
    b.drive()
    assert b.store.open_approvals() == []
    assert "took back" in b.last(ToolFinished).output
    b.submit(UserInput(text="do not", author="ada"))
    b.drive()
    assert said(b.model.asked[-1]) == ["the task", "ok", "do not"]
    assert b.outward.ran == []


def test_words_that_wait_for_an_answer_are_what_undo_takes(bench):
    b = bench(calls(("outward", "{}")), words("fresh"))
    b.start("the task")
    b.drive()
    b.submit(UserInput(text="by the way", author="ada"))
    b.drive()
    b.submit(Undo(asked_by="ada"))
    b.drive()
    assert b.last(Undone).words == "by the way"


def test_undo_with_nothing_said_changes_nothing_and_says_so(bench):
    b = bench(words("ok"))
    b.start()
    b.drive()
    b.submit(Undo(asked_by="ada"))
    b.drive()
    b.submit(Undo(asked_by="ada"))
    b.drive()
    assert b.last(OpCancelled).op_kind == "undo"
    assert len(b.all(Undone)) == 1


def test_a_plan_that_was_taken_back_does_not_count(bench):
    b = bench(words("ok"), calls(PLAN), *[words("planned")] * 3, words("fresh"))
    b.start()
    b.drive()
    b.submit(UserInput(text="make a plan", author="ada"))
    b.drive()
    b.submit(Undo(asked_by="ada"))
    b.drive()
    b.submit(UserInput(text="go on", author="ada"))
    b.drive()
    assert b.last(TurnFinished).outcome == "finished"


def long_session(bench, *last):
    turns = [
        reply
        for number in range(6)
        for reply in (calls(("effect", f'{{"number": {number}}}')), words(f"turn {number}"))
    ]
    b = bench(*turns, *last)
    b.start("the task")
    b.drive()
    for number in range(1, 6):
        b.submit(UserInput(text=f"words {number}", author="ada"))
        b.drive()
    return b


def test_compact_puts_a_summary_in_the_place_of_the_older_part(bench):
    b = long_session(bench, words("## Goal\nall of it"), words("after"))
    before = [*said(b.model.asked[-1]), "turn 5"]
    b.submit(Compact(asked_by="ada"))
    b.drive()
    system, asked = b.model.asked[-1]
    assert system.text == SUMMARIZER
    assert "words 1" in asked.text
    assert "effect ANSWERED" in asked.text
    b.submit(UserInput(text="go on", author="ada"))
    b.drive()
    now = b.model.asked[-1]
    kept = b.last(Compacted).kept
    assert said(now)[0] == "the task"
    assert now[2] == UserMessage(text=now[2].text, injected=True, summary=True)
    assert "all of it" in now[2].text
    assert said(now)[2:] == [*before[len(before) - kept :], "go on"]


def test_what_a_summary_costs_is_known(bench):
    reply = words("## Goal")
    b = long_session(bench, reply.__class__(**{**vars(reply), "usage": Usage(input_tokens=7)}))
    b.submit(Compact(asked_by="ada"))
    b.drive()
    assert (b.last(Compacted).usage, b.last(Compacted).cost_micro_usd) == (Usage(input_tokens=7), 0)


def test_words_in_a_summary_cannot_be_taken_back(bench):
    b = long_session(bench, words("## Goal"))
    b.submit(Compact(asked_by="ada"))
    b.drive()
    for _ in range(8):
        b.submit(Undo(asked_by="ada"))
        b.drive()
    assert b.last(OpCancelled).op_kind == "undo"
    b.model.replies.append(words("on"))
    b.submit(UserInput(text="go on", author="ada"))
    b.drive()
    assert said(b.model.asked[-1])[0] == "the task"
    assert b.model.asked[-1][2].summary


@pytest.mark.parametrize("answer", [Refused("no key"), words("  "), words("\u200b\ufeff")])
def test_a_summary_that_does_not_come_changes_nothing_and_says_why(bench, answer):
    b = long_session(bench, answer)
    b.submit(Compact(asked_by="ada"))
    b.drive()
    assert b.all(Compacted) == []
    assert b.last(OpCancelled).op_kind == "compact"
    assert b.last(TurnFinished).outcome == "finished"


def test_a_short_conversation_is_not_summed_up(bench):
    b = bench(words("ok"))
    b.start()
    b.drive()
    b.submit(Compact(asked_by="ada"))
    b.drive()
    assert len(b.model.asked) == 1
    assert "too short" in b.last(OpCancelled).reason


def test_a_summary_that_is_cut_off_by_a_leaving_process_is_asked_for_again(bench):
    b = long_session(bench, words("## Goal"))

    def leave(messages, tools, **_):
        b.signals.leave.set()
        raise Interrupted

    complete, b.model.complete = b.model.complete, leave
    b.submit(Compact(asked_by="ada"))
    handle(b.store.claim(0), b.desk, b.signals)
    assert b.all(OpCancelled) == []
    b.signals.leave.clear()
    b.model.complete = complete
    b.drive()
    assert len(b.all(Compacted)) == 1


def test_a_summary_that_is_done_is_not_called_off_by_a_stop_right_after_it(bench, monkeypatch):
    b = long_session(bench, words("## Goal"))
    append = b.store.append

    def stopped_after(lease, *events, **more):
        if any(isinstance(event, Compacted) for event in events):
            b.signals.stop.set()
        return append(lease, *events, **more)

    monkeypatch.setattr(b.store, "append", stopped_after)
    b.submit(Compact(asked_by="ada"))
    b.drive()
    assert (len(b.all(Compacted)), b.all(OpCancelled)) == (1, [])


def test_who_asked_for_a_summary_that_a_turn_ends_without_is_told_and_it_is_not_made_later(bench):
    def stopped(*_, **__):
        b.signals.stop.set()
        raise Interrupted

    def ask_for_two(*_):
        b.submit(Compact(asked_by="ada"))
        b.submit(Compact(asked_by="bob"))
        b.model.complete = stopped
        return succeed({})

    b = long_session(bench, calls(("effect", "{}")), words("on"))
    complete = b.model.complete
    b.effect.answer = ask_for_two
    b.submit(UserInput(text="go on", author="ada"))
    assert b.drive().outcome == "interrupted"
    reasons = [cancelled.reason for cancelled in b.all(OpCancelled)]
    assert reasons == ["bob asked for the same then", b.last(TurnFinished).detail]
    b.signals.stop.clear()
    b.model.complete = complete
    b.submit(UserInput(text="go on", author="ada"))
    assert b.drive().detail == "on"
    assert b.all(Compacted) == []


def test_another_model_is_asked_from_then_on_and_the_session_stays_as_it_was(bench):
    b = bench(calls(("outward", "{}")))
    b.start()
    b.drive()
    b.submit(ChangeModel(model="another", asked_by="ada"))
    b.drive()
    row = b.store.session(SESSION)
    assert (row.model, row.outcome, row.state) == ("another", "waiting", "waiting")
    assert len(b.store.open_approvals()) == 1
