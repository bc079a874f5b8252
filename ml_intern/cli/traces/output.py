"""The file that a person names for what a command writes: there whole, or not at all."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ml_intern.errors import InputError
from ml_intern.home import spelled_out
from ml_intern.tracing import trace_file

STANDARD_OUTPUT = "-"
_OWN = ("sessions", "imported")
"""Folders of our traces."""


def demand_apart(output: str, sources: Iterable[Path], traces: Path) -> None:
    """Raise InputError where `output` is what is read, or lies where our own traces do."""
    if output in ("", STANDARD_OUTPUT):
        return
    path = spelled_out(output)
    if any(path.exists() and path.samefile(source) for source in sources):
        raise InputError(f"{path} is the trace itself. Name another --output.")
    if any(path.resolve().is_relative_to((traces / name).resolve()) for name in _OWN):
        raise InputError(f"{path} lies among the traces themselves. Name another --output.")


@contextmanager
def writing(output: str) -> Iterator[BinaryIO]:
    """A file for its owner alone, which takes its place when the block ends; an empty one does not.

    A pipe or a device is written to as it is. Raises InputError where that is not possible.
    """
    if output == STANDARD_OUTPUT:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if not output:
        raise InputError("--output is empty; name a file, or `-` for standard output.")
    path = spelled_out(output)
    try:
        with _opened(path) as file:
            yield file
    except OSError as exc:
        raise InputError(
            f"{path} cannot be written: {exc.strerror}. Name another --output."
        ) from exc


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            yield file
        return
    where = path.resolve()  # a link stays one
    with trace_file.replacing(where, where.with_name(f".{where.name}.new")) as file:
        yield file
