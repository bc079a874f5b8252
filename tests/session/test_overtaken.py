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
    ToolFinished,
    ToolStarted,
    TurnFinished,
    TurnStarted,
)
from ml_intern.messages import JobId, ToolMessage
from ml_intern.session.approvals import decide
from ml_intern.session.handlers import handle
from ml_intern.tools.protocol import LaunchedJob, ToolOutcome, succeed
from tests.support.desks import SESSION, Bench, Died, calls, words

Make = Callable[..., Bench]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Make]:
    made: list[Bench] = []

    def make(*replies: Any) -> Bench:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Bench(folder, replies))
        return made[-1]

    yield make
    for each in made:
        each.store.close()


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
    b = bench(*[Retryable("busy", retry_after_s=0.001)] * 9)
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
    assert b.last(TurnFinished).outcome == "failed"
    assert len(b.model.asked) == 5


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

    append, finish = b.store.append, b.store.finish
    b.store.append, b.store.finish = counting(append), counting(finish)  # type: ignore[method-assign]
    claim = None
    try:
        while (claim := b.store.claim(0)) is not None:
            handle(claim, b.desk, b.signals)
            claim = None
    except Died:
        pass
    finally:
        b.store.append, b.store.finish = append, finish  # type: ignore[method-assign]
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
