"""Who a process is, who descends from it, and ending them all."""

import os
import subprocess

import pytest

from ml_intern.sandbox.processes import (
    descendants,
    identify,
    is_alive,
    kill_all,
    marked,
    name_of,
    send,
)
from tests.sandbox.given import wait_until


@pytest.fixture
def family():
    """A shell with two children, one of them in a session of its own."""
    environment = {**os.environ, "TEST_MARK": f"family-{os.getpid()}"}
    command = ["bash", "-c", "sleep 300 & setsid sleep 300 & wait"]
    with subprocess.Popen(command, env=environment) as shell:
        wait_until(lambda: len(descendants(shell.pid)) == 2)
        yield shell
        kill_all(lambda: marked("TEST_MARK", f"family-{os.getpid()}"))


def test_a_process_is_alive_until_it_ends(family):
    who = identify(family.pid)
    assert who is not None
    assert is_alive(who)
    family.kill()
    wait_until(lambda: not is_alive(who))  # a zombie is not alive


def test_a_later_process_with_the_same_id_is_somebody_else(family):
    who = identify(family.pid)
    assert not is_alive(who._replace(started_ticks=who.started_ticks - 1))
    assert not is_alive(who._replace(boot_id="another boot"))


def test_nobody_runs_under_a_free_id():
    assert identify(2**22 + 1) is None
    assert name_of(2**22 + 1) == ""
    send([2**22 + 1], 15)


def test_descendants_are_found_whatever_their_session(family):
    wait_until(lambda: {name_of(pid) for pid in descendants(family.pid)} == {"sleep"})
    assert set(descendants(family.pid)) < set(descendants(os.getpid()))


def test_marked_processes_are_found_without_their_parents(family):
    mark = f"family-{os.getpid()}"
    assert set(marked("TEST_MARK", mark)) == {family.pid, *descendants(family.pid)}
    assert marked("TEST_MARK", mark[:-1]) == []


def test_all_are_killed(family):
    assert kill_all(lambda: marked("TEST_MARK", f"family-{os.getpid()}")) == 0
    assert marked("TEST_MARK", f"family-{os.getpid()}") == []


def test_those_that_do_not_end_are_counted():
    assert kill_all(lambda: [2**22 + 1], patience_s=0.05) == 1
