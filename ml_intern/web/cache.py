"""Answers of services on disk, with their age: a folder that may be deleted at any time.

One file for each request: a line of JSON that says what it is, then the content as it came.
"""

import hashlib
import logging
import os
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ValidationError

from ml_intern.web.page import Page

log = logging.getLogger(__name__)

MOST_BYTES = 1 << 30
"""Of all answers together; beyond, the oldest go."""
KEPT_S = 30 * 86_400.0
LOOK_EVERY = 100
"""Answers that are put in between two looks at how much there is."""


class _Said(BaseModel):
    """Of an answer, beside its content."""

    request: str
    url: str
    content_type: str
    charset: str
    headers: dict[str, str]
    fetched: datetime


class Cache:
    """A folder of answers. Safe from any thread and process."""

    def __init__(self, folder: Path, *, most_bytes: int = MOST_BYTES) -> None:
        self._folder = folder
        self._most_bytes = most_bytes
        self._put = 0

    def get(self, request: str) -> Page | None:
        """The answer to it, however old; None where there is none that can be read."""
        try:
            with self._path(request).open("rb") as file:
                said = _Said.model_validate_json(file.readline())
                content = file.read()
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as exc:
            log.warning("answer_not_read", extra={"request": request, "error": str(exc)})
            return None
        if said.request != request:
            return None
        return Page(**said.model_dump(exclude={"request"}), content=content)

    def put(self, request: str, page: Page) -> None:
        """Keep the answer to it. Where that cannot be, there is none."""
        said = _Said(
            request=request,
            url=page.url,
            content_type=page.content_type,
            charset=page.charset,
            headers=page.headers,
            fetched=page.fetched,
        )
        try:
            self._write(self._path(request), said.model_dump_json().encode() + b"\n" + page.content)
            self._put += 1
            if self._put % LOOK_EVERY == 0:
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
                found = path.stat()
            except FileNotFoundError:  # somebody else has pruned
                continue
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
