"""`traces import`: sessions of other programs become traces of this machine."""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ml_intern.cli import exits
from ml_intern.cli.quantities import count, line
from ml_intern.cli.summary import short
from ml_intern.daemon.secrets import redactor_of
from ml_intern.errors import InputError
from ml_intern.home import spelled_out
from ml_intern.settings import load
from ml_intern.tracing.importing.formats import sources
from ml_intern.tracing.importing.source import Source
from ml_intern.tracing.importing.writing import Imported, take_in
from ml_intern.tracing.redaction import Redactor
from ml_intern.transcript.problems import Problems

MOST_PROBLEMS = 10
"""So many of a file are named; the others are counted."""
_TELL_EVERY = 20


@dataclass(kw_only=True)
class _Taken:
    """What came of one file."""

    file: str
    imported: list[Imported] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    problem_count: int = 0
    error: str = ""
    """Why nothing, or not all of it, could be taken in."""


def import_files(names: Sequence[str], *, as_json: bool) -> int:
    """Read each file, and each in a folder; status 1 when one could not be taken in.

    Raises InputError for an empty name, and a folder without such files.
    """
    settings = load()
    redactor = redactor_of(settings)
    taken = []
    for number, path in enumerate(list(_files(names)), 1):
        taken.append(_take(path, settings.state_dir / "traces", redactor))
        if number % _TELL_EVERY == 0:
            sys.stderr.write(f"{count(number, 'file')} read …\n")
    if as_json:
        sys.stdout.write(json.dumps([_document(one) for one in taken], indent=2) + "\n")
    else:
        for one in taken:
            _print(one)
    return exits.FAILED if any(one.error for one in taken) else exits.DONE


def _files(names: Sequence[str]) -> Iterator[Path]:
    for name in names:
        if not name:
            raise InputError("Name a file or a folder; one of the names is empty.")
        path = spelled_out(name)
        if not path.is_dir():
            yield path
            continue
        files = (*path.rglob("*.json"), *path.rglob("*.jsonl"))
        found = sorted(one for one in files if "subagents" not in one.parts and one.is_file())
        if not found:
            raise InputError(f"{path} holds no .json and no .jsonl file.")
        yield from found


def _take(path: Path, folder: Path, redactor: Redactor) -> _Taken:
    """Whatever is wrong with one file does not stop the others."""
    taken, problems = _Taken(file=str(path)), Problems()
    if path.exists() and not path.is_file():
        taken.error = "It is no plain file."
        return taken
    try:
        for source in sources(path, problems):
            taken.imported.append(_written(source, folder, redactor))
        if not taken.imported:
            taken.error = "It holds no session."
    except InputError as exc:
        taken.error = str(exc)
    except OSError as exc:
        taken.error = f"It cannot be read: {exc.strerror}."
    taken.problems = [str(problem) for problem in problems.found]
    taken.problem_count = problems.count
    return taken


def _written(source: Source, folder: Path, redactor: Redactor) -> Imported:
    try:
        return take_in(source, folder, redactor)
    except OSError as exc:
        raise InputError(f"Its trace cannot be written to {folder}: {exc.strerror}.") from exc


def _document(taken: _Taken) -> dict[str, Any]:
    document = asdict(taken)
    for one in document["imported"]:
        one["path"] = str(one["path"])
    return document


def _print(taken: _Taken) -> None:
    for one in taken.imported:
        word = "imported" if one.is_new else "imported again"
        lines = count(one.lines, "line")
        renamed = "" if one.source_id in ("", one.session_id) else f" ({line(one.source_id, 60)})"
        file = line(taken.file, 400)
        sys.stdout.write(f"{short(one.session_id)}  {word} from {file}{renamed}, {lines}\n")
    if taken.error:
        sys.stderr.write(f"{line(taken.file, 400)}: {line(taken.error, 400)}\n")
    for problem in taken.problems[:MOST_PROBLEMS]:
        sys.stderr.write(f"  {line(problem)}\n")
    if (left := taken.problem_count - MOST_PROBLEMS) > 0:
        sys.stderr.write(f"  {count(left, 'more problem')}; --json names them\n")
