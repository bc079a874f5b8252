"""A control group around one run, where one can be made."""

import os
import subprocess

import pytest

from ml_intern.sandbox.process_limit import open_limit, threads_allowed
from tests.sandbox.given import wait_until


@pytest.fixture
def limit():
    limit = open_limit(f"test-{os.getpid()}", 5)
    if limit is None:
        pytest.skip("no control group for processes can be made here")
    yield limit
    limit.close()


def test_who_was_taken_is_a_member_with_all_that_it_starts(limit):
    with subprocess.Popen(["sh", "-c", "read x; setsid sleep 300 & wait"], stdin=-1) as shell:
        limit.take(shell.pid)
        shell.stdin.write(b"\n")
        shell.stdin.flush()
        wait_until(lambda: len(limit.members()) == 2)
        assert shell.pid in limit.members()
        for pid in limit.members():
            os.kill(pid, 9)
    wait_until(lambda: limit.members() == [])


def test_somebody_who_is_gone_cannot_be_taken(limit):
    limit.take(2**22 + 1)
    assert limit.members() == []


def test_nothing_is_made_when_nothing_is_to_be_bounded():
    assert open_limit("test", None) is None


def test_numeric_libraries_may_have_a_thread_for_each_processor():
    assert threads_allowed(10) >= 10 + (os.cpu_count() or 1)
