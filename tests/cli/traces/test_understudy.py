"""What the person of a recording did is done again at the same places."""

from collections.abc import Iterator
from typing import Any

from ml_intern.cli.person import Decision
from ml_intern.cli.traces.understudy import Understudy
from ml_intern.events import Event, ModelReplied, TurnStarted, Undone
from ml_intern.messages import ApprovalId, CallId
from ml_intern.ops import Compact, Undo, UserInput
from ml_intern.transcript.recording import recorded_in
from tests.tracing.fakes import (
    answered,
    call,
    compacted,
    ended,
    fold,
    recorded,
    records_of,
    replied,
    said,
    started,
)
from tests.tracing.test_lines import asked, decided


def understudy(*events: Event, **how: Any) -> Understudy:
    return Understudy(recorded_in(records_of(fold(recorded("s", *events)))), **how)


def own(*call_ids: str) -> ModelReplied:
    return replied("", *map(call, call_ids))


def texts(found: Understudy, **where: bool) -> Iterator[str]:
    while (request := found.due(**{"at_rest": True, "asked": False} | where)) is not None:
        assert isinstance(request, UserInput)
        yield request.text


def test_the_task_is_left_to_whoever_starts_the_session():
    found = understudy(replied("Done."), ended())
    assert found.task == "Train something small."
    assert found.due(at_rest=True, asked=False) is None


def test_words_come_when_the_turn_that_they_followed_has_ended():
    found = understudy(replied("Done."), ended(), said("And then?"), replied("That."), ended())
    assert list(texts(found)) == []
    found.see(replied("Done."))
    assert list(texts(found, at_rest=False)) == []
    assert list(texts(found)) == ["And then?"]
    assert list(texts(found)) == []


def test_words_into_a_turn_come_while_it_goes_on():
    found = understudy(own("c1"), said("Faster!"), answered("c1"), replied("Yes."), ended())
    assert found.due(at_rest=False, asked=False) is None
    found.see(own("x1"))
    assert list(texts(found, at_rest=False)) == ["Faster!"]


def test_words_after_an_interruption_come_where_the_turn_goes_on_now():
    found = understudy(own("c1"), ended("interrupted", "Ctrl-C"), said("Else."), replied("Yes."))
    found.see(own("x1"))
    assert list(texts(found, at_rest=False)) == ["Else."]


def test_words_while_no_model_answered_come_before_the_answer_that_has_read_them():
    away = ended("waiting", "m is away", "model:2026-11-20T10:00:00.000Z")
    found = understudy(own("c1"), answered("c1"), away, said("Else."), replied("Yes."), ended())
    found.see(own("x1"))
    assert list(texts(found, at_rest=False)) == ["Else."]


def question() -> list[Event]:
    answer = answered("c1", '{"answer": "stars"}', tool="ask_person", answered_by="person")
    return [
        own("c1"), ended("waiting", "which?", "answer:c1"), TurnStarted(op_seq=2, attempt=1),
        answer, replied("Good."), ended(), said("Bye."),
    ]  # fmt: skip


def test_a_question_gets_the_recorded_answer_and_no_other_moment_does():
    found = understudy(*question())
    found.see(own("x1"))
    assert found.due(at_rest=False, asked=False) is None
    assert list(texts(found, asked=True)) == ["stars"]
    found.see(replied("Good."))
    assert list(texts(found)) == ["Bye."]


def test_an_answer_to_a_question_that_is_not_asked_is_passed_over():
    found = understudy(*question())
    for reply in (own("x1"), replied("Good.")):
        found.see(reply)
    assert list(texts(found)) == ["Bye."]


def test_where_nothing_asks_no_answer_is_waited_for():
    found = understudy(*question(), asks=False)
    for reply in (own("x1"), replied("Good.")):
        found.see(reply)
    assert list(texts(found)) == ["Bye."]


def test_undo_and_compact_are_done_again():
    found = understudy(
        replied("One."), ended(), said("Bad."), replied("Two."), ended(),
        Undone(asked_by="ada", words="Bad."), compacted("the middle"), said("Good."),
    )  # fmt: skip
    for reply in ("One.", "Two."):
        found.see(replied(reply))
    done = [found.due(at_rest=True, asked=False) for _ in range(4)]
    assert [type(one) for one in done] == [UserInput, Undo, Compact, UserInput]


def decision(found: Understudy) -> Decision | None:
    found.see(started(workspace="/there"))
    found.see(own("call_xxxxxxxxxx"))
    return found.decision(asked("call_xxxxxxxxxx"))


def test_a_decision_is_that_of_the_call_at_the_same_place():
    first = own("call_0123456789")
    refused = decided("deny", "call_0123456789")
    assert decision(understudy(first, asked("call_0123456789"), refused)) == Decision(
        verdict="deny"
    )
    approved = decided("approve", "call_0123456789")
    assert decision(understudy(first, asked("call_0123456789"), approved)) == Decision(
        verdict="approve"
    )
    assert decision(understudy(first)) is None


def test_an_edit_has_the_ids_and_the_folder_of_this_session():
    edited = decided(
        "edit", "call_0123456789", path="/workspace/runs", job_id="call_0123456789", private=True
    )
    found = decision(understudy(own("call_0123456789"), asked("call_0123456789"), edited))
    assert found == Decision(
        verdict="edit",
        arguments={"path": "/there/runs", "job_id": "call_xxxxxxxxxx", "private": True},
    )


def test_a_call_that_the_recording_does_not_know_has_no_decision():
    found = understudy(own("c1"))
    other = asked("elsewhere")
    assert (other.approval_id, found.decision(other)) == (ApprovalId("a1"), None)
    assert CallId("elsewhere") == other.call_id
