"""The watcher: progress from the log to the journal, and one awakening at the end of a job."""

import json
from pathlib import Path

import pytest

from ml_intern.compute.protocol import JobState, LogChunk
from ml_intern.daemon.jobs import JobWatcher
from ml_intern.errors import ComputeError
from ml_intern.events import JobEnded, JobProgressed, JobStarted
from ml_intern.messages import JobId
from ml_intern.ops import Resume
from tests.support.desks import SESSION, Bench, words


class FakeClock:
    """Time that the test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


class LoggedCompute:
    """A compute whose only job says what the test wants."""

    name = "logged"

    def __init__(self) -> None:
        self.text = ""
        self.now: JobState | ComputeError = JobState(status="running")

    def state(self, handle):
        if isinstance(self.now, ComputeError):
            raise self.now
        return self.now

    def log(self, handle, offset, limit_bytes=1 << 20):
        return LogChunk(text=self.text[offset:], next_offset=len(self.text))

    def say(self, **event):
        self.text += json.dumps({"event": "log", **event}) + "\n"


@pytest.fixture
def watched(tmp_path: Path):
    bench = Bench(tmp_path, [words("ok")])
    bench.start()
    claim = bench.store.claim(0)
    bench.store.append(
        claim.lease,
        JobStarted(job_id=JobId("j"), compute="logged", handle={}, label="train.py"),
    )
    compute, clock = LoggedCompute(), FakeClock()
    yield bench, compute, clock, JobWatcher(bench.store, compute, clock), claim
    bench.store.close()


def test_new_metric_lines_become_one_event(watched):
    bench, compute, _, watcher, _ = watched
    compute.text = "not for machines\n"
    compute.say(step=1, max_steps=10, loss=2.0)
    compute.say(step=2, max_steps=10, loss=float("nan"))
    watcher.look()
    assert bench.all(JobProgressed) == [
        JobProgressed(
            job_id=JobId("j"),
            step=2,
            max_steps=10,
            metrics={"loss": None},
            log_offset=len(compute.text),
        )
    ]


@pytest.mark.parametrize("odd", [float("inf"), float("nan")])
def test_a_step_that_is_no_number_is_passed_over(watched, odd):
    bench, compute, clock, watcher, _ = watched
    compute.say(step=odd, loss=2.0)
    watcher.look()
    clock.seconds += 10
    compute.say(step=2, max_steps=odd, loss=1.0)
    watcher.look()
    (told,) = bench.all(JobProgressed)
    assert (told.step, told.max_steps) == (2, None)


def test_progress_is_thinned_out_and_the_last_of_it_is_told(watched):
    bench, compute, clock, watcher, _ = watched
    for step in range(1, 30):
        compute.say(step=step, loss=1.0)
        clock.seconds += 0.1
        watcher.look()
    compute.now = JobState(status="succeeded", exit_code=0)
    watcher.look()
    told = [event.step for event in bench.all(JobProgressed)]
    assert len(told) < 8
    assert told[-1] == 29


def test_the_end_of_a_job_wakes_the_session_once(watched):
    bench, compute, _, watcher, claim = watched
    compute.now = JobState(status="failed", exit_code=1, reason="killed")
    watcher.look()
    watcher.look()
    assert bench.all(JobEnded) == [
        JobEnded(
            job_id=JobId("j"),
            status="failed",
            exit_code=1,
            reason="killed",
            cost_micro_usd=None,
        )
    ]
    bench.store.finish(claim)
    assert bench.store.claim(0).op == Resume(on="job:j")
    assert bench.store.running_jobs() == []


def test_a_new_watcher_goes_on_where_the_journal_stands(watched):
    bench, compute, clock, watcher, _ = watched
    compute.say(step=1, loss=1.0)
    watcher.look()
    JobWatcher(bench.store, compute, clock).look()
    assert len(bench.all(JobProgressed)) == 1


def test_a_job_that_cannot_be_found_is_lost(watched):
    bench, compute, _, watcher, _ = watched
    compute.now = ComputeError("its folder is gone")
    watcher.look()
    assert bench.last(JobEnded).status == "lost"
    assert bench.store.session(SESSION).session_id == SESSION
