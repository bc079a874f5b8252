"""The machine-readable lines of a script.

A line is one JSON object with an `event`: `log`, `evaluate`, `done`, or the name of a check.
Everything else that a script writes is for people and is passed over.
"""

import json
from typing import Any

_MARK = '{"event"'
_decoder = json.JSONDecoder()


def parse_line(line: str) -> dict[str, Any] | None:
    """The JSON object of a metric line, or None. A progress bar before it does not hide it."""
    start = line.find(_MARK)
    if start < 0:
        start = 0 if line.startswith("{") else len(line)
    try:
        found, _ = _decoder.raw_decode(line, start)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("event"), str) else None


def last_event(text: str, event: str) -> dict[str, Any] | None:
    """The last line of kind `event` in the output of a script."""
    for line in reversed(text.splitlines()):
        found = parse_line(line)
        if found is not None and found["event"] == event:
            return found
    return None
