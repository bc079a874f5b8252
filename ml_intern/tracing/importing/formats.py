"""Which of the known formats a file has, and the sessions in it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ml_intern.errors import InputError
from ml_intern.tracing.importing import claude, retired
from ml_intern.tracing.importing.source import Source
from ml_intern.transcript import reading
from ml_intern.transcript.problems import Problems

MAX_JSON_BYTES = 128 << 20
"""Of one JSON object, which is in memory as a whole, and takes several times as much there."""


def sources(path: Path, problems: Problems) -> Iterator[Source]:
    """The sessions in a file, whichever of the known formats it has.

    What cannot be read is added to `problems`. Raises InputError for another format (its words do
    not name the file), OSError.
    """
    with path.open("rb") as file:
        head = file.readline(reading.MAX_LINE_BYTES)
    if _is_row(head):
        yield from _rows(path, problems)
    elif path.suffix == ".jsonl" and not reading.is_spread(path):
        yield claude.source_of(path, problems)
    else:
        yield _whole(path, problems)


def _is_row(head: bytes) -> bool:
    fields = _object(head)
    return fields is not None and retired.is_session(fields)


def _object(text: bytes | str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _rows(path: Path, problems: Problems) -> Iterator[Source]:
    with path.open("rb") as file:
        for number, line in reading.lines(file, problems):
            fields = _object(line)
            if fields is not None and retired.is_session(fields):
                yield retired.source_of(fields, problems, number)
            else:
                problems.add(number, "no session")


def _whole(path: Path, problems: Problems) -> Source:
    if path.stat().st_size > MAX_JSON_BYTES:
        raise InputError(
            f"It is one JSON object of more than {MAX_JSON_BYTES >> 20} MiB. It is not read, "
            "because it would have to be in memory as a whole. Sessions in a .jsonl may be longer."
        )
    try:
        fields = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as exc:
        if reading.is_spread(path):
            raise InputError(f"It cannot be read. {reading.SPREAD}") from exc
        raise InputError(f"It is not JSON, nor lines of JSON: {exc}.") from exc
    if not isinstance(fields, dict) or not retired.is_session(fields):
        raise InputError(
            "It is JSON, but no session: it lacks `session_id` or `messages`. Known are "
            "session files of huggingface/ml-intern and .jsonl files in the format of Claude Code."
        )
    return retired.source_of(fields, problems)
