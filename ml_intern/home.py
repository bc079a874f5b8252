"""Paths as people write them, with `~` for a home folder."""

from pathlib import Path


def spelled_out(path: str | Path) -> Path:
    """`path` with `~` and `~user` as folders.

    That of a user who is not on this machine stays as it is, as in a shell.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)
