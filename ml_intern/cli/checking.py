"""`fsck`: everything that the store promises, looked up in its tables. Changes nothing.

Beside a running daemon it sees one moment of the database; the daemon is not asked and not held up.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import TextIO

from rich.console import Console
from rich.text import Text
from sqlalchemy import URL

from ml_intern.cli import exits
from ml_intern.cli.quantities import count, shown
from ml_intern.daemon.stores import database_of
from ml_intern.queue import address, schema
from ml_intern.queue.finding import Finding
from ml_intern.queue.invariants import Checker
from ml_intern.queue.snapshot import snapshot, version_of
from ml_intern.settings import load

MOST_SHOWN = 1000
"""Findings; a table that is torn in the middle has as many as rows."""
PATIENCE_S = 2.0
"""Longer than this, and a person is told how far it is."""
TELL_EVERY_S = 0.5

_NO_SCHEMA = (
    "Its rows were not judged: it does not say which version of ml-intern wrote them, if one did."
)
_OLDER_SCHEMA = (
    "An older ml-intern wrote it, and its rows were not judged. `ml-intern serve`, or any command "
    "that opens it as its database, brings it forward, a file after a copy of it was made; a "
    "backup is put there first (ml-intern db restore FILE). Then check again."
)
_NEWER_SCHEMA = (
    "A newer ml-intern wrote it, and its rows were not judged. Check it with that version."
)
_FILE_DAMAGED = (
    "The file itself is damaged. Stop the daemon and put a backup in its place, which keeps this "
    "file too: ml-intern db restore FILE."
)
_SERVER_REFUSES = (
    "The server does not let this role read all of it, or cannot. Look at the role's rights and at "
    "the server's log; what is damaged comes back from its own backup (pg_dump)."
)
_ROWS_DAMAGED = (
    "The file can be read, but these rows cannot be right. If work depends on them, stop the "
    "daemon and put a backup in its place: ml-intern db restore FILE. Please report what you see."
)


def fsck(named: str | None, *, as_json: bool) -> int:
    """Check the database that was named, or that of the settings."""
    url = database_of(load()) if named is None else address.parse(named)
    progress = Progress(sys.stderr)
    with snapshot(url) as connection:
        version = version_of(connection)
        checker = Checker(connection, lambda: progress.tell(checker.rows.total()))
        found = checker.findings()
        if as_json:
            number = _write_json(url, found, checker.rows, version)
        else:
            number = _print(found, progress)
    if not as_json:
        _conclude(url, number, checker.rows, version)
    return _status(number, version)


def _status(number: Counter[str], version: int | None) -> int:
    if not number:
        return exits.DONE
    return exits.OTHER_SCHEMA if _is_of_another(number, version) else exits.DAMAGED


def _is_of_another(number: Counter[str], version: int | None) -> bool:
    """Whether nothing is known against it but its version."""
    return version is not None and number.total() == number["schema_version"]


class Progress:
    """One line that says how far it is, on a terminal, when it takes long."""

    def __init__(self, sink: TextIO, noun: str = "row") -> None:
        self._sink = sink
        self._noun = noun
        self._next = time.monotonic() + PATIENCE_S
        self._is_shown = False

    def tell(self, done: int) -> None:
        """So many are done."""
        self.say(f"{count(done, self._noun)} done")

    def say(self, words: str) -> None:
        """How far it is."""
        now = time.monotonic()
        if self._sink.isatty() and now >= self._next:
            self._next = now + TELL_EVERY_S
            self._is_shown = True
            self._sink.write(f"\r{words} ")
            self._sink.flush()

    def clear(self) -> None:
        """Make room for words."""
        if self._is_shown:
            self._is_shown = False
            self._sink.write("\r\x1b[K")
            self._sink.flush()


def _print(found: Iterator[Finding], progress: Progress) -> Counter[str]:
    """Each finding as it is found; how many, by table."""
    console = Console(highlight=False)
    number: Counter[str] = Counter()
    for one in found:
        number[one.table] += 1
        if number.total() > MOST_SHOWN:
            continue
        progress.clear()
        if console.is_terminal:
            head = Text.assemble((f"{one.table:<10} ", "yellow"), (shown(one.place), "bold"))
            console.print(Text.assemble(head, "\n           ", shown(one.words)), soft_wrap=True)
        else:
            fields = (one.table, one.place, one.words)
            sys.stdout.write("\t".join(" ".join(shown(field).split()) for field in fields) + "\n")
    progress.clear()
    if number.total() > MOST_SHOWN:
        sys.stdout.write(f"... and {number.total() - MOST_SHOWN:,} more.\n")
    return number


def _conclude(url: URL, number: Counter[str], rows: Counter[str], version: int | None) -> None:
    console = Console(highlight=False)
    listed = ", ".join(f"{table} {many:,}" for table, many in sorted(rows.items())) or "none"
    looked = f"{count(rows.total(), 'row')} of {shown(address.shown(url))} checked ({listed})"
    if not number:
        console.print(Text.assemble(("Whole. ", "bold green"), f"{looked}."), soft_wrap=True)
        return
    if _is_of_another(number, version):
        head = ("Not judged. ", "bold yellow")
    else:
        head = (f"{count(number.total(), 'finding')}. ", "bold red")
    console.print(Text.assemble(head, f"{looked}."), soft_wrap=True)
    console.print(Text(f"→ {_next_step(url, number, version)}", "cyan"), soft_wrap=True)


def _write_json(
    url: URL, found: Iterator[Finding], rows: Counter[str], version: int | None
) -> Counter[str]:
    number: Counter[str] = Counter()
    kept: list[dict[str, str]] = []
    for one in found:
        number[one.table] += 1
        if len(kept) < MOST_SHOWN:
            kept.append(asdict(one))
    document = {
        "database": address.shown(url),
        "ok": not number,
        "rows": dict(sorted(rows.items())),
        "findings": kept,
        "left_out": number.total() - len(kept),
        "next_step": _next_step(url, number, version) if number else "",
    }
    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2) + "\n")
    return number


def _next_step(url: URL, number: Counter[str], version: int | None) -> str:
    if number["schema_version"] and not number["file"]:
        return _of_version(version)
    if not number["file"]:
        return _ROWS_DAMAGED
    return _FILE_DAMAGED if address.file_of(url) else _SERVER_REFUSES


def _of_version(version: int | None) -> str:
    if version is None:
        return _NO_SCHEMA
    return _OLDER_SCHEMA if version < schema.VERSION else _NEWER_SCHEMA
