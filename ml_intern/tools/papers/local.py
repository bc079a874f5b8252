"""Papers that lie on this machine: in the workspace, or where the person said."""

import os
from pathlib import Path

from ml_intern.errors import InputError
from ml_intern.tools.files.beneath import open_beneath, open_plain
from ml_intern.tools.files.paths import usable
from ml_intern.tools.papers.pdf import MOST_BYTES
from ml_intern.tools.protocol import Workplace

ENDINGS = (
    ".pdf", ".html", ".htm", ".xhtml", ".md", ".markdown", ".tex", ".ltx", ".txt", ".tar.gz",
    ".tgz", ".tar", ".gz",
)  # fmt: skip


def is_path(name: str) -> bool:
    """Whether a person who writes this means a file."""
    lowered = name.strip().lower()
    if "://" in lowered or "\n" in name:
        return False
    return lowered.startswith(("/", "./", "../", "~/", "file:")) or lowered.endswith(ENDINGS)


def lies_here(place: Workplace, name: str) -> bool:
    """Whether it is the name of a file, of whatever kind, and not only the beginning of one."""
    if not Path(name).suffix or "\n" in name:
        return False
    try:
        return usable(place.readable, name.strip()).is_file()
    except (InputError, OSError):  # nothing that may be read, or no name of a file
        return False


def read_file(place: Workplace, name: str, most_bytes: int = MOST_BYTES) -> tuple[bytes, Path]:
    """Content and path. Raises InputError for what may not be read, is none, or is too large."""
    path = usable(place.readable, name.strip().removeprefix("file://"))
    if path.is_dir():
        raise InputError(f"{name} is a folder. Name a file: {', '.join(ENDINGS)}.")
    is_inside = path.is_relative_to(place.workspace.resolve())
    try:
        with open_beneath(place.workspace, path) if is_inside else open_plain(path) as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            content = file.read(most_bytes) if size <= most_bytes else b""
    except FileNotFoundError as exc:
        raise InputError(f"There is no file {name}.") from exc
    if size > most_bytes:
        raise InputError(f"{name} has {size:,} bytes; at most {most_bytes:,} are read of it.")
    return content, path
