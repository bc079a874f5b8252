"""The source of a paper as arXiv gives it: a tar archive or one file, compressed or not.

Nothing is written to disk. Links, devices and paths that lead out of the archive are passed over;
how much is unpacked is bounded, so that a small file that grows without end does no harm.
"""

import gzip
import io
import posixpath
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from ml_intern.errors import InputError

MOST_BYTES = 400 << 20
"""Unpacked, pictures included."""
MOST_TEXT_BYTES = 24 << 20
"""Of all files that LaTeX reads."""
MOST_FILES = 5_000
_TEXT = (".tex", ".ltx", ".bbl", ".txt", ".pgf", ".tikz")
_GZIP = b"\x1f\x8b"
_PICTURES = (".png", ".jpg", ".jpeg", ".pdf", ".eps", ".ps", ".svg", ".gif", ".webp")


@dataclass
class TexArchive:
    """Texts and the names of pictures, by their path in the archive."""

    texts: dict[str, str] = field(default_factory=dict)
    pictures: list[str] = field(default_factory=list)
    passed_over: int = 0
    """Entries that are links, devices, or lead out of the archive."""


def unpack(content: bytes, url: str) -> TexArchive:
    """Raises InputError for what is no source of a paper, is damaged, or grows too large."""
    try:
        archive = _of_tar(content) if _is_tar(content) else _of_one_file(content, url)
    except (tarfile.TarError, EOFError, OSError, zlib.error, ValueError) as exc:
        raise InputError(f"The source at {url} is damaged or cut off ({exc}).") from exc
    except _Endless as exc:
        raise _too_much(url) from exc
    if not archive.texts:
        raise InputError(f"The source at {url} holds no LaTeX.")
    return archive


def _of_one_file(content: bytes, url: str) -> TexArchive:
    plain = _whole(content)
    if not _is_tex(plain):
        raise InputError(f"{url} is no LaTeX source.")
    return TexArchive(texts={"main.tex": _decoded(plain)})


def _of_tar(content: bytes) -> TexArchive:
    """Raises _Endless for more text than is read of one archive, and what `tarfile` raises."""
    archive, room = TexArchive(), MOST_TEXT_BYTES
    for name, entry, file in _entries(content):
        if not name or file is None:
            archive.passed_over += 1
        elif name.lower().endswith(_TEXT):
            text = file.read(room + 1)
            room -= len(text)
            if room < 0:
                raise _Endless
            archive.texts[name] = _decoded(text)
        elif name.lower().endswith(_PICTURES) and entry.size > 0:
            archive.pictures.append(name)
    return archive


def take(content: bytes, wanted: str, most_bytes: int) -> bytes:
    """One file of the archive. Raises InputError where it is not there, or too large."""
    try:
        for name, entry, file in _entries(content):
            if name == wanted and file is not None:
                if entry.size > most_bytes:
                    raise InputError(f"{wanted} has {entry.size:,} bytes; {most_bytes:,} are read.")
                return file.read(most_bytes)
    except (tarfile.TarError, EOFError, OSError, zlib.error, ValueError, _Endless) as exc:
        raise InputError(f"The source is damaged or cut off ({exc}).") from exc
    raise InputError(f"There is no {wanted} in the source.")


class _Endless(Exception):
    """More comes out than is unpacked of one archive."""


class _Bounded(io.RawIOBase):
    """Reads another file, up to so many bytes."""

    def __init__(self, file: BinaryIO, most_bytes: int) -> None:
        self._file = file
        self._left = most_bytes

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(self._left + 1 if size < 0 else min(size, self._left + 1))
        self._left -= len(data)
        if self._left < 0:
            raise _Endless(f"more than {MOST_BYTES:,} bytes")
        return data


def _opened(content: bytes) -> BinaryIO:
    raw = io.BytesIO(content)
    plain: BinaryIO = gzip.GzipFile(fileobj=raw) if content.startswith(_GZIP) else raw  # type: ignore[assignment]
    return _Bounded(plain, MOST_BYTES)  # type: ignore[return-value]


def _entries(content: bytes) -> Iterator[tuple[str, tarfile.TarInfo, BinaryIO | None]]:
    """Path within the archive (empty for one that leads out), entry, and file (None for a link)."""
    with tarfile.open(fileobj=_opened(content), mode="r|") as archive:
        for count, entry in enumerate(archive):
            if count >= MOST_FILES:
                return
            if entry.isdir():
                continue
            file = archive.extractfile(entry) if entry.isreg() else None
            yield _inside(entry.name), entry, file  # type: ignore[misc]


def _inside(name: str) -> str:
    path = posixpath.normpath(name.replace("\\", "/"))
    is_out = path.startswith(("/", "../")) or path in ("..", ".") or ":" in path or "\0" in path
    return "" if is_out else path


def _is_tar(content: bytes) -> bool:
    try:
        head = _opened(content).read(512)
    except (OSError, EOFError, zlib.error):
        return False
    return head[257:262] == b"ustar"


def _whole(content: bytes) -> bytes:
    return _Bounded(_opened(content), MOST_TEXT_BYTES).read()


def _is_tex(content: bytes) -> bool:
    return b"\\" in content and not content.startswith(b"%PDF") and b"\0" not in content[:4096]


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _too_much(url: str) -> InputError:
    return InputError(
        f"The source at {url} unpacks to more than is read ({MOST_BYTES >> 20} MiB, of which "
        f"{MOST_TEXT_BYTES >> 20} MiB of LaTeX). Read the PDF instead."
    )
