"""Only one process claims ops from a database file: the holder of `daemon.lock`.

The kernel drops the lock when its holder dies, however it dies. The file stays: only the lock
counts.
"""

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

from ml_intern.errors import StoreUnavailable

DAEMON = "ml-intern serve"
FOREGROUND = "ml-intern in the foreground"
"""What holders are, see `Holder.work`."""
_MOST_BYTES = 200
"""Of what a holder writes of itself."""


@dataclass(frozen=True, kw_only=True)
class Holder:
    """The process that has the lock."""

    pid: int
    work: str = ""
    """What it is, e.g. `DAEMON`; empty: it does not say."""

    def __str__(self) -> str:
        return f"Process {self.pid}" + (f" ({self.work})" if self.work else "")


class DaemonLock:
    """The lock on one file. For one thread; not shared with child processes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._work = ""

    def try_acquire(self, work: str = "") -> bool:
        """Take the lock, without waiting; true also when this object has it already.

        `work`: what this process is, see `Holder`. Raises StoreUnavailable when the file cannot be
        opened, or the disk is full.
        """
        if self._descriptor is not None:
            return True
        descriptor = self._opened()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        try:
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"{os.getpid()} {work}".encode()[:_MOST_BYTES])
        except OSError as exc:
            os.close(descriptor)
            raise self._refused(exc) from exc
        self._descriptor, self._work = descriptor, work
        return True

    def release(self) -> None:
        """Give the lock back; nothing happens when this object does not have it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def holder_pid(self) -> int | None:
        """As `holder`, its number alone."""
        holder = self.holder()
        return holder.pid if holder else None

    def holder(self) -> Holder | None:
        """The process that holds the lock now; None when nobody does. Raises StoreUnavailable."""
        if self._descriptor is not None:
            return Holder(pid=os.getpid(), work=self._work)
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise self._refused(exc) from exc
        try:
            return _holder(descriptor)
        finally:
            os.close(descriptor)

    def _opened(self) -> int:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as exc:
            raise self._refused(exc) from exc

    def _refused(self, exc: OSError) -> StoreUnavailable:
        return StoreUnavailable(
            f"{self._path} cannot be used ({exc.strerror}); make it and its folder writable for "
            "this user, on a disk with room, or choose another state folder."
        )


def _holder(descriptor: int) -> Holder | None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        written = os.pread(descriptor, _MOST_BYTES, 0).decode(errors="replace").strip()
        pid, _, work = written.partition(" ")
        return Holder(pid=int(pid), work=work) if pid.isdecimal() else None
    return None
