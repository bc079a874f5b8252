"""How far the files surely are, kept over restarts.

Only what is on the disk may be skipped then.
"""

import json
from pathlib import Path

from ml_intern.errors import EventUnreadable
from ml_intern.queue.rows import Recorded
from ml_intern.tracing import trace_file
from ml_intern.tracing.journal import Journal


def save(path: Path, last: Recorded) -> None:
    """Remember that all up to `last` is on the disk. Raises OSError."""
    place = {"position": last.position, "session_id": last.session_id, "seq": last.seq}
    trace_file.replace(path, json.dumps(place).encode())


def load(path: Path, journal: Journal) -> int:
    """The saved position if it is one of this journal, else 0: it may come from a backup."""
    try:
        place = json.loads(path.read_bytes())
        saved = (int(place["position"]), place["session_id"], place["seq"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0
    try:
        found = next(iter(journal.follow(saved[0] - 1, 1)), None)
    except EventUnreadable:
        return 0
    known = found is not None and (found.position, found.session_id, found.seq) == saved
    return saved[0] if known else 0
