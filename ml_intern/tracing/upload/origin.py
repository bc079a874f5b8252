"""Whether a session goes on from, or plays, what came from elsewhere: imported, fetched, of others.

Such words were not said here, and whoever said them may not want them published. The first words of
a session's trace say of what it was made (`mlIntern.forkedFrom`, the model `replay/PATH`).
"""

import glob
import itertools
import json
from pathlib import Path

from ml_intern.transcript.line import EXTRA, JsonObject

_REPLAY = "replay/"
_MOST_LINES = 100
"""Within which the first words stand."""


class Origins:
    """Of the sessions of one folder of traces. Remembers what it has found; for one thread."""

    def __init__(self, traces: Path) -> None:
        self._traces = traces
        self._found: dict[str, bool] = {}

    def is_elsewhere(self, session_id: str, folder: Path) -> bool:
        """Whether that session stems from elsewhere, or from one of ours that does.

        Also where it stems from a session whose trace is not here: nobody knows then. `folder`:
        where its own trace stands, in which somebody has spoken.
        """
        if session_id not in self._found:
            about = _about(folder / f"{session_id}.jsonl")
            self._found[session_id] = about is not None and self._of(
                about, frozenset((session_id,))
            )
        return self._found[session_id]

    def _stems(self, session_id: str, younger: frozenset[str]) -> bool:
        """`younger`: the sessions that go on from it; one that is among them has no beginning."""
        if session_id in younger:
            return True
        if session_id not in self._found:
            about = self._parents(session_id)
            if about is None:
                return True
            self._found[session_id] = self._of(about, younger | {session_id})
        return self._found[session_id]

    def _of(self, about: JsonObject, younger: frozenset[str]) -> bool:
        forked = about.get("forkedFrom")
        if isinstance(forked, dict):
            source = forked.get("source")
            parent = str(forked.get("sessionId"))
            return self._of_file(str(source), younger) if source else self._stems(parent, younger)
        model = str(about.get("model", ""))
        if model.startswith(_REPLAY):
            return self._of_file(model.removeprefix(_REPLAY), younger)
        return False

    def _of_file(self, source: str, younger: frozenset[str]) -> bool:
        path = Path(source)
        if not path.is_relative_to(self._traces.absolute() / "sessions"):
            return True
        return self._stems(path.stem, younger)

    def _parents(self, session_id: str) -> JsonObject | None:
        """What the first words of another session say; None where they are not here."""
        found = self._traces.glob(f"sessions/*/{glob.escape(session_id)}.jsonl")
        return next(filter(None, map(_about, found)), None)


def _about(path: Path) -> JsonObject | None:
    """What the first words in a file say; None where there are none."""
    try:
        with path.open("rb") as file:
            found = map(_extra, itertools.islice(file, _MOST_LINES))
            return next((extra for extra in found if "model" in extra), None)
    except OSError:
        return None


def _extra(line: bytes) -> JsonObject:
    try:
        found = json.loads(line)[EXTRA]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
