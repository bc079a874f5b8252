"""What others do while a turn runs counts at its next step, also after a crash at any of them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ml_intern.errors import Retryable
from ml_intern.events import (
    ApprovalDecided,
    ApprovalRequested,
    JobProgressed,
    ModelAsked,
    OpCancelled,
    ToolFinished,
    ToolStarted,
    TurnFinished,
    TurnStarted,
    UserSaid,
)
from ml_intern.messages import JobId, ToolMessage, UserMessage
from ml_intern.ops import Interrupt, Undo, UserInput
from ml_intern.session.handlers import handle
from ml_intern.tools.protocol import LaunchedJob, ToolOutcome, succeed
from tests.queue.checked import told
from tests.support.clocks import SwiftClock
from tests.support.deciding import decide
from tests.support.desks import SESSION, Bench, Died, calls, words

Make = Callable[..., Bench]
STEPS = ("append", "take_in", "finish")
"""By which a turn writes."""


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Make]:
    made: list[Bench] = []

    def make(*replies: Any, **more: Any) -> Bench:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Bench(folder, replies, **more))
        return made[-1]

    yield make
    for number, each in enumerate(made):
        each.store.close()
        assert told(tmp_path / str(number) / "ml-intern.db") == []


def decides(b: Bench, verdict: Any = "approve") -> Callable[..., ToolOutcome]:
    """An effect during which a person decides what is open."""

    def run(args: Any, ctx: Any) -> ToolOutcome:
        for asked in b.store.open_approvals(SESSION):
            decide(b.store, b.desk.router, asked.approval_id, verdict, decided_by="ada")
        return succeed({"number": args.number})

    return run


def turns(b: Bench) -> int:
    return len(b.all(TurnStarted))


def test_a_yes_that_comes_while_another_call_runs_lets_its_call_run_in_the_same_turn(
    bench: Make,
) -> None:
    b = bench(calls(("outward", '{"number": 7}'), ("effect", "{}")), words("ok"))
    b.effect.answer = decides(b)
    b.start()
    assert b.drive() == TurnFinished(outcome="finished", detail="ok")
    assert (b.outward.ran, b.effect.ran) == ([7], [0])
    assert turns(b) == 1, "the op of the decision found nothing to do"
    kinds = [event.kind for event in b.events()]
    assert kinds.index("approval_decided") < kinds.index("tool_finished")


def test_a_no_that_comes_while_another_call_runs_is_told_in_the_same_turn(bench: Make) -> None:
    b = bench(calls(("outward", "{}"), ("effect", "{}")), words("ok"))
    b.effect.answer = decides(b, "deny")
    b.start()
    b.drive()
    assert (b.outward.ran, turns(b)) == ([], 1)
    told = [m.text for m in b.model.asked[1] if isinstance(m, ToolMessage)]
    assert any("ada said no" in text for text in told)


def launching(args: Any, ctx: Any) -> ToolOutcome:
    job = LaunchedJob(job_id=JobId("j1"), compute="local", handle={}, label="train")
    return ToolOutcome(ok=True, output="{}", job=job)


def test_a_busy_job_keeps_no_step_from_being_taken(bench: Make) -> None:
    b = bench(calls(("effect", "{}")), calls(("look", "{}")), words("ok"))
    b.effect.answer = launching
    offset = iter(range(1, 100))

    def beside(step: Callable[..., list[int]]) -> Callable[..., list[int]]:
        def wrapped(lease: Any, *events: Any, **known: Any) -> list[int]:
            if b.store.running_jobs() and (at := next(offset)) % 2:
                b.store.note(
                    SESSION,
                    JobProgressed(
                        job_id=JobId("j1"), step=at, max_steps=9, metrics={}, log_offset=at
                    ),
                )
            return step(lease, *events, **known)

        return wrapped

    b.store.append = beside(b.store.append)  # type: ignore[method-assign]
    b.start()
    assert b.drive() == TurnFinished(outcome="finished", detail="ok")
    assert (len(b.all(ModelAsked)), b.look.ran) == (3, [0])


def test_news_does_not_give_a_failing_model_more_tries(bench: Make) -> None:
    b = bench(*[Retryable("busy")] * 9, clock=SwiftClock())
    b.start()
    model = b.model.complete

    def failing(*given: Any, **more: Any) -> Any:
        b.store.note(SESSION)
        b.store.append(claim.lease, TurnStarted(op_seq=1, attempt=1))
        return model(*given, **more)

    b.model.complete = failing  # type: ignore[method-assign]
    claim = b.store.claim(0)
    assert claim is not None
    handle(claim, b.desk, b.signals)
    assert b.last(TurnFinished).outcome == "waiting"
    assert 3 < len(b.model.asked) < 8


def killed_at(b: Bench, number: int) -> bool:
    """Work until the journal has grown by `number` appends; then the process dies. False: it ended
    before.
    """
    left = [number]

    def counting(act: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*given: Any, **more: Any) -> Any:
            answer = act(*given, **more)
            left[0] -= 1
            if left[0] == 0:
                raise Died
            return answer

        return counted

    kept = {name: getattr(b.store, name) for name in STEPS}
    for name, step in kept.items():
        setattr(b.store, name, counting(step))
    claim = None
    try:
        while (claim := b.store.claim(0)) is not None:
            handle(claim, b.desk, b.signals)
            claim = None
    except Died:
        pass
    finally:
        for name, step in kept.items():
            setattr(b.store, name, step)
    if left[0] > 0:
        return False
    if claim is not None and b.store.queue_place(SESSION).state == "leased":
        b.store.release(claim)
    return True


def test_killed_at_any_step_it_ends_in_the_same_way(bench: Make) -> None:
    for number in range(1, 40):
        b = bench(calls(("outward", '{"number": 7}'), ("effect", "{}")), words("ok"))
        b.effect.answer = decides(b)
        b.effect.found = succeed({"found": True})
        b.outward.found = succeed({"found": True})
        b.start()
        was_killed = killed_at(b, number)
        ended = b.drive()
        if ended is not None and ended.outcome == "waiting":
            decides(b)(b.effect.arguments(), None)
            ended = b.drive()
        if not b.model.replies and ended.outcome == "failed":  # asked, and its answer was lost
            continue
        assert ended.outcome == "finished", number
        assert len(b.all(ApprovalRequested)) == len(b.all(ApprovalDecided)) == 1
        assert len(b.all(ToolStarted)) == len(b.all(ToolFinished)) == 2
        assert len(b.outward.ran) <= 1
        if not was_killed:
            return
    raise AssertionError("the session did not come to its end")


def says(b: Bench, text: str) -> Callable[..., ToolOutcome]:
    """An effect during which a person says something, once."""
    said: list[str] = []

    def run(args: Any, ctx: Any) -> ToolOutcome:
        if not said:
            said.append(text)
            b.submit(UserInput(text=text, author="ada"))
        return succeed({"number": args.number})

    return run


def test_words_are_heard_at_the_next_step_of_the_turn(bench: Make) -> None:
    b = bench(calls(("effect", "{}")), words("as you say"))
    b.effect.answer = says(b, "use ten epochs")
    b.start()
    assert b.drive() == TurnFinished(outcome="finished", detail="as you say")
    assert turns(b) == 1
    assert b.model.asked[1][-1] == UserMessage(text="use ten epochs")
    assert b.store.queue_place(SESSION).open_ops == ()


def test_words_behind_an_op_that_is_no_part_of_a_turn_wait_for_it(bench: Make) -> None:
    b = bench(calls(("effect", "{}")), words("one"), words("two"))

    def run(args: Any, ctx: Any) -> ToolOutcome:
        b.submit(Undo(asked_by="ada"))
        b.submit(UserInput(text="and now?", author="ada"))
        return succeed({})

    b.effect.answer = run
    b.start()
    b.drive()
    kinds = [event.kind for event in b.events()]
    assert kinds.index("undone") > kinds.index("turn_finished")
    assert (turns(b), len(b.model.asked)) == (2, 3)


def test_words_that_an_interrupt_has_cancelled_are_not_heard(bench: Make) -> None:
    b = bench(calls(("effect", "{}")), words("ok"))

    def run(args: Any, ctx: Any) -> ToolOutcome:
        b.submit(UserInput(text="never mind", author="ada"))
        b.submit(Interrupt(asked_by="ada", reason="lunch"))
        b.signals.stop.set()
        return succeed({})

    b.effect.answer = run
    b.start()
    b.drive()
    assert len(b.all(UserSaid)) == 1
    assert b.last(OpCancelled).op_kind == "user_input"


def test_words_reset_what_the_model_may_still_do(bench: Make) -> None:
    b = bench(calls(("effect", "{}")), *[calls(("look", f'{{"number": {n}}}')) for n in range(19)],
              words("ok"))  # fmt: skip
    b.effect.answer = says(b, "take your time")
    b.start()
    assert b.drive().outcome == "finished"


def test_killed_at_any_step_words_are_heard_once(bench: Make) -> None:
    for number in range(1, 30):
        b = bench(calls(("effect", "{}")), words("as you say"), words("again"))
        b.effect.answer = says(b, "use ten epochs")
        b.effect.found = succeed({"found": True})
        b.start()
        was_killed = killed_at(b, number)
        b.drive()
        heard = [event.text for event in b.all(UserSaid)]
        assert heard in (["do it", "use ten epochs"], ["do it"]), number
        assert b.store.queue_place(SESSION).open_ops == ()
        assert b.last(TurnFinished).outcome in ("finished", "failed")
        if not was_killed:
            return
    raise AssertionError("the session did not come to its end")
