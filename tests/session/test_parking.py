"""A person and the model talk while a call goes on waiting for a yes, across crashes too."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ml_intern.events import (
    ApprovalRequested,
    CallParked,
    Compacted,
    ToolFinished,
    ToolStarted,
    TurnFinished,
    Undone,
    UserSaid,
)
from ml_intern.messages import AssistantMessage, ToolMessage, UserMessage, short_request
from ml_intern.ops import Compact, Interrupt, ResolveUnknown, Resume, Undo, UserInput
from ml_intern.tools.protocol import LaunchedJob, ToolOutcome, Waiting, succeed
from tests.queue.checked import told
from tests.session.test_overtaken import killed_at
from tests.support.deciding import decide
from tests.support.desks import SESSION, Bench, calls, crash, die, words

Make = Callable[..., Bench]
ASKED = ("outward", '{"number": 7}')


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Make]:
    made: list[Bench] = []

    def make(*replies: Any) -> Bench:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Bench(folder, replies))
        return made[-1]

    yield make
    for number, each in enumerate(made):
        each.store.close()
        assert told(tmp_path / str(number) / "ml-intern.db") == []


def parked(b: Bench, text: str = "why is it two gigabytes?") -> Bench:
    """A call of it waits for a yes; then the person says something, and the model answers."""
    b.start()
    b.drive()
    b.submit(UserInput(text=text, author="ada"))
    b.drive()
    return b


def says(b: Bench, verdict: Any = "approve", **more: Any) -> bool:
    key = b.last(ApprovalRequested).approval_id
    return decide(b.store, b.desk.router, key, verdict, decided_by="ada", **more)


def whole(messages: Any) -> bool:
    """Whether every call has exactly one answer, right behind its message."""
    for place, message in enumerate(messages):
        if isinstance(message, AssistantMessage) and message.tool_calls:
            wanted = [call.call_id for call in message.tool_calls]
            found = messages[place + 1 : place + 1 + len(wanted)]
            if sorted(wanted) != sorted(each.call_id for each in found):
                return False
    answers = [each.call_id for each in messages if isinstance(each, ToolMessage)]
    return len(answers) == len(set(answers))


def test_the_model_hears_words_with_the_question_still_open(bench: Make) -> None:
    b = parked(bench(calls(ASKED), words("because of the weights")))
    asked = b.last(ApprovalRequested)
    assert b.last(TurnFinished) == TurnFinished(
        outcome="waiting",
        detail="because of the weights",
        waiting_on=(f"approval:{asked.approval_id}",),
    )
    tool, said = b.model.asked[1][-2:]
    assert "The question stays open" in tool.text
    assert said == UserMessage(text="why is it two gigabytes?")
    assert b.store.approval(asked.approval_id).state == "pending"
    assert b.outward.ran == []


def test_what_becomes_of_it_is_told_as_a_message_of_its_own(bench: Make) -> None:
    b = parked(bench(calls(ASKED), words("it is large"), words("it is out")))
    assert says(b)
    assert b.drive() == TurnFinished(outcome="finished", detail="it is out")
    assert b.outward.ran == [7]
    told = b.model.asked[2][-1]
    call_id = b.last(CallParked).call_id
    assert told.injected
    assert told.outcome_of == call_id
    for part in ("outward", short_request(call_id), '{"number": 7}'):
        assert part in told.text
    assert whole(b.model.asked[2])


def test_a_no_and_an_edit_are_told_in_the_same_way(bench: Make) -> None:
    b = parked(bench(calls(ASKED), words("it is large"), words("then not")))
    says(b, "deny", reason="too large")
    b.drive()
    assert "ada said no: too large" in b.model.asked[2][-1].text
    c = parked(bench(calls(ASKED), words("it is large"), words("it is out")))
    says(c, "edit", arguments={"number": 9})
    c.drive()
    assert c.outward.ran == [9]
    assert 'this ran: {"number": 9}' in c.model.asked[2][-1].text
    assert 'Arguments: {"number": 9}' in c.model.asked[2][-1].text


def test_the_model_goes_on_with_other_calls_meanwhile(bench: Make) -> None:
    b = parked(bench(calls(ASKED), calls(("effect", '{"number": 3}')), words("done with it")))
    assert b.effect.ran == [3]
    assert b.last(TurnFinished).outcome == "waiting"
    assert says(b)
    b.model.replies.append(words("out"))
    assert b.drive().outcome == "finished"
    assert whole(b.model.asked[-1])


def test_the_same_call_is_not_asked_for_a_second_time(bench: Make) -> None:
    b = parked(bench(calls(ASKED), calls(ASKED), words("I wait")))
    assert len(b.all(ApprovalRequested)) == 1
    assert "waits already" in b.last(ToolFinished).output
    assert b.last(TurnFinished).outcome == "waiting"


def test_another_call_is_asked_for_beside_it_and_both_are_waited_for(bench: Make) -> None:
    b = parked(bench(calls(ASKED), calls(("outward", '{"number": 8}')), words("both out")))
    one, two = b.all(ApprovalRequested)
    assert b.last(TurnFinished).waiting_on == (
        f"approval:{one.approval_id}",
        f"approval:{two.approval_id}",
    )
    says(b)
    b.drive()
    decide(b.store, b.desk.router, one.approval_id, "approve", decided_by="ada")
    b.model.replies.append(words("both"))
    b.drive()
    assert b.outward.ran == [8, 7]


def test_a_plan_that_is_open_does_not_drive_the_model_on(bench: Make) -> None:
    plan = ("plan", '{"items": [{"step": "publish", "status": "in_progress"}]}')
    b = bench(calls(plan), calls(ASKED), words("because of the weights"))
    parked(b)
    assert b.last(TurnFinished).outcome == "waiting"
    assert b.model.replies == []


def test_a_request_is_withdrawn_by_the_model(bench: Make) -> None:
    b = bench(calls(ASKED))
    b.start()
    b.drive()
    key = b.last(ApprovalRequested)
    withdraw = ("withdraw_request", f'{{"request": "{short_request(key.call_id)}"}}')
    b.model.replies = [calls(withdraw), words("I leave it, then.")]
    b.submit(UserInput(text="do not publish", author="ada"))
    assert b.drive() == TurnFinished(outcome="finished", detail="I leave it, then.")
    assert b.store.approval(key.approval_id).state == "superseded"
    assert not says(b)
    assert b.outward.ran == []
    assert whole(b.model.asked[-1])


def test_a_process_that_dies_when_a_request_is_withdrawn_does_not_lose_that(
    bench: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run again, the tool would find no open request, and say so."""
    b = parked(bench(calls(ASKED), words("it is new")))
    request = short_request(b.last(ApprovalRequested).call_id)
    b.model.replies = [calls(("withdraw_request", f'{{"request": "{request}"}}')), words("ok")]
    b.submit(UserInput(text="do not publish", author="ada"))
    append = b.store.append

    def dying(lease: Any, *events: Any, **how: Any) -> list[int]:
        seqs = append(lease, *events, **how)
        return die() if any(isinstance(one, ToolFinished) for one in events) else seqs

    monkeypatch.setattr(b.store, "append", dying)
    crash(b)
    monkeypatch.undo()
    b.drive()
    assert (b.last(ToolFinished).tool, b.last(ToolFinished).ok) == ("withdraw_request", True)
    assert not says(b)


