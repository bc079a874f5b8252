"""What a shell completes: ids of sessions, the newest first, and turns. Quick, or not at all.

Looks into the SQLite file, and of traces at what `traces list` kept: no daemon is asked or started,
nothing is migrated, and of a server's database nothing is completed. Whatever is in the way
completes nothing.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from ml_intern.errors import MLInternError
from ml_intern.settings import load
from ml_intern.tracing import shelf
from ml_intern.tracing.finding import find
from ml_intern.transcript import parts
from ml_intern.transcript.conversation import is_persons, numbered
from ml_intern.transcript.line import Said
from ml_intern.transcript.problems import Problems
from ml_intern.wording import shortened

MOST = 200
SHORT = 8
TITLE_CHARS = 60
WAIT_S = 0.2
MOST_TRACE_BYTES = 5_000_000
"""Of a trace whose turns are completed; a larger one takes too long."""

_NEWEST = """
SELECT id, title FROM session WHERE substr(id, 1, length(?1)) = ?1
ORDER BY created DESC, id LIMIT ?2
"""


def session_ids(begun: str) -> list[tuple[str, str]]:
    """Ids that begin so, as short as is clear, each with what its session is about."""
    try:
        settings = load()
        if settings.database is not None:
            return []
        rows = _rows(settings.state_dir / "ml-intern.db", begun)
    except (MLInternError, OSError, sqlite3.Error):
        return []
    return [(_shortened(name, begun, rows), _about(title)) for name, title in rows]


def trace_ids(begun: str) -> list[tuple[str, str]]:
    """As `session_ids`, and the imported ones, whose ids at their sources count too."""
    found = session_ids(begun)
    try:
        kept = shelf.kept(load().state_dir / "traces")
    except MLInternError:
        return found
    for digest in kept:
        for name in dict.fromkeys((digest.session_id, digest.source_id)):
            if digest.source_id and name.startswith(begun):
                found.append((name, _about(digest.title or digest.task)))
    return found[:MOST]


def turns(trace: str, begun: str) -> list[tuple[str, str]]:
    """The numbers of its turns that begin so, each with what was said."""
    try:
        path = find(trace, load().state_dir / "traces")
        if path.stat().st_size > MOST_TRACE_BYTES:
            return []
        records = list(numbered(parts.read(path, Problems())))
    except (MLInternError, OSError):
        return []
    said = [(str(number), record.content) for number, record in records if is_persons(record)]
    return [
        (number, _about(one.text))
        for number, one in said
        if isinstance(one, Said) and number.startswith(begun)
    ]


def _rows(path: Path, begun: str) -> list[tuple[str, str]]:
    where = f"{path.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(where, uri=True, timeout=WAIT_S)) as connection:
        found = connection.execute(_NEWEST, (begun, MOST)).fetchall()
    return [(str(name), str(title)) for name, title in found]


def _shortened(name: str, begun: str, rows: list[tuple[str, str]]) -> str:
    short = name[:SHORT]
    is_clear = sum(other.startswith(short) for other, _ in rows) == 1
    return short if is_clear and len(begun) <= SHORT else name


def _about(title: str) -> str:
    words = shortened(title, TITLE_CHARS)
    return "".join(each if each.isprintable() else "?" for each in words)
