"""Where a fork begins: its past, and a copy of its parent's files, made before the session exists.

The files are copied under the id that the session will have, beside a file that is locked while
that goes on. What a process leaves there when it dies in the middle is removed by the next one that
does the work (`remove_orphans`), or by whoever forks again under the same key.
"""

import errno
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from ml_intern.clock import stamp
from ml_intern.daemon.folders import private_folder
from ml_intern.errors import Busy, InputError, MaybeStored, UnknownSession
from ml_intern.events import Replayed
from ml_intern.llm.named_file import file_of
from ml_intern.llm.replay import PREFIX
from ml_intern.messages import SessionId
from ml_intern.queue.lock import DaemonLock
from ml_intern.queue.store import Store
from ml_intern.session import forking, scores
from ml_intern.session.forking import Past
from ml_intern.session.scores import Scores
from ml_intern.transcript import parts
from ml_intern.transcript.problems import Problems

COPIED = ("workspace", "held_out")
_MARK = ".forking"
_RETRY_S = 5.0
_MOST_NAMED = 3
LEAST_FREE_BYTES = 1_048_576
"""On the disk of the sessions: with less the store cannot take anything in."""
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
"""What hinders all that is written there, and not one file alone."""


def past_of(source: str, turn: int | None, store: Store, traces: Path) -> Past:
    """The session that `source` names (an id, the beginning of one, or an absolute path).

    `turn`: None is the last one. `traces`: the folder of our own; a file there stands for its
    session, which the journal knows whole. What was scored in a session of ours counts, whatever
    file of it is named.
    Raises UnknownSession, InputError, StoreUnavailable.
    """
    path = Path(source)
    if not path.is_absolute():
        return _of_session(source, turn, store)
    if "\0" in source or not path.is_file():
        raise InputError(f"There is no file {source!r}.")
    if path.resolve().is_relative_to((traces / "sessions").resolve()):
        with suppress(UnknownSession, OSError):  # then it is a file like any other
            return _of_session(parts.part_of(path).session_id, turn, store)
    past = forking.of_file(path, turn, Problems())
    known = Scores(before=past.scored) + _scores(past.session_id, store)
    return replace(past, scored=known.all)


def _of_session(prefix: str, turn: int | None, store: Store) -> Past:
    row = store.session(prefix)
    return forking.of_journal(store.events(row.session_id), turn)


def _scores(name: str, store: Store) -> Scores:
    session_id = SessionId(name)
    known = store.exists(session_id)
    return scores.of_journal(store.events(session_id)) if known else Scores()


def replayed(model: str, store: Store) -> Replayed | None:
    """What was scored in the recording that the model plays; None where it plays none.

    What was scored in a session of ours counts, whatever file of it is named. Raises InputError.
    """
    if not model.startswith(PREFIX):
        return None
    path = file_of(model, "session file")
    try:
        session_id, told = scores.of_file(path)
    except OSError as exc:
        raise InputError(f"{path} cannot be read: {exc.strerror}.") from exc
    return (told + _scores(session_id, store)).replayed


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Nobody else makes this folder meanwhile; when the block raises, nothing of it is left.

    But for a connection that broke: whether the session came to be is seen by whoever works next.
    Raises Busy when somebody else makes it.
    """
    private_folder(folder.parent)
    mark = folder.with_name(f".{folder.name}{_MARK}")
    lock = DaemonLock(mark)
    if not lock.try_acquire():
        raise Busy("This fork is being made already; ask again.", retry_after_s=_RETRY_S)
    try:
        yield
    except MaybeStored:
        lock.release()
        raise
    except BaseException:  # whatever cut it short, half a copy is none
        shutil.rmtree(folder, ignore_errors=True)
        _end(mark, lock)
        raise
    _end(mark, lock)


def _end(mark: Path, lock: DaemonLock) -> None:
    mark.unlink(missing_ok=True)
    lock.release()


def remove_orphans(sessions: Path, exists: Callable[[SessionId], bool]) -> int:
    """Remove folders of forks that never came to be; how many."""
    removed = 0
    for mark in sessions.glob(f".*{_MARK}"):
        lock = DaemonLock(mark)
        if not lock.try_acquire():
            continue
        session_id = SessionId(mark.name.removeprefix(".").removesuffix(_MARK))
        if not exists(session_id):
            shutil.rmtree(sessions / session_id, ignore_errors=True)
            removed += 1
        _end(mark, lock)
    return removed


def copy_files(parent: Path, folder: Path, past: Past, now: datetime) -> str:
    """Copy the parent's files, if they lie on this machine; in words, what became of them.

    `parent`, `folder`: of the sessions. Raises InputError when there is no room: a copy that lacks
    what did not fit would pass for a whole one.
    """
    shutil.rmtree(folder, ignore_errors=True)  # of a process that died in the middle
    if past.source or not (parent / "workspace").is_dir():
        return "Its files are not on this machine: your workspace is empty."
    left_out: list[str] = []
    for name in COPIED:
        if (parent / name).is_dir():
            left_out += _copied(parent / name, folder / name)
    if shutil.disk_usage(folder).free < LEAST_FREE_BYTES:  # the store could not take it in
        raise _no_room(parent, os.strerror(errno.ENOSPC))
    return _in_words(past, now, left_out)


def _in_words(past: Past, now: datetime, left_out: list[str]) -> str:
    ended = f"; that turn came to its end at {stamp(past.at)}" if past.at else ""
    later = past.turns - past.turn
    changed = f", and {later} later turns may have changed them" if later else ""
    words = f"Its files were copied into your workspace as they are now, {stamp(now)}{ended}"
    named = ", ".join(left_out[:_MOST_NAMED])
    lost = f" {len(left_out)} of them could not be copied, e.g. {named}." if left_out else ""
    return f"{words}{changed}.{lost}"


def _copied(source: Path, target: Path) -> list[str]:
    """Copy a folder without following links out of it; what could not be copied, by its name."""
    left_out: list[str] = []

    def special(folder: str, names: list[str]) -> list[str]:
        odd = [name for name in names if not _is_plain(Path(folder, name))]
        left_out.extend(odd)
        return odd

    try:
        private_folder(target)
        shutil.copytree(
            source,
            target,
            symlinks=True,
            ignore=special,
            dirs_exist_ok=True,
            copy_function=_copy_file,
        )
    except shutil.Error as exc:
        for name, _, why in exc.args[0]:
            if any(f"[Errno {number}]" in why for number in _NO_ROOM):  # for a folder or a link
                raise _no_room(source, why) from exc
            left_out.append(Path(name).name)
    except (OSError, _NoRoom) as exc:
        raise _no_room(source, str(exc.strerror)) from exc
    return left_out


class _NoRoom(Exception):
    """What `copytree` does not gather, as it does an OSError, to go on with the next file."""

    def __init__(self, strerror: str) -> None:
        super().__init__(strerror)
        self.strerror = strerror


def _copy_file(source: str, target: str) -> None:
    try:
        shutil.copy2(source, target)
    except OSError as exc:
        if exc.errno in _NO_ROOM:
            raise _NoRoom(os.strerror(exc.errno)) from exc
        raise


def _no_room(source: Path, why: str) -> InputError:
    return InputError(
        f"The files in {source} cannot be copied: {why}. Nothing was kept of the copy; free space, "
        "then fork again."
    )


def _is_plain(path: Path) -> bool:
    """A file, folder or link that this user can read."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        return False
    return stat.S_ISLNK(mode) or (
        (stat.S_ISREG(mode) or stat.S_ISDIR(mode)) and os.access(path, os.R_OK)
    )