def test_a_request_that_is_not_open_cannot_be_withdrawn(bench: Make) -> None:
    b = parked(
        bench(calls(ASKED), calls(("withdraw_request", '{"request": "call_x"}')), words("ok"))
    )
    refused = b.last(ToolFinished)
    assert (refused.ok, "No open request" in refused.output) == (False, True)
    assert b.store.open_approvals(SESSION)


def test_undo_leaves_what_was_asked_before_the_words(bench: Make) -> None:
    b = parked(bench(calls(ASKED), words("it is large"), words("it is out")))
    b.submit(Undo(asked_by="ada"))
    ended = b.drive()
    asked = b.last(ApprovalRequested)
    assert (ended.outcome, ended.waiting_on) == ("waiting", (f"approval:{asked.approval_id}",))
    assert says(b)
    assert b.drive().outcome == "finished"
    assert b.outward.ran == [7]
    assert UserMessage(text="why is it two gigabytes?") not in b.model.asked[2]
    assert whole(b.model.asked[2])


def test_an_outcome_outlives_the_words_that_are_taken_back(bench: Make) -> None:
    b = parked(bench(calls(ASKED), words("it is large"), words("it is out"), words("hm")))
    says(b)
    b.drive()
    b.submit(Undo(asked_by="ada"))
    b.drive()
    assert len(b.all(Undone)) == 1
    b.submit(UserInput(text="go on", author="ada"))
    b.drive()
    assert [m for m in b.model.asked[-1] if isinstance(m, UserMessage) and m.outcome_of]


def test_undo_of_the_words_before_it_ends_the_call(bench: Make) -> None:
    b = parked(bench(calls(ASKED), words("it is large")))
    b.submit(Undo(asked_by="ada"))
    b.drive()
    b.submit(Undo(asked_by="ada"))
    assert b.drive().outcome == "interrupted"
    assert b.store.open_approvals(SESSION) == []


def test_an_outcome_comes_after_the_call_was_summed_up(bench: Make) -> None:
    looks = [calls(("look", f'{{"number": {n}}}')) for n in range(8)]
    b = parked(bench(calls(ASKED), *looks, words("it is large")))
    b.model.replies = [words("## Goal\nall of it")]
    b.submit(Compact(asked_by="ada"))
    b.drive()
    assert b.all(Compacted)
    b.model.replies = [words("it is out")]
    says(b)
    assert b.drive().outcome == "finished"
    assert b.model.asked[-1][-1].outcome_of == b.last(CallParked).call_id
    assert whole(b.model.asked[-1])


