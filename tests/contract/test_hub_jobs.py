"""What every tool that starts jobs on the Hub gets for two lines: a price that is asked, reserved
and settled.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from ml_intern.compute.hub import HubHardware, cost_micro_usd
from ml_intern.compute.protocol import JobState, LogChunk
from ml_intern.daemon.jobs import JobWatcher
from ml_intern.events import ApprovalRequested, BudgetReached, JobEnded, ToolStarted
from ml_intern.llm.client import ModelReply
from ml_intern.messages import JobId
from ml_intern.session.desk import Caps
from ml_intern.tools.protocol import (
    Arguments,
    LaunchedJob,
    Tool,
    ToolContext,
    ToolOutcome,
    fail,
)
from ml_intern.tools.router import ToolRouter
from tests.queue.given import HandClock
from tests.support.deciding import decide
from tests.support.desks import SESSION, Bench, calls, words
from tests.support.hub import HubServer, a_machine

OWN = f"session:{SESSION}"
A10G = 25_000
WORST = A10G * 60


class JobArguments(Arguments):
    flavor: str
    timeout_s: float


class PaidJob(Tool[JobArguments]):
    """Starts nothing; the test says what became of the request."""

    name: ClassVar[str] = "hub_job"
    description: ClassVar[str] = "Start a job on the Hub."
    arguments = JobArguments
    effect: ClassVar[Any] = "external"

    def __init__(self) -> None:
        self.outcome = started("j1")

    def worst_cost_micro_usd(self, args: JobArguments, ctx: ToolContext) -> int | None:
        return ctx.place.hub.worst(args.flavor, args.timeout_s).micro_usd

    def cost_basis(self, args: JobArguments, ctx: ToolContext) -> str:
        return ctx.place.hub.worst(args.flavor, args.timeout_s).basis

    def run(self, args: JobArguments, ctx: ToolContext) -> ToolOutcome:
        job = self.outcome.job
        if job is None:
            return self.outcome
        return replace(self.outcome, job=replace(job, job_id=JobId(ctx.call_id)))


def started(job_id: str) -> ToolOutcome:
    job = LaunchedJob(job_id=JobId(job_id), compute="hub", handle={}, label="train.py")
    return ToolOutcome(ok=True, output="started", job=job)


class EndedCompute:
    """Says of every job that it is over, at this cost."""

    name = "hub"

    def __init__(self, cost: int | None) -> None:
        self._cost = cost

    def state(self, handle: Any) -> JobState:
        return JobState(status="succeeded", exit_code=0, cost_micro_usd=self._cost)

    def log(self, handle: Any, offset: int, limit_bytes: int = 1 << 20) -> LogChunk:
        return LogChunk(text="", next_offset=0)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    monkeypatch.setenv("HF_TOKEN", "hf_test_token")
    with HubServer() as server:
        yield server


@pytest.fixture
def bench(tmp_path: Path, hub: HubServer) -> Iterator[Callable[..., Bench]]:
    benches = []

    def make(*replies: ModelReply, cap: int = 100_000_000) -> Bench:
        clock = HandClock()
        b = Bench(tmp_path, replies, clock)
        b.outward = PaidJob()
        b.place = replace(b.place, hub=HubHardware(tmp_path / "list", clock, endpoint=hub.url))
        limits = replace(b.desk.limits, caps=Caps(session_micro_usd=cap))
        b.desk = replace(b.desk, router=ToolRouter([b.outward]), limits=limits)
        benches.append(b)
        b.start()
        return b

    yield make
    for each in benches:
        each.store.close()


def a_job(flavor: str = "a10g-large") -> ModelReply:
    return calls(("hub_job", f'{{"flavor": "{flavor}", "timeout_s": 3300}}'))


def approve(b: Bench) -> None:
    asked = b.last(ApprovalRequested)
    assert decide(b.store, b.desk.router, asked.approval_id, "approve", decided_by="ada")


def spent(b: Bench) -> tuple[str, int | None, int]:
    """The state of the one spend, what it took, and what is still reserved of the session's cap."""
    (row,) = b.store.spends(SESSION)
    return row.state, row.spent_micro_usd, b.store.budgets(OWN)[OWN].reserved


