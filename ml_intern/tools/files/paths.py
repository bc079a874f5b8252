"""Paths as a model writes them: checked before the workplace resolves them."""

from collections.abc import Callable
from pathlib import Path

from ml_intern.errors import InputError


def usable(resolve: Callable[[str], Path], path: str) -> Path:
    """`resolve(path)`. Raises InputError also for what no file system can mean."""
    try:
        return resolve(path)
    except (RuntimeError, ValueError, OSError) as exc:  # a ring of links, a NUL, a name too long
        raise InputError(f"{path!r} is not a usable path: {exc}.") from exc
