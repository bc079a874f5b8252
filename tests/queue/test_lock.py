"""One holder at a time, known by its process id, gone with its process."""

import os
from pathlib import Path

import pytest

from ml_intern.errors import StoreUnavailable
from ml_intern.queue.lock import DaemonLock
from tests.queue.test_processes import child


def test_a_lock_that_nobody_has_can_be_had(tmp_path: Path) -> None:
    lock = DaemonLock(tmp_path / "daemon.lock")
    assert lock.holder_pid() is None
    assert lock.try_acquire()
    assert lock.try_acquire()
    other = DaemonLock(tmp_path / "daemon.lock")
    assert not other.try_acquire()
    lock.release()
    lock.release()
    assert other.try_acquire()


def test_others_see_what_the_holder_is(tmp_path: Path) -> None:
    path = tmp_path / "daemon.lock"
    lock, other = DaemonLock(path), DaemonLock(path)
    assert lock.try_acquire("ml-intern traces replay")
    assert other.holder() == lock.holder()
    assert str(other.holder()) == f"Process {os.getpid()} (ml-intern traces replay)"


def test_a_holder_that_does_not_say_what_it_is_has_its_number(tmp_path: Path) -> None:
    """As those of an earlier version, and holders in the middle of writing it."""
    path = tmp_path / "daemon.lock"
    lock, other = DaemonLock(path), DaemonLock(path)
    assert lock.try_acquire()
    assert str(other.holder()) == f"Process {os.getpid()}"
    path.write_text("17\n")
    assert other.holder_pid() == 17
    path.write_text("")
    assert other.holder() is None


def test_the_lock_of_another_process_ends_with_it(tmp_path: Path) -> None:
    path = tmp_path / "state" / "daemon.lock"
    lock = DaemonLock(path)
    with child("hold_lock", path) as holder:
        assert holder.stdout.readline() == "True\n"
        assert not lock.try_acquire()
        assert lock.holder_pid() == holder.pid
        holder.kill()
        holder.wait()
        assert lock.holder_pid() is None
        assert lock.try_acquire()
    lock.release()


def test_a_lock_file_that_cannot_be_opened_is_reported(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="another state folder"):
        DaemonLock(tmp_path).try_acquire()


def test_a_lock_file_that_cannot_be_looked_at_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable, match="make it and its folder writable"):
        DaemonLock(tmp_path / "file/daemon.lock").holder_pid()
