"""The file of a trace that a person names, fetched from the Hub where it lies there."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

from ml_intern.daemon.hub_access import endpoint_of, hub_of
from ml_intern.daemon.uploads import traces_of
from ml_intern.errors import HubRefused, InputError
from ml_intern.settings import Settings
from ml_intern.tracing.finding import HubFile, a_trace, find, on_hub
from ml_intern.tracing.upload.away import HubAbroad
from ml_intern.transcript import parts


def located(named: str, settings: Settings) -> Path:
    """A path, the beginning of an id, or a file in a dataset of the Hub: see `on_hub`.

    Raises InputError, HubAway, ConfigError for a credential that cannot be read.
    """
    wanted = None if Path(named).exists() else on_hub(named, endpoint_of(settings))
    if wanted is None:
        return find(named, traces_of(settings))
    try:
        with hub_of(settings, as_anybody=True) as hub:
            found = _fetched(hub, wanted, traces_of(settings) / "fetched")
    except HubRefused as exc:
        raise InputError(f"There is no file {named} here, and on the Hub: {exc}.") from exc
    return a_trace(found)


def _fetched(hub: HubAbroad, wanted: HubFile, cache: Path) -> Path:
    """The file, with the later parts of its session beside it. Raises HubRefused, HubAway."""
    found = hub.download(wanted.repo_id, wanted.path, wanted.revision, cache)
    commit = _commit_of(found, cache)
    for name in _later_parts(found):
        path = str(Path(wanted.path).with_name(name))
        try:
            hub.download(wanted.repo_id, path, commit, cache)
        except HubRefused as exc:
            if exc.reason != "missing":
                raise
            break
    return found


def _commit_of(found: Path, cache: Path) -> str:
    """The Hub's client keeps files below `DATASET/snapshots/COMMIT`."""
    return found.relative_to(cache).parts[2]


def _later_parts(path: Path) -> Iterator[str]:
    """The names of the files that a session may go on in, without end; none for other programs'."""
    part = parts.part_of(path)
    try:
        parts.part_id(part.session_id, 1)
    except ValueError:
        return
    for number in count(part.number + 1):
        yield f"{parts.part_id(part.session_id, number)}.jsonl"
