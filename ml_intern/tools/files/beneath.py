"""Files of the workspace, opened so that nobody can lead us out of it meanwhile.

The session's code runs beside us and may put a symbolic link where a folder just was. So every step
from the workspace down is opened without following links, and the file is used through what was
opened. Paths come in with their links already resolved, see `Workplace.writable`.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from uuid import uuid4

from ml_intern.errors import InputError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_PLAIN_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW_MODE = 0o644


def read_beneath(root: Path, path: Path, limit_bytes: int) -> bytes | None:
    """At most `limit_bytes` of the file; None when there is none. Raises OSError, InputError."""
    try:
        with open_beneath(root, path) as file:
            return file.read(limit_bytes)
    except FileNotFoundError:
        return None


@contextmanager
def open_beneath(root: Path, path: Path) -> Iterator[BufferedReader]:
    """The file, for reading. Raises OSError; InputError for what is not a plain file."""
    with _folder_of(root, path, create=False) as folder:
        opened = os.open(path.name, _PLAIN_READ, dir_fd=folder)
    with _plain(opened, path) as file:
        yield file


def open_plain(path: Path) -> BufferedReader:
    """A file outside the workspace, for reading. Raises OSError; InputError if it is not plain."""
    return _plain(os.open(path, _PLAIN_READ), path)


def write_beneath(root: Path, path: Path, data: bytes) -> None:
    """Put `data` there, whole or not at all, and on disk; folders on the way are made.

    A file that was there keeps its mode. Raises OSError, and InputError for what is not a plain
    file.
    """
    with _folder_of(root, path, create=True) as folder:
        mode = _mode_of(path, folder)
        draft = f".{uuid4().hex}.part"
        opened = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, dir_fd=folder)
        try:
            with os.fdopen(opened, "wb") as file:
                file.write(data)
                file.flush()
                os.fchmod(opened, mode)
                os.fsync(opened)
            os.rename(draft, path.name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:  # whatever cut it short, half a file is none
            with suppress(FileNotFoundError):  # it was renamed: the file is whole
                os.unlink(draft, dir_fd=folder)
            raise


def _plain(opened: int, path: Path) -> BufferedReader:
    """The opened file, if it has content: it is not a folder, pipe or device."""
    mode = os.fstat(opened).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(opened, "rb")
    os.close(opened)
    if stat.S_ISDIR(mode):
        raise InputError(f"{path} is a folder.")
    raise InputError(f"{path} is a pipe, socket or device, not a file.")


def _mode_of(path: Path, folder: int) -> int:
    try:
        found = os.stat(path.name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return _NEW_MODE
    if not stat.S_ISREG(found.st_mode):
        raise InputError(f"{path} exists and is not a file; choose another path.")
    return stat.S_IMODE(found.st_mode)


@contextmanager
def _folder_of(root: Path, path: Path, *, create: bool) -> Iterator[int]:
    """The folder that holds `path`, opened step by step from `root` on."""
    root = root.resolve()
    folder = os.open(root, _FOLDER)
    try:
        for name in path.parent.relative_to(root).parts:
            if create:
                with suppress(FileExistsError):  # as most folders do
                    os.mkdir(name, dir_fd=folder)
            below = os.open(name, _FOLDER, dir_fd=folder)
            os.close(folder)
            folder = below
        yield folder
    finally:
        os.close(folder)
