"""Before a trace of somebody else is played: its words are said as if the person here said them.

Whatever file a person names, tools may read. So the person is told which places these words name.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath

import typer

from ml_intern.cli.quantities import line
from ml_intern.errors import InputError
from ml_intern.transcript.recording import Recording

MOST_NAMED = 10
_PLACE = re.compile(r"(?<![\w./-])(?:[~/.]|[\w-]+/)[^\s\"'`<>|*?,;()\[\]]*")


def demand_consent(recording: Recording, started_in: Path, *, yes: bool) -> None:
    """Return when the words name no place that tools may not read anyway, or the person agrees.

    Raises InputError when the person does not, or where nobody can be asked.
    """
    words = (act.text for act in recording.acts if act.kind in ("say", "answer"))
    places = list(dict.fromkeys(named_places(words, started_in)))
    if not places or yes:
        return
    for place in places[:MOST_NAMED]:
        sys.stderr.write(f"! its words name {line(place)}, which tools may then read\n")
    if (left := len(places) - MOST_NAMED) > 0:
        sys.stderr.write(f"! and {left} more places\n")
    if not sys.stdin.isatty():
        raise InputError("Its words name files here, and nobody can be asked; see --yes.")
    if not typer.confirm("Say these words as yours?", default=False, err=True):
        raise InputError("Nothing was played.")


def named_places(words: Iterable[str], started_in: Path) -> Iterator[str]:
    """The places that these words name, but for plain ones below `started_in`."""
    for text in words:
        for found in _PLACE.findall(text):
            if _is_elsewhere(found.rstrip(".:!"), started_in):
                yield found


def _is_elsewhere(named: str, started_in: Path) -> bool:
    path = PurePath(named)
    if path.is_absolute():
        if len(path.parts) < 2 or not Path("/", path.parts[1]).exists():
            return False  # nothing here bears such a name
        if not path.is_relative_to(started_in):
            return True
        path = path.relative_to(started_in)
    return named.startswith("~") or any(part.startswith(".") for part in path.parts)
