"""Calls that a crash cut in the middle of an effect which nobody can look up."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ml_intern.errors import InputError, UnknownSession
from ml_intern.events import (
    ModelReplied,
    OpCancelled,
    ToolFinished,
    ToolLost,
    ToolStarted,
    TurnFinished,
    UnknownResolved,
    UserSaid,
)
from ml_intern.messages import Choice
from ml_intern.ops import Compact, Interrupt, ResolveUnknown, Undo, UserInput
from ml_intern.queue.store import Claim
from ml_intern.session.desk import Signals
from ml_intern.session.handlers import handle
from ml_intern.session.history import History
from ml_intern.session.unknowns import resolve
from ml_intern.tools import router
from ml_intern.tools.protocol import ToolOutcome, succeed
from tests.support.deciding import decide
from tests.support.desks import SESSION, Bench, calls, crash, die, words

MakeBench = Callable[..., Bench]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[MakeBench]:
    benches = []

    def make(*replies: Any) -> Bench:
        benches.append(Bench(tmp_path, replies))
        return benches[-1]

    yield make
    for each in benches:
        each.store.close()


def lost(b: Bench, monkeypatch: pytest.MonkeyPatch, *, edit: int | None = None) -> str:
    """Approve the call of `outward` and die in the middle of it; the id of the call."""
    b.start()
    b.drive()
    approve(b, edit=edit)
    die_again(b, monkeypatch)
    return str(b.last(ToolLost).call_id)


def approve(b: Bench, *, edit: int | None = None) -> None:
    for asked in b.store.open_approvals():
        arguments = None if edit is None else {"number": edit}
        verdict: Any = "approve" if edit is None else "edit"
        decide(
            b.store,
            b.desk.router,
            asked.approval_id,
            verdict,
            decided_by="ada",
            arguments=arguments,
        )


def die_again(b: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(b.desk.router, "run", die)
    crash(b)
    monkeypatch.undo()
    b.drive()


def resolved(b: Bench, choice: Choice, call_id: str = "", by: str = "ada", note: str = "") -> bool:
    return resolve(b.store, SESSION, call_id, choice, resolved_by=by, note=note)


OUTWARD = calls(("outward", '{"number": 4}'))


def test_a_call_that_reaches_outside_waits_for_a_person(bench, monkeypatch):
    b = bench(OUTWARD, words("never"))
    call_id = lost(b, monkeypatch)
    ended = b.last(TurnFinished)
    assert ended.outcome == "waiting"
    assert ended.waiting_on == (f"unknown:{call_id}",)
    assert "outward" in ended.detail
    assert "nobody can tell" in ended.detail
    assert b.outward.ran == []
    assert b.all(ToolFinished) == []
    assert len(b.all(ModelReplied)) == 1
    assert b.store.session(SESSION).state == "waiting"


def test_a_call_that_stays_in_the_workspace_is_answered_at_once(bench, monkeypatch):
    b = bench(calls(("effect", "{}")), words("I look"))
    b.start()
    die_again(b, monkeypatch)
    kinds = [event.kind for event in b.events()]
    place = kinds.index("tool_lost")
    assert kinds[place + 1] == "tool_finished"
    assert "unknown" in b.last(ToolFinished).output
    assert b.last(TurnFinished).outcome == "finished"
    assert b.effect.ran == []


def cut_and_deaf(
    b: Bench, monkeypatch: pytest.MonkeyPatch, name: str, *signals: Callable[[], None]
) -> Claim:
    """Handle the call of `name`, which hears these signals and goes on all the same."""
    monkeypatch.setattr(router, "GRACE_S", 0.2)
    over = threading.Event()

    def deaf(args: Any, ctx: Any) -> ToolOutcome:
        for signal in signals:
            signal()
        over.wait(10)
        return succeed("done after all")

    getattr(b, name).answer = deaf
    b.start()
    if name == "outward":
        b.drive()
        approve(b)
    claim = b.store.claim(0)
    assert claim is not None
    handle(claim, b.desk, b.signals)
    over.set()
    return claim


@pytest.mark.parametrize(
    ("name", "words"),
    [("effect", "outcome of this call is unknown"), ("outward", "nobody can tell")],
)
def test_an_effect_that_goes_on_after_an_interrupt_may_have_taken_place(
    bench, monkeypatch, name, words
):
    b = bench(calls((name, '{"number": 4}')))
    cut_and_deaf(b, monkeypatch, name, b.signals.interrupt)
    assert b.last(TurnFinished).outcome == "interrupted"
    assert b.last(ToolLost).tool == name
    (answer,) = b.all(ToolFinished)
    assert not answer.ok
    assert words in answer.output


@pytest.mark.parametrize(("name", "outcome"), [("effect", "finished"), ("outward", "waiting")])
def test_an_effect_that_goes_on_while_the_process_goes_keeps_its_session(
    bench, monkeypatch, name, outcome
):
    b = bench(calls((name, '{"number": 4}')), words("I look"))
    claim = cut_and_deaf(b, monkeypatch, name, b.signals.leave.set, b.signals.cut.set)
    assert b.store.session(SESSION).state == "leased"
    assert b.all(ToolFinished) == b.all(ToolLost) == []

    b.store.release(claim)  # as the death of the process does
    b.signals = Signals()
    assert b.drive().outcome == outcome
    assert b.last(ToolLost).tool == name
    assert getattr(b, name).ran == [4]


def test_a_read_that_goes_on_while_the_process_goes_is_given_back(bench, monkeypatch):
    b = bench(calls(("look", '{"number": 4}')), words("I look"))
    cut_and_deaf(b, monkeypatch, "look", b.signals.leave.set, b.signals.cut.set)
    assert b.store.session(SESSION).state == "ready"
    assert b.all(ToolFinished) == b.all(ToolLost) == []


def test_retry_starts_the_same_call_again(bench, monkeypatch):
    b = bench(OUTWARD, words("ok"))
    lost(b, monkeypatch)
    assert resolved(b, "retry", note="nothing arrived")
    assert b.drive().outcome == "finished"
    assert b.outward.ran == [4]
    first, second = b.all(ToolStarted)
    assert first == second
    assert b.last(UnknownResolved) == UnknownResolved(
        call_id=first.call_id, choice="retry", resolved_by="ada", note="nothing arrived"
    )
    assert b.last(ToolFinished).answered_by == "tool"


def test_done_tells_the_model_that_it_took_effect(bench, monkeypatch):
    b = bench(OUTWARD, words("ok"))
    lost(b, monkeypatch)
    assert resolved(b, "done", note="it is on the Hub")
    assert b.drive().outcome == "finished"
    finished = b.last(ToolFinished)
    assert (finished.ok, finished.answered_by) == (True, "person")
    assert finished.output == "ada says that it took effect: it is on the Hub"
    assert b.outward.ran == []


def test_skip_tells_the_model_not_to_repeat_it(bench, monkeypatch):
    b = bench(OUTWARD, words("ok"))
    lost(b, monkeypatch)
    assert resolved(b, "skip")
    assert b.drive().outcome == "finished"
    finished = b.last(ToolFinished)
    assert not finished.ok
    assert "ada says not to repeat it" in finished.output
    assert b.outward.ran == []


def test_a_done_that_was_edited_before_says_what_ran(bench, monkeypatch):
    b = bench(OUTWARD, words("ok"))
    lost(b, monkeypatch, edit=9)
    resolved(b, "done")
    b.drive()
    assert '[ada edited the arguments; this ran: {"number": 9}]' in b.last(ToolFinished).output


def test_a_retry_of_an_edited_call_runs_the_edit(bench, monkeypatch):
    b = bench(OUTWARD, words("ok"))
    lost(b, monkeypatch, edit=9)
    resolved(b, "retry")
    b.drive()
    assert b.outward.ran == [9]


def test_a_retry_that_is_lost_again_is_asked_about_again(bench, monkeypatch):
    b = bench(OUTWARD, words("ok"))
    call_id = lost(b, monkeypatch)
    assert resolved(b, "retry")
    die_again(b, monkeypatch)
    assert len(b.all(ToolLost)) == 2
    assert b.last(TurnFinished).waiting_on == (f"unknown:{call_id}",)
    assert resolved(b, "retry")
    assert b.drive().outcome == "finished"
    assert b.outward.ran == [4]


def test_the_first_answer_wins(bench, monkeypatch):
    b = bench(OUTWARD, words("ok"))
    call_id = lost(b, monkeypatch)
    assert resolved(b, "skip", by="ada")
    assert not resolved(b, "retry", call_id, by="bob")
    b.drive()
    assert not resolved(b, "retry", call_id, by="bob")
    assert [said.resolved_by for said in b.all(UnknownResolved)] == ["ada"]
    assert b.outward.ran == []


def test_of_many_answers_at_once_one_wins(bench, monkeypatch):
    b = bench(OUTWARD, words("ok"))
    call_id = lost(b, monkeypatch)
    together = threading.Barrier(8)
    won: list[str] = []

    def answer(name: str) -> None:
        together.wait()
        if resolved(b, "skip", call_id, by=name):
            won.append(name)

    threads = [threading.Thread(target=answer, args=(f"p{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    b.drive()
    assert [said.resolved_by for said in b.all(UnknownResolved)] == won
    assert len(won) == 1


def test_with_a_planner_words_come_first_and_an_answer_after_them_is_too_late(bench, monkeypatch):
    b = bench(OUTWARD, words("I look first"))
    b.model.parks = False
    call_id = lost(b, monkeypatch)
    b.submit(UserInput(text="what is on the Hub?", author="ada"))
    assert resolved(b, "retry", call_id)  # accepted behind the words, which end the call
    ended = b.drive()
    finished = b.last(ToolFinished)
    assert "Not finished: ada said something first" in finished.output
    assert "nobody can tell" in finished.output
    assert [said.text for said in b.all(UserSaid)] == ["do it", "what is on the Hub?"]
    assert "waits for no answer any more" in b.last(OpCancelled).reason
    assert ended.detail == "I look first"
    assert b.outward.ran == []
    assert not resolved(b, "done", call_id)


def test_an_interrupt_ends_the_wait_and_says_that_it_may_have_happened(bench, monkeypatch):
    b = bench(OUTWARD, words("never"))
    call_id = lost(b, monkeypatch)
    b.submit(Interrupt(asked_by="ada"))
    assert b.drive().outcome == "interrupted"
    assert "nobody can tell" in b.last(ToolFinished).output
    assert not resolved(b, "retry", call_id)


def test_an_interrupt_right_after_a_crash_does_not_claim_that_nothing_happened(bench, monkeypatch):
    b = bench(calls(("effect", "{}")), words("never"))
    b.start()
    monkeypatch.setattr(b.desk.router, "run", die)
    crash(b)
    monkeypatch.undo()
    b.submit(Interrupt(asked_by="ada"))
    assert b.drive().outcome == "interrupted"
    assert "It had been started" in b.last(ToolFinished).output


def test_undo_ends_the_wait(bench, monkeypatch):
    b = bench(OUTWARD, words("never"))
    call_id = lost(b, monkeypatch)
    b.submit(Undo(asked_by="ada"))
    assert b.drive().outcome == "interrupted"
    assert not resolved(b, "retry", call_id)


def test_a_summary_leaves_the_question_open(bench, monkeypatch):
    b = bench(OUTWARD, words("ok"))
    lost(b, monkeypatch)
    b.submit(Compact(asked_by="ada"))
    b.drive()
    assert b.store.session(SESSION).state == "waiting"
    assert resolved(b, "done")
    assert b.drive().outcome == "finished"


def test_a_crash_right_after_the_answer_repeats_nothing(bench, monkeypatch):
    b = bench(OUTWARD, words("ok"))
    lost(b, monkeypatch)
    resolved(b, "done")
    monkeypatch.setattr(b.model, "complete", die)
    crash(b)
    monkeypatch.undo()
    assert b.drive().outcome == "finished"
    assert len(b.all(UnknownResolved)) == len(b.all(ToolFinished)) == 1


def test_other_calls_of_the_same_answer_go_on(bench, monkeypatch):
    b = bench(calls(("outward", "{}"), ("effect", '{"number": 2}')), words("ok"))
    lost(b, monkeypatch)
    assert b.effect.ran == [2]
    assert b.last(TurnFinished).outcome == "waiting"
    resolved(b, "done")
    assert b.drive().outcome == "finished"


def test_a_call_whose_tool_has_gone_waits_too(bench, monkeypatch):
    b = bench(OUTWARD, words("ok"))
    b.start()
    b.drive()
    (asked,) = b.store.open_approvals()
    decide(b.store, b.desk.router, asked.approval_id, "approve", decided_by="ada")
    monkeypatch.setattr(b.desk.router, "run", die)
    crash(b)
    monkeypatch.undo()
    monkeypatch.delitem(b.desk.router._tools, "outward")
    assert b.drive().outcome == "waiting"
    resolved(b, "retry")
    assert b.drive().outcome == "finished"
    assert "outward" in b.last(ToolFinished).output


def test_what_can_be_looked_up_is_not_lost(bench, monkeypatch):
    b = bench(OUTWARD, words("ok"))
    b.outward.found = succeed("it is there")
    b.start()
    b.drive()
    (asked,) = b.store.open_approvals()
    decide(b.store, b.desk.router, asked.approval_id, "approve", decided_by="ada")
    die_again(b, monkeypatch)
    assert b.all(ToolLost) == []
    assert b.last(ToolFinished).output == "it is there"


def test_a_call_that_was_never_lost_cannot_be_answered_for(bench):
    b = bench(words("ok"))
    b.start()
    b.drive()
    with pytest.raises(InputError, match="No call of this session waits"):
        resolved(b, "done", "call_1")
    with pytest.raises(UnknownSession):
        resolve(b.store, "ffff", "", "done", resolved_by="ada")


def test_a_wrong_beginning_names_what_is_open(bench, monkeypatch):
    b = bench(OUTWARD, words("ok"))
    call_id = lost(b, monkeypatch)
    with pytest.raises(InputError, match=call_id):
        resolved(b, "done", "call_x")
    assert resolved(b, "done", call_id[:10])


def test_an_answer_that_was_accepted_twice_counts_once(bench, monkeypatch):
    """As when two stores of one session have each let one pass."""
    b = bench(OUTWARD, words("ok"))
    call_id = lost(b, monkeypatch)
    for choice in ("skip", "retry"):
        b.submit(ResolveUnknown(call_id=call_id, choice=choice, resolved_by="ada"))
    b.drive()
    assert len(b.all(UnknownResolved)) == 1
    assert "waits for no answer any more" in b.last(OpCancelled).reason
    assert b.outward.ran == []


def test_the_fold_of_the_journal_is_the_same_for_whoever_reads_it(bench, monkeypatch):
    b = bench(OUTWARD, words("ok"))
    call_id = lost(b, monkeypatch)
    history = History()
    for event in b.events():
        history.apply(event)
    assert history.open_calls[call_id].stage == "unknown"
    assert history.open_calls[call_id].effect == "external"
