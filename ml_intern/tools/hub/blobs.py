"""Files of ours, and the names by which the Hub knows their content."""

import hashlib
from pathlib import Path

from ml_intern.hub.protocol import Outgoing


def sha256_of(path: Path) -> str:
    """Of its bytes. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def outgoing(path: str, at: Path) -> Outgoing:
    """The whole file, for its place in the repository. Raises OSError."""
    return Outgoing(path=path, source=at, size=at.stat().st_size, sha256=sha256_of(at))


def is_same(known: str | None, path: Path) -> bool:
    """Whether that is the name of its content: of a git blob, or of what is in LFS."""
    return known is not None and known in (_git_name(path), sha256_of(path))


def _git_name(path: Path) -> str:
    blob = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            blob.update(piece)
    return blob.hexdigest()
