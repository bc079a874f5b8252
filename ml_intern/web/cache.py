"""Answers of services on disk, with their age: a folder that may be deleted at any time.

One file for each request: a line of JSON that says what it is, then the content as it came. What is
found there is not trusted: it may be half of a file, as a machine that went down leaves it, or
anything else.
"""

import hashlib
import logging
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, Field

from ml_intern.web.page import Page

log = logging.getLogger(__name__)

MOST_BYTES = 1 << 30
"""Of all answers together; beyond, the oldest go."""
KEPT_S = 30 * 86_400.0
LOOK_EVERY = 100
"""Answers that are put in between two looks at how much there is, unless they are large."""
MOST_FILE_BYTES = 256 << 20
_LONGEST_LINE = 64 << 10


class _Said(BaseModel):
    """Of an answer, beside its content."""

    request: str
    url: str
    content_type: str
    charset: str
    headers: dict[str, str]
    fetched: AwareDatetime
    size_bytes: int = Field(ge=0)


class Cache:
    """A folder of answers. Safe from any thread and process."""

    def __init__(self, folder: Path, *, most_bytes: int = MOST_BYTES) -> None:
        self._folder = folder
        self._most_bytes = most_bytes
        self._put = 0  # only a hint, so it needs no lock
        self._put_bytes = most_bytes  # so that the first look is at once

    def get(self, request: str) -> Page | None:
        """The answer to it, however old; None where there is none that can be read."""
        try:
            head, content = _read(self._path(request))
            said = _Said.model_validate_json(head)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as exc:
            log.warning("answer_not_read", extra={"request": request, "error": str(exc)[:300]})
            return None
        if said.request != request or said.size_bytes != len(content):
            return None
        return Page(**said.model_dump(exclude={"request", "size_bytes"}), content=content)

    def put(self, request: str, page: Page) -> None:
        """Keep the answer to it. Where that cannot be, there is none."""
        said = _Said(
            request=request,
            url=page.url,
            content_type=page.content_type,
            charset=page.charset,
            headers=page.headers,
            fetched=page.fetched,
            size_bytes=len(page.content),
        )
        try:
            self._write(self._path(request), said.model_dump_json().encode() + b"\n" + page.content)
            self._put += 1
            self._put_bytes += len(page.content)
            if self._put % LOOK_EVERY == 0 or self._put_bytes > self._most_bytes / LOOK_EVERY:
                self._put_bytes = 0
                self.prune()
        except OSError as exc:
            log.warning("answer_not_kept", extra={"request": request, "error": str(exc)})

    def prune(self) -> None:
        """Delete what is old, and the oldest of what is too much. Raises OSError."""
        found = sorted(self._files(), key=lambda each: each[1])
        left, old = sum(size for _, _, size in found), time.time() - KEPT_S
        for path, at, size in found:
            if at > old and left <= self._most_bytes:
                return
            path.unlink(missing_ok=True)
            left -= size

    def _files(self) -> Iterator[tuple[Path, float, int]]:
        """With the time of each, and its bytes."""
        for path in self._folder.glob("??/*"):
            try:
                found = path.lstat()
            except FileNotFoundError:  # somebody else has pruned
                continue
            if not stat.S_ISDIR(found.st_mode):  # nothing that we have put there
                yield path, found.st_mtime, found.st_size

    def _path(self, request: str) -> Path:
        name = hashlib.sha256(request.encode("utf-8", "surrogatepass")).hexdigest()
        return self._folder / name[:2] / name[2:]

    def _write(self, path: Path, data: bytes) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(draft).replace(path)
        except BaseException:  # whatever cut it short, half an answer is none
            Path(draft).unlink(missing_ok=True)
            raise


def _read(path: Path) -> tuple[bytes, bytes]:
    """The first line and the rest of a plain file. Raises OSError, ValueError for anything else."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_size > MOST_FILE_BYTES:
            raise ValueError("it is no answer")
        return file.readline(_LONGEST_LINE), file.read(MOST_FILE_BYTES)
