"""The end of a job in words."""

import pytest

from ml_intern.compute.ending import describe_end

CLAIM = {"timeout_s": 7200, "memory_bytes": 2_000_000_000, "max_processes": 512}


def end(exit_code: int, *, number: int | None = None, cause: str = "", last: str = ""):
    return {"exit_code": exit_code, "signal": number, "cause": cause, "last_line": last}


def state(ending, *, done=None, cancelled=False, **claim):
    return describe_end({**CLAIM, **claim}, ending, done=done, cancelled=cancelled)


DONE = {"global_step": 10}


def test_with_a_done_marker_it_has_succeeded():
    found = state(end(0), done=DONE)
    assert (found.status, found.exit_code, found.reason, found.done) == ("succeeded", 0, "", DONE)


@pytest.mark.parametrize("ending", [end(1), end(139, number=11), end(143, cause="time"), None])
def test_what_goes_wrong_after_the_done_marker_is_only_noted(ending):
    found = state(ending, done=DONE)
    assert found.status == "succeeded"
    assert "its done-marker is complete" in found.reason


def test_exit_code_0_alone_is_no_success():
    found = state(end(0))
    assert found.status == "failed"
    assert found.reason == "ended with exit code 0 but wrote no done-marker"


def test_a_cancelled_job_is_cancelled_even_with_a_late_done_marker():
    assert state(end(143, number=15, cause="stopped"), cancelled=True).status == "cancelled"
    assert state(end(143, number=15, cause="stopped"), cancelled=True, done=DONE).done is None


def test_a_job_that_had_succeeded_before_it_was_cancelled_has_succeeded():
    assert state(end(0), cancelled=True, done=DONE).status == "succeeded"


def test_a_job_without_an_end_is_lost():
    found = state(None)
    assert (found.status, found.exit_code) == ("lost", None)
    assert "gone" in found.reason


@pytest.mark.parametrize(
    ("ending", "words"),
    [
        (end(137, number=9), "killed by signal 9 (SIGKILL); the usual cause is that the machine"),
        (end(137), "killed by signal 9 (SIGKILL)"),
        (end(139, number=11), "SIGSEGV"),
        (end(153, number=25), "SIGXFSZ"),
        (end(143, cause="time"), "stopped at its time limit of 2.0 h"),
        (end(143, cause="processes"), "more than 512 processes"),
        (end(143, cause="stopped"), "a signal to the process that kept it"),
        (end(1, last="ValueError: no"), "ended with exit code 1: ValueError: no"),
        (end(1, last="MemoryError"), "the memory of 2.0 GB per process was not enough"),
        (end(1, last="RuntimeError: can't allocate memory: 9 bytes"), "memory of 2.0 GB"),
        (end(1, last="torch.OutOfMemoryError: CUDA out of memory."), "the GPU's memory"),
        (end(2), "ended with exit code 2"),
        (end(255), "ended with exit code 255"),
    ],
)
def test_people_are_told_why(ending, words):
    found = state(ending)
    assert found.status == "failed"
    assert words in found.reason


def test_no_limit_of_memory_is_no_number():
    found = state(end(1, last="MemoryError"), memory_bytes=None)
    assert found.reason == "ended with exit code 1: the memory was not enough (MemoryError)"


@pytest.mark.parametrize(("seconds", "words"), [(5, "5 s"), (600, "10 min"), (86_400, "24.0 h")])
def test_time_limits_are_told_in_words(seconds, words):
    assert words in state(end(143, cause="time"), timeout_s=seconds).reason
