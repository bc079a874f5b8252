"""One holder at a time, known by its process id, gone with its process."""

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