def test_it_is_asked_with_its_cost_and_the_date_of_the_price(bench, hub):
    b = bench(a_job(), cap=5_000_000)
    assert b.drive().outcome == "waiting"
    asked = b.last(ApprovalRequested)
    assert (asked.cost_micro_usd, asked.budget_left_micro_usd) == (WORST, 5_000_000)
    assert asked.reason == (
        "it may cost up to $1.50 (a10g-large at $0.025 a minute, 55 minutes of running and 5 of "
        f"starting; the list of {hub.url}, read on 2026-01-31)"
    )
    assert b.store.spends(SESSION) == []


def test_the_worst_case_is_reserved_and_settles_to_the_minutes_that_it_took(bench):
    b = bench(a_job(), words("ok"))
    b.drive()
    approve(b)
    b.drive()
    assert b.last(ToolStarted).spend.micro_usd == WORST
    assert spent(b) == ("reserved", None, WORST)
    cost = cost_micro_usd(A10G, billed_s=754.2)
    JobWatcher(b.store, EndedCompute(cost), b.desk.clock).look()
    assert b.last(JobEnded).cost_micro_usd == cost == 13 * A10G
    assert spent(b) == ("settled", cost, 0)


def test_a_job_whose_cost_nobody_tells_keeps_all_that_was_reserved(bench):
    b = bench(a_job(), words("ok"))
    b.drive()
    approve(b)
    b.drive()
    JobWatcher(b.store, EndedCompute(None), b.desk.clock).look()
    assert spent(b) == ("held", WORST, 0)


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (replace(fail("The Hub refused it: no credit."), cost_micro_usd=0), ("refunded", 0, 0)),
        (fail("The connection broke off."), ("held", WORST, 0)),
    ],
    ids=["a clean error", "an ambiguous one"],
)
def test_an_error_gives_back_what_was_reserved_only_if_nothing_can_have_started(
    bench, outcome, expected
):
    b = bench(a_job(), words("ok"))
    b.outward.outcome = outcome
    b.drive()
    approve(b)
    assert b.drive().outcome == "finished"
    assert spent(b) == expected


@pytest.mark.parametrize(
    ("flavor", "listed", "words_"),
    [
        ("h100", a_machine("a10g-large", A10G), "h100: it is not there; the list of "),
        ("odd", a_machine("odd", -5), "odd: -5 is no price"),
        ("odd", a_machine("odd", 0), "odd: 0 is no price"),
    ],
)
def test_what_has_no_price_is_asked_as_unknown(bench, hub, flavor, listed, words_):
    hub.jobs.hardware = [listed]
    b = bench(a_job(flavor))
    assert b.drive().outcome == "waiting"
    asked = b.last(ApprovalRequested)
    assert (asked.cost_micro_usd, asked.like_this) == (None, False)
    assert asked.reason.startswith(f"nobody knows what it costs ({words_}")
    assert "read on 2026-01-31" in asked.reason


def test_without_the_hub_nobody_knows_the_price(bench, hub):
    hub.down()
    b = bench(a_job())
    assert b.drive().outcome == "waiting"
    assert b.last(ApprovalRequested).cost_micro_usd is None
    assert "was never read: it cannot be reached" in b.last(ApprovalRequested).reason


def test_a_price_that_rose_after_the_yes_is_asked_again(bench, hub):
    b = bench(a_job(), words("ok"))
    b.drive()
    hub.jobs.hardware = [a_machine("a10g-large", A10G + 1)]
    b.desk.clock.passed_s += 86_400
    approve(b)
    assert b.drive().outcome == "waiting"
    first, second = b.all(ApprovalRequested)
    assert second.reason.startswith("Changed since it was approved: its cost (up to $1.50).")
    assert second.cost_micro_usd == first.cost_micro_usd + 60
    assert b.all(ToolStarted) == []


def test_a_job_that_does_not_fit_under_the_cap_does_not_start(bench):
    b = bench(a_job(), cap=WORST - 1)
    b.drive()
    approve(b)
    assert b.drive().waiting_on == (f"budget:{OWN}",)
    assert b.last(BudgetReached).needed == WORST
    assert b.all(ToolStarted) == []
