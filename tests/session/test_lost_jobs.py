"""Jobs of a machine that is gone: a person's word ends them, once."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ml_intern.errors import InputError, UnknownSession
from ml_intern.events import JobEnded, JobStarted
from ml_intern.messages import JobId, SessionId
from ml_intern.ops import Resume
from ml_intern.session.lost_jobs import declare_lost, ended_key
from ml_intern.tools.protocol import LaunchedJob, succeed
from tests.queue.checked import told
from tests.support.deciding import decide
from tests.support.desks import SESSION, Bench, calls, words


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Its jobs j1 and j2 run, as far as the journal knows."""
    bench = Bench(tmp_path, [words("ok")])
    bench.start()
    claim = bench.store.claim(0)
    assert claim is not None
    for name in ("j1", "j2"):
        started = JobStarted(job_id=JobId(name), compute="local", handle={}, label="train.py")
        bench.store.append(claim.lease, started)
    bench.store.release(claim)
    yield bench
    bench.store.close()


def lose(bench: Bench, job: str, *, note: str = "", here: bool = False) -> bool:
    return declare_lost(
        bench.store, SESSION, job, declared_by="ada", note=note, runs_here=lambda _handle: here
    )


def test_a_job_that_was_declared_lost_has_ended_and_wakes_its_session(
    bench: Bench, tmp_path: Path
) -> None:
    assert lose(bench, "j1", note="the rack burned")
    (ended,) = bench.all(JobEnded)
    assert ended == JobEnded(
        job_id=JobId("j1"),
        status="lost",
        exit_code=None,
        reason="ada says that it ended with its machine: the rack burned",
        cost_micro_usd=None,
    )
    assert [row.job_id for row in bench.store.running_jobs()] == ["j2"]
    assert [op.kind for op in bench.store.queue_place(SESSION).open_ops] == ["user_input", "resume"]
    assert told(tmp_path / "ml-intern.db") == []


def test_what_was_reserved_for_a_lost_job_counts_as_spent(bench: Bench) -> None:
    reply = calls(("effect", "{}"))
    bench.model.replies.insert(0, reply)
    bench.effect.worst_cost = 300
    job = LaunchedJob(job_id=JobId("j3"), compute="local", handle={}, label="train.py")
    bench.effect.answer = lambda args, ctx: replace(
        succeed({}), job=replace(job, job_id=JobId(ctx.call_id))
    )
    bench.drive()
    (asked,) = bench.store.open_approvals()
    decide(bench.store, bench.desk.router, asked.approval_id, "approve", decided_by="ada")
    bench.drive()
    own = f"session:{SESSION}"
    assert bench.store.budgets(own)[own].reserved == 300
    assert lose(bench, asked.call_id)
    assert bench.store.budgets(own)[own].spent == 300


def test_only_the_first_word_on_the_end_of_a_job_counts(bench: Bench) -> None:
    order = Resume(on="job:j1")
    ended = JobEnded(job_id=JobId("j1"), status="succeeded", exit_code=0, reason="")
    bench.store.submit(SESSION, order, dedupe=ended_key(JobId("j1")), events=[ended])
    assert not lose(bench, "j1")
    assert lose(bench, "")  # the only one that is left
    assert not lose(bench, "j2")
    assert [one.status for one in bench.all(JobEnded)] == ["succeeded", "lost"]


@pytest.mark.parametrize(
    ("job", "here", "sentence"),
    [
        ("", False, "Say which job is meant; these run: j1; j2"),
        ("x", False, "Say which job is meant"),
        ("j1", True, "runs on this machine"),
    ],
)
def test_a_loss_that_is_unclear_or_untrue_changes_nothing(
    bench: Bench, job: str, here: Any, sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        lose(bench, job, here=here)
    assert bench.all(JobEnded) == []


def test_where_no_job_runs_there_is_none_to_lose(bench: Bench) -> None:
    assert lose(bench, "j1")
    assert lose(bench, "j2")
    with pytest.raises(InputError, match="No job of this session runs"):
        lose(bench, "")
    with pytest.raises(UnknownSession):
        declare_lost(
            bench.store, SessionId("nope"), "", declared_by="ada", runs_here=lambda _handle: False
        )