def test_a_yes_that_comes_while_the_model_speaks_is_told_before_the_end(bench: Make) -> None:
    b = parked(bench(calls(ASKED), words("it is large")))
    replies = [words("I wait for it"), words("it is out")]
    complete = b.model.complete

    def answering(*given: Any, **more: Any) -> Any:
        if len(b.model.replies) == 2:
            says(b)
        return complete(*given, **more)

    b.model.replies = replies
    b.model.complete = answering  # type: ignore[method-assign]
    b.submit(UserInput(text="and?", author="ada"))
    assert b.drive() == TurnFinished(outcome="finished", detail="it is out")
    assert b.model.asked[-1][-1].outcome_of == b.last(CallParked).call_id


def test_a_turn_that_stops_at_a_limit_leaves_the_question_open(bench: Make) -> None:
    b = parked(bench(calls(ASKED), *[calls(("look", "{}"))] * 9))
    assert b.last(TurnFinished).outcome == "stopped"
    b.model.replies = [words("it is out")]
    assert says(b)
    assert b.drive() == TurnFinished(outcome="finished", detail="it is out")
    assert b.outward.ran == [7]


def test_an_interrupt_ends_what_is_parked(bench: Make) -> None:
    b = parked(bench(calls(ASKED), words("it is large")))
    b.submit(Interrupt(asked_by="ada"))
    assert b.drive().outcome == "interrupted"
    assert b.store.open_approvals(SESSION) == []


def test_a_call_of_which_nobody_knows_what_became_is_parked_too(
    bench: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    b = bench(calls(ASKED), calls(ASKED), words("I do not know"), words("good"))
    b.start()
    b.drive()
    says(b)
    b.outward.answer = die
    with monkeypatch.context() as patch:
        patch.setattr("ml_intern.tools.router._guarded", lambda act, call: act())
        crash(b)
    b.outward.answer = lambda args, ctx: succeed({})
    assert b.drive().waiting_on[0].startswith("unknown:")
    b.submit(UserInput(text="did it work?", author="ada"))
    assert b.drive().waiting_on[0].startswith("unknown:")
    assert "waits already" in b.last(ToolFinished).output
    call_id = b.last(CallParked).call_id
    b.submit(ResolveUnknown(call_id=call_id, choice="done", resolved_by="ada"))
    assert b.drive().outcome == "finished"
    assert "ada says that it took effect" in b.model.asked[-1][-1].text


def trains(b: Bench) -> None:
    """It launches a job, and waits for it."""
    b.effect.answer = lambda args, ctx: ToolOutcome(
        ok=True,
        output="{}",
        job=LaunchedJob(job_id="j1", compute="local", handle={}, label="t"),  # type: ignore[arg-type]
    )
    b.look.answer = lambda args, ctx: Waiting(on="job:j1")
    b.start()
    assert b.drive().waiting_on == ("job:j1",)


def test_a_planner_that_cannot_park_reads_words_when_the_job_has_ended(bench: Make) -> None:
    b = bench(calls(("effect", "{}")), calls(("look", "{}")), words("done"))
    b.model.parks = False  # type: ignore[attr-defined]
    trains(b)
    b.submit(UserInput(text="publish it then", author="ada"))
    assert b.drive().waiting_on == ("job:j1",)
    assert len(b.model.asked) == 2


def test_words_end_the_watching_of_a_job_and_the_job_goes_on(bench: Make) -> None:
    b = bench(calls(("effect", "{}")), calls(("look", "{}")), words("epoch 3"))
    trains(b)
    b.submit(UserInput(text="how far is it?", author="ada"))
    b.drive()
    tool, said = b.model.asked[2][-2:]
    assert "It goes on" in tool.text
    assert said.text == "how far is it?"
    b.submit(Resume(on="job:j1"))
    b.drive()
    assert whole(b.model.asked[-1])


def test_a_planner_that_cannot_park_is_told_that_its_call_has_ended(bench: Make) -> None:
    b = bench(calls(ASKED), words("I leave it, then."))
    b.model.parks = False  # type: ignore[attr-defined]
    parked(b, "do not publish")
    assert b.last(TurnFinished).outcome == "finished"
    assert "Not finished: ada said something first" in b.model.asked[1][-2].text
    assert b.store.open_approvals(SESSION) == []


def test_killed_at_any_step_it_is_parked_once_and_runs_once(bench: Make) -> None:
    for number in range(1, 40):
        b = bench(calls(ASKED), words("it is large"), words("it is out"), words("again"))
        b.outward.found = succeed({"found": True})
        b.start()
        was_killed = killed_at(b, number)
        b.drive()
        if b.last(ApprovalRequested) is None:  # the answer with the call was lost
            continue
        b.submit(UserInput(text="why?", author="ada"))
        was_killed = was_killed or killed_at(b, number - 5)
        b.drive()
        says(b)
        was_killed = was_killed or killed_at(b, number - 9)
        b.drive()
        assert b.last(TurnFinished).outcome == "finished", number
        assert len(b.all(CallParked)) == len(b.all(ToolStarted)) == len(b.all(ToolFinished)) == 1
        assert len(b.all(UserSaid)) == 2
        assert len(b.outward.ran) <= 1
        assert all(whole(messages) for messages in b.model.asked)
        if not was_killed:
            return
    raise AssertionError("the session did not come to its end")
