"""`traces show`: one trace in the terminal, from any file of the format. Asks no daemon.

Streams: the first lines stand on the screen while the rest is read, whatever the size of the file.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from rich.console import Console
from rich.text import Text

from ml_intern.cli import exits
from ml_intern.cli.traces.fetching import located
from ml_intern.cli.traces.telling import Headings, Teller, ending, in_parts, trouble
from ml_intern.clock import stamp
from ml_intern.errors import InputError
from ml_intern.settings import load
from ml_intern.transcript import parts
from ml_intern.transcript.conversation import joined, numbered
from ml_intern.transcript.decoding import Record
from ml_intern.transcript.digest import Digest
from ml_intern.transcript.problems import Problems

PAGER = "less -FRX"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which part of a trace, and how much of it."""

    turn: int | None = None
    search: str | None = None
    """A regular expression: only records in whose text or arguments it is found."""
    full: bool = False


class _Reading:
    """One pass over a trace, with what it adds up to at its end."""

    def __init__(self, path: Path, wanted: Wanted) -> None:
        self.problems = Problems()
        self.digest = Digest()
        self.path = path
        self.turn = wanted.turn
        self.searches = wanted.search is not None
        self._pattern = _pattern(wanted.search)

    def records(self) -> Iterator[tuple[int, Record, bool]]:
        """Each with the number of its turn, and whether it is wanted.

        Raises InputError, at the end, for a turn that there is not.
        """
        for turn, record in numbered(joined(self._taken())):
            wanted = (self.turn is None or self.turn == turn > 0) and self._is_found_in(record)
            yield turn, record, wanted
        if self.turn is not None and not 1 <= self.turn <= self.digest.turns:
            raise InputError(f"There is no turn {self.turn}: {_range(self.digest.turns)}.")

    def _taken(self) -> Iterator[Record]:
        for record in parts.read(self.path, self.problems):
            self.digest.take(record)
            yield record

    def _is_found_in(self, record: Record) -> bool:
        if self._pattern is None:
            return True
        return self._pattern.search(json.dumps(_content(record), ensure_ascii=False)) is not None


def show(argument: str, wanted: Wanted, *, as_json: bool) -> int:
    """Print the trace that `argument` names. Status 1 when a search finds nothing."""
    reading = _Reading(located(argument, load()), wanted)
    if as_json:
        found = _write_json(reading, sys.stdout)
    else:
        found = _page_through(reading, full=wanted.full)
    return exits.DONE if found or wanted.search is None else exits.FAILED


def _page_through(reading: _Reading, *, full: bool) -> int:
    with _paged() as out:
        try:
            return _write_text(reading, out, full=full)
        except BrokenPipeError:
            if out is sys.stdout:
                raise
            return 1  # the person has seen enough


def _write_text(reading: _Reading, out: IO[str], *, full: bool) -> int:
    """How many records were wanted."""
    write = _writer(out)
    teller, headings, found = Teller(full=full), Headings(turns=reading.searches), 0
    if (several := in_parts(reading.path, parts.files(reading.path))) is not None:
        write(several)
    for turn, record, wanted in reading.records():
        told = teller.tell(turn, record)
        if told is not None and wanted:
            for text in (*headings.before(turn, record), told):
                write(text)
            found += 1
    for text in _last(reading, teller, found):
        write(text)
    return found


def _last(reading: _Reading, teller: Teller, found: int) -> Iterator[Text]:
    """What stands below the records."""
    if reading.searches and not found:
        yield Text(
            "Nothing found." if reading.turn is None else f"Nothing found in turn {reading.turn}."
        )
    else:
        if not reading.searches and reading.turn in (None, reading.digest.turns):
            yield from teller.open_calls(reading.digest)
        yield ending(reading.digest)
    yield from trouble(reading.problems)


def _writer(out: IO[str]) -> Callable[[Text], object]:
    """With styles for a terminal; a pipe gets the plain text, which takes far less time."""
    if not sys.stdout.isatty():
        return lambda text: out.write(f"{text.plain}\n")
    # Not its own `file`: at a pipe that breaks it ends the process.
    console = Console(highlight=False, soft_wrap=True, force_terminal=True)

    def write(text: Text) -> None:
        with console.capture() as styled:
            console.print(text)
        out.write(styled.get())

    return write


def _write_json(reading: _Reading, out: IO[str]) -> int:
    """One object a line: the records, then what they add up to and what is wrong with them."""
    found = 0
    for turn, record, wanted in reading.records():
        if wanted:
            place = {"turn": turn, "line": record.line, "at": _stamp(record.at)}
            fields = {**place, **_content(record)}
            out.write(json.dumps(fields) + "\n")
            found += 1
    document = asdict(reading.digest)
    document |= {
        "kind": "digest",
        "began": _stamp(reading.digest.began),
        "ended": _stamp(reading.digest.ended),
        "problems": [str(problem) for problem in reading.problems.found],
        "problem_count": reading.problems.count,
    }
    out.write(json.dumps(document) + "\n")
    return found


def _stamp(at: datetime | None) -> str | None:
    return stamp(at) if at else None


def _content(record: Record) -> dict[str, Any]:
    return {"kind": type(record.content).__name__.lower(), **asdict(record.content)}


def _range(turns: int) -> str:
    if turns < 2:
        return "the trace has only turn 1" if turns else "nobody says anything in the trace"
    return f"the trace has turns 1 to {turns}"


def _pattern(search: str | None) -> re.Pattern[str] | None:
    try:
        return None if search is None else re.compile(search, re.IGNORECASE)
    except re.error as exc:
        raise InputError(
            f"--search {search!r} is no regular expression: {exc}. Put a backslash before signs "
            "that mean themselves."
        ) from exc


@contextmanager
def _paged() -> Iterator[IO[str]]:
    """Standard output; behind a pager where that is a terminal and there is one."""
    command = shlex.split(os.environ.get("PAGER") or PAGER)
    if not (sys.stdout.isatty() and command and shutil.which(command[0])):
        yield sys.stdout
        return
    pager = subprocess.Popen(command, stdin=subprocess.PIPE, text=True)
    out = pager.stdin
    assert out is not None
    try:
        yield out
    finally:
        with suppress(BrokenPipeError):  # who read has seen enough
            out.close()
        pager.wait()
