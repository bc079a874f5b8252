"""Which file a person means by what they typed: a path, or the beginning of a session's id."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ml_intern.errors import InputError
from ml_intern.home import spelled_out
from ml_intern.transcript import parts, reading
from ml_intern.transcript.decoding import Unknown
from ml_intern.transcript.line import IMPORTED_FROM
from ml_intern.transcript.problems import Problems

MOST_NAMED = 5
_REPOSITORY = r"(?:datasets/)?(?P<repo>[\w.-]+/[\w.-]+)"
_SHORT = re.compile(_REPOSITORY + r"(?:@(?P<revision>[\w.-]+))?/(?P<path>.+\.jsonl)")
_PAGE = re.compile(
    r"/datasets/(?P<repo>[\w.-]+/[\w.-]+)/(?:blob|resolve|raw)/(?P<revision>[^/]+)/(?P<path>.+\.jsonl)"
)


@dataclass(frozen=True, kw_only=True)
class HubFile:
    """A file in a dataset on the Hub."""

    repo_id: str
    path: str
    revision: str = "main"

    def __post_init__(self) -> None:
        """Raises InputError for steps in a path, which would lead out of the dataset."""
        steps = (*self.repo_id.split("/"), *self.path.split("/"), *self.revision.split("/"))
        if any(step in ("", ".", "..") or "\0" in step for step in steps):
            raise InputError(f"{self.repo_id}/{self.path} is no file of a dataset.")


def on_hub(argument: str, endpoint: str) -> HubFile | None:
    """The file that an address on the Hub, or `OWNER/NAME[@REVISION]/PATH.jsonl`, names.

    None for anything else; so a file that is here must be looked for first. Raises InputError for
    an address elsewhere: our token goes to the Hub at `endpoint` alone.
    """
    if not argument.startswith(("http://", "https://")):
        found = _SHORT.fullmatch(argument)
        if found is None or ".." in argument.split("/"):
            return None
        return HubFile(
            repo_id=found["repo"], path=found["path"], revision=found["revision"] or "main"
        )
    page = urlsplit(argument)
    if f"{page.scheme}://{page.netloc}" != endpoint:
        raise InputError(f"{argument} is not on {endpoint}; download it, and name the file.")
    found = _PAGE.fullmatch(unquote(page.path))
    if found is None:
        raise InputError(f"{argument} is no .jsonl file of a dataset; name the page of one.")
    return HubFile(repo_id=found["repo"], path=found["path"], revision=found["revision"])


def find(argument: str, traces: Path) -> Path:
    """The first part of the trace that `argument` names; `traces` is our folder of them.

    Raises InputError when it names none, several, or one that cannot be read.
    """
    if not argument:
        raise InputError("Name a trace: a file, or the beginning of a session's id.")
    path = spelled_out(argument)
    if path.is_file():
        return a_trace(path.absolute())
    if path.is_dir():
        raise InputError(f"{path} is a folder; name one of the .jsonl files in it.")
    found = [one for one in all_files(traces) if one.stem.startswith(argument.lower())]
    found = found or _imported_as(argument, traces)
    if not found:
        what = "it is no plain file" if path.exists() else "it is no file"
        raise InputError(
            f"There is no trace {argument!r}: {what}, and no session in {traces} has an id "
            "that begins so. See `ml-intern traces list`."
        )
    if len({one.stem for one in found}) > 1:
        some = ", ".join(sorted(one.stem for one in found)[:MOST_NAMED])
        raise InputError(f"Several traces begin with {argument!r}: {some}. Type more of the id.")
    return found[0]


def _imported_as(argument: str, traces: Path) -> list[Path]:
    """The imported ones whose id at their source begins so; or the one that is just that."""
    ids = {path: _source_id(path) for path in _files(traces / "imported")}
    exact = [path for path, source_id in ids.items() if source_id == argument]
    return exact or [path for path, source_id in ids.items() if source_id.startswith(argument)]


def _source_id(path: Path) -> str:
    first = next(reading.read(path, Problems()), None)
    about = first.extra.get(IMPORTED_FROM) if first else None
    return str(about.get("sessionId", "")) if isinstance(about, dict) else ""


def a_trace(path: Path) -> Path:
    """The file, which is read to the first line that belongs to a conversation.

    Raises InputError when none does, or it cannot be read.
    """
    problems = Problems()
    try:
        is_none = all(isinstance(one.content, Unknown) for one in parts.read(path, problems))
    except OSError as exc:
        raise InputError(f"{path} cannot be read: {exc.strerror}.") from exc
    if is_none:
        if reading.is_spread(path):
            raise InputError(f"{path} cannot be read. {reading.SPREAD}")
        why = f" ({problems.found[0]})" if problems.found else ""
        raise InputError(f"{path} is no trace: no line of it belongs to a conversation{why}.")
    return path


def all_files(traces: Path) -> Iterator[Path]:
    """Every file of a session or of one of its parts, ours and imported, the newest day first.

    Raises InputError, see `demand_folder`; OSError.
    """
    demand_folder(traces)
    yield from _files(traces / "sessions")
    yield from _files(traces / "imported")


def demand_folder(traces: Path) -> None:
    """Raise InputError where the traces cannot be looked at: something else stands there, or no
    right to.
    """
    if traces.exists() and not traces.is_dir():
        raise InputError(f"{traces} is no folder, so no trace is kept. Move it away.")
    if traces.exists() and not os.access(traces, os.R_OK | os.X_OK):
        raise InputError(
            f"{traces} belongs to somebody else, and you may not look into it. Name a state "
            "directory of your own, or have its owner give you the right."
        )


def _files(kind: Path) -> Iterator[Path]:
    for day in sorted((day for day in kind.glob("*") if day.is_dir()), reverse=True):
        # Whoever opens a pipe waits for a writer, without end.
        yield from sorted(path for path in day.glob("*.jsonl") if path.is_file())
