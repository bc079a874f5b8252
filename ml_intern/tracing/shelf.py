"""The traces of this state directory, each with its digest: what `traces list` shows.

Digests are kept beside the files, under their sizes and times, so that only what has grown is read
again. The kept ones are a convenience: a folder that cannot be written only makes it slower.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from ml_intern.tracing import trace_file
from ml_intern.tracing.finding import all_files
from ml_intern.transcript import parts
from ml_intern.transcript.digest import Digest
from ml_intern.transcript.problems import Problems

log = logging.getLogger(__name__)

KEPT = "digests.json"
FORM = 3
"""Of a digest; kept ones of another are made anew."""


@dataclass(frozen=True, kw_only=True)
class Trace:
    """One session on the shelf."""

    path: Path
    """Of its first part."""
    files: int
    size_bytes: int
    imported: bool
    digest: Digest
    problems: int
    """Lines that cannot be read, or do not fit."""


@dataclass(frozen=True, kw_only=True)
class _Kept:
    form: int
    state: list[tuple[str, int, int]]
    """Name, size in bytes and time in nanoseconds of each file."""
    digest: Digest
    problems: int


@cache
def _adapter() -> TypeAdapter[dict[str, _Kept]]:
    return TypeAdapter(dict[str, _Kept])


def traces(folder: Path, progress: Callable[[int], object] = lambda _read: None) -> list[Trace]:
    """All of them, the newest first. `progress` is told how many were read anew so far.

    A file that cannot be opened is left out, with a word in the log.
    """
    before, after = _load(folder / KEPT), dict[str, _Kept]()
    found, read = [], 0
    for files in _sessions(folder):
        try:
            state = _state(files)
            kept = before.get(files[0].name)
            if kept is None or (kept.form, kept.state) != (FORM, state):
                kept = _read(files[0], state)
                progress(read := read + 1)
        except OSError as exc:
            log.warning("trace_not_readable", extra={"path": str(files[0]), "why": str(exc)})
            continue
        after[files[0].name] = kept
        found.append(_trace(folder, files, kept))
    if after != before:
        _save(folder / KEPT, after)
    found.sort(key=lambda trace: str(trace.digest.began or ""), reverse=True)
    return found


def kept(folder: Path) -> list[Digest]:
    """Of the traces that were looked at last, as they were then; no trace is read."""
    return [one.digest for one in _load(folder / KEPT).values() if one.form == FORM]


def _sessions(folder: Path) -> Iterator[list[Path]]:
    """The files of each session, its first part first."""
    seen: set[Path] = set()
    for path in all_files(folder):
        if path in seen:
            continue
        try:
            files = parts.files(path)
        except OSError as exc:
            log.warning("trace_not_readable", extra={"path": str(path), "why": str(exc)})
            continue
        seen.update(files)
        yield files


def _state(files: list[Path]) -> list[tuple[str, int, int]]:
    stats = [(file.name, file.stat()) for file in files]
    return [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]


def _read(path: Path, state: list[tuple[str, int, int]]) -> _Kept:
    digest, problems = Digest(), Problems()
    for record in parts.read(path, problems):
        digest.take(record)
    return _Kept(form=FORM, state=state, digest=digest, problems=problems.count)


def _trace(folder: Path, files: list[Path], kept: _Kept) -> Trace:
    return Trace(
        path=files[0],
        files=len(files),
        size_bytes=sum(size for _, size, _ in kept.state),
        imported=files[0].is_relative_to(folder / "imported"),
        digest=kept.digest,
        problems=kept.problems,
    )


def _load(path: Path) -> dict[str, _Kept]:
    try:
        return _adapter().validate_json(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValidationError):
        log.info("digests_made_anew", extra={"path": str(path)})
        return {}


def _save(path: Path, kept: dict[str, _Kept]) -> None:
    try:
        trace_file.replace(path, _adapter().dump_json(kept))
    except OSError as exc:
        log.info("digests_not_kept", extra={"path": str(path), "why": str(exc)})
