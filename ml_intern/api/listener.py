"""The socket in the file system: ours alone, and never in the place of something that lives.

Two processes that want the same path are kept apart by a lock on its folder while they look and
bind. The file goes when its daemon does; one that a dead daemon left is replaced.
"""

import fcntl
import os
import socket
import stat
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from ml_intern.errors import ConfigError

LONGEST_PATH_BYTES = 107
BACKLOG = 512
_PATIENCE_S = 5.0
_TRY_AGAIN_S = 0.01
_PROBE_S = 2.0
_OTHER = "Set `socket` (ML_INTERN_SOCKET) to another path."


class Listener:
    """A bound socket that listens. For one thread."""

    def __init__(self, path: Path, bound: socket.socket) -> None:
        self.path = path
        self.socket = bound
        self._inode = _inode(path)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Listen at `path`, for this user alone. Raises ConfigError, which says what to choose."""
        _demand_short(path)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _locked(path.parent):
                _make_room(path)
                return cls(path, _bind(path))
        except OSError as exc:
            raise ConfigError(
                f"The daemon cannot listen at {path} ({exc.strerror or exc}). {_OTHER}"
            ) from exc

    def close(self) -> None:
        """Listen no more, and take the file away if it is still our own."""
        self.socket.close()
        with suppress(OSError), _locked(self.path.parent):
            if _inode(self.path) == self._inode:
                self.path.unlink()


def _demand_short(path: Path) -> None:
    length = len(os.fsencode(path))
    if length > LONGEST_PATH_BYTES:
        raise ConfigError(
            f"The path of the socket has {length} bytes, and a socket's path has at most "
            f"{LONGEST_PATH_BYTES}: {path}. Set `socket` (ML_INTERN_SOCKET) to a shorter one, such "
            "as one in $XDG_RUNTIME_DIR."
        )


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _lock(descriptor)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    never = threading.Event()
    for _ in range(int(_PATIENCE_S / _TRY_AGAIN_S)):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            never.wait(_TRY_AGAIN_S)
        else:
            return
    raise TimeoutError("another process holds a lock on its folder")


def _make_room(path: Path) -> None:
    """Take a dead daemon's socket away. Raises ConfigError when something else is there."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ConfigError(f"{path} is there already, and is no socket: it stays as it is. {_OTHER}")
    pid = _listening(path)
    if pid is not None:
        raise ConfigError(
            f"Process {pid} listens at {path} already; stop it (kill {pid}), or use it as it is. "
            f"{_OTHER}"
        )
    path.unlink()


def _listening(path: Path) -> int | None:
    """The process that listens there; None when nobody does. Raises OSError: nobody can say."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(_PROBE_S)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return None
        packed = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid, _uid, _gid = struct.unpack("3i", packed)
    return int(pid)


def _bind(path: Path) -> socket.socket:
    bound = socket.socket(socket.AF_UNIX)
    try:
        # Linux gives the file the mode that the socket has before: there is no moment in which
        # others could open it, and no `umask` that other threads would notice.
        os.fchmod(bound.fileno(), 0o600)
        bound.bind(str(path))
        bound.listen(BACKLOG)
    except BaseException:  # nobody else knows of the socket to close it
        bound.close()
        raise
    return bound


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
