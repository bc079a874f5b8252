"""Which file a person means by what they typed: a path, or the beginning of a session's id."""

from collections.abc import Iterator
from pathlib import Path

from ml_intern.errors import InputError

MOST_NAMED = 5


def find(argument: str, traces: Path) -> Path:
    """The first part of the trace that `argument` names; `traces` is our folder of them.

    Raises InputError when it names none, or several.
    """
    if not argument:
        raise InputError("Name a trace: a file, or the beginning of a session's id.")
    path = Path(argument).expanduser()
    if path.is_file():
        return path.absolute()
    if path.is_dir():
        raise InputError(f"{path} is a folder; name one of the .jsonl files in it.")
    found = [one for one in all_files(traces) if one.stem.startswith(argument.lower())]
    if not found:
        raise InputError(
            f"There is no trace {argument!r}: it is no file, and no session in {traces} has an id "
            "that begins so. See `ml-intern traces list`."
        )
    if len({one.stem for one in found}) > 1:
        some = ", ".join(sorted(one.stem for one in found)[:MOST_NAMED])
        raise InputError(f"Several traces begin with {argument!r}: {some}. Type more of the id.")
    return found[0]


def all_files(traces: Path) -> Iterator[Path]:
    """Every file of a session or of one of its parts, ours and imported, the newest day first."""
    for kind in ("sessions", "imported"):
        days = (traces / kind).glob("*")
        for day in sorted((day for day in days if day.is_dir()), reverse=True):
            yield from sorted(day.glob("*.jsonl"))
