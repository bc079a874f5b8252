"""A file of the Hub, streamed to its place here: whole and as the Hub names it, or not at all."""

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import httpx
from huggingface_hub import get_session, hf_raise_for_status

from ml_intern.clock import SystemClock
from ml_intern.errors import HubAway, HubRefused
from ml_intern.hub.protocol import Fetched, Wanted

TELL_EVERY_S = 0.5
_PART = ".part-"
_STALE_S = 86_400.0
"""A part that is older was left by a process that was killed."""
Tell = Callable[[int], None]


@dataclass(frozen=True, kw_only=True)
class _Said:
    """What the Hub says of the file."""

    commit: str
    etag: str
    """Its hash: see `_is`."""
    size: int | None


def fetch(
    url: str,
    headers: Mapping[str, str],
    wanted: Wanted,
    commit_of: Callable[[object], str],
    tell: Tell,
) -> Fetched:
    """Stream it, and keep it below `wanted.cache` once it is as it should be.

    `commit_of`: raises ValueError for what is no commit. `tell`: how many bytes there are so far.
    Raises HubRefused `large` for one larger than is wanted, HubAway for one that arrived
    otherwise, and what the client raises.
    """
    plain = {**headers, "Accept-Encoding": "identity"}  # its size is then that of the file
    with get_session().stream("GET", url, headers=plain) as answer:
        hf_raise_for_status(answer)
        said = _said(answer, commit_of)
        _demand_size(said.size or 0, wanted)
        path = wanted.place(said.commit)
        if not (path.is_file() and path.stat().st_size == said.size):
            with _local(path):
                _keep(answer, said, wanted, path, tell)
    return Fetched(path=path, commit=said.commit, size=path.stat().st_size)


def _said(answer: httpx.Response, commit_of: Callable[[object], str]) -> _Said:
    """Of the Hub's own answer, before it sends on to where the content lies."""
    own = next(
        (one for one in (*answer.history, answer) if "X-Repo-Commit" in one.headers), answer
    ).headers
    etag = own.get("X-Linked-Etag") or own.get("ETag", "")
    size = own.get("X-Linked-Size") or answer.headers.get("Content-Length", "")
    return _Said(
        commit=commit_of(own.get("X-Repo-Commit")),
        etag=etag.removeprefix("W/").strip('"'),
        size=int(size) if size.isascii() and size.isdigit() else None,
    )


def _demand_size(size: int, wanted: Wanted) -> None:
    if size > wanted.most_bytes:
        about = f"{wanted.repo_id}/{wanted.path}"
        raise HubRefused(f"{about} is larger than {wanted.most_bytes:,} bytes", reason="large")


def _keep(answer: httpx.Response, said: _Said, wanted: Wanted, path: Path, tell: Tell) -> None:
    """Raises HubRefused, HubAway, OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _remove_stale(path.parent)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=_PART, delete=False) as file:
        try:
            size = _stream(answer, file, wanted, tell)
            file.flush()
            _demand_whole(Path(file.name), size, said, wanted)
            Path(file.name).replace(path)
        except BaseException:  # whatever cut it short, half a file is none
            Path(file.name).unlink(missing_ok=True)
            raise


def _stream(answer: httpx.Response, file: IO[bytes], wanted: Wanted, tell: Tell) -> int:
    clock = SystemClock()
    size, told_at = 0, clock.monotonic()
    for piece in answer.iter_bytes():
        size += len(piece)
        _demand_size(size, wanted)
        file.write(piece)
        if clock.monotonic() - told_at > TELL_EVERY_S:
            told_at = clock.monotonic()
            tell(size)
    return size


def _demand_whole(path: Path, size: int, said: _Said, wanted: Wanted) -> None:
    if said.size not in (None, size) or not _is(path, said.etag, size):
        raise HubAway(f"{wanted.repo_id}/{wanted.path} did not arrive as the Hub has it")


def _is(path: Path, etag: str, size: int) -> bool:
    """Whether the file has that hash; true for an etag that is none."""
    match len(etag):
        case 40:
            hashed = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
        case 64:
            hashed = hashlib.sha256()
        case _:
            return True
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            hashed.update(piece)
    return hashed.hexdigest() == etag


def _remove_stale(folder: Path) -> None:
    now = SystemClock().now().timestamp()
    for part in folder.glob(f"{_PART}*"):
        if now - part.stat().st_mtime > _STALE_S:
            part.unlink(missing_ok=True)


@contextmanager
def _local(path: Path) -> Iterator[None]:
    """What fails here is not the Hub's."""
    try:
        yield
    except OSError as exc:
        words = f"{path} cannot be written: {exc.strerror or exc}"
        raise HubRefused(words, reason="other") from exc
