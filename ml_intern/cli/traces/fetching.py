"""The file of a trace that a person names, fetched from the Hub where it lies there."""

import sys
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

from ml_intern.cli.checking import Progress
from ml_intern.cli.quantities import size
from ml_intern.daemon.hub_access import endpoint_of, hub_of
from ml_intern.daemon.uploads import traces_of
from ml_intern.errors import HubRefused, InputError
from ml_intern.hub.away import HubAbroad
from ml_intern.hub.protocol import Fetched, Wanted
from ml_intern.settings import Settings
from ml_intern.tracing.finding import HubFile, a_trace, find, on_hub
from ml_intern.transcript import parts

MOST_PARTS = 1000
LARGE = (
    "{} has, with its later parts, more than {}, the most that is fetched. Set traces_fetch_bytes "
    "higher, or download it yourself and name the file."
)


def located(named: str, settings: Settings) -> Path:
    """A path, the beginning of an id, or a file in a dataset of the Hub: see `on_hub`.

    Raises InputError, HubAway, ConfigError for a credential that cannot be read.
    """
    wanted = None if Path(named).exists() else on_hub(named, endpoint_of(settings))
    if wanted is None:
        return find(named, traces_of(settings))
    progress = Progress(sys.stderr)
    try:
        with hub_of(settings, as_anybody=True) as hub:
            found = _Fetching(hub, wanted, settings, progress).fetched()
    except HubRefused as exc:
        if exc.reason == "large":
            raise InputError(LARGE.format(named, size(settings.traces_fetch_bytes))) from exc
        raise InputError(f"There is no file {named} here, and on the Hub: {exc}.") from exc
    finally:
        progress.clear()
    return a_trace(found)


class _Fetching:
    """One session on its way here."""

    def __init__(
        self, hub: HubAbroad, wanted: HubFile, settings: Settings, progress: Progress
    ) -> None:
        self._hub = hub
        self._wanted = wanted
        self._cache = traces_of(settings) / "fetched"
        self._most_bytes = settings.traces_fetch_bytes
        self._had = 0
        self._progress = progress

    def fetched(self) -> Path:
        """The file, with the later parts of its session beside it. Raises HubRefused, HubAway."""
        first = self._fetch(self._wanted.path, self._wanted.revision)
        for name in islice(_later_parts(first.path), MOST_PARTS):
            try:
                self._fetch(str(Path(self._wanted.path).with_name(name)), first.commit)
            except HubRefused as exc:
                if exc.reason != "missing":
                    raise
                break
        return first.path

    def _fetch(self, path: str, revision: str) -> Fetched:
        wanted = Wanted(
            repo_id=self._wanted.repo_id,
            path=path,
            revision=revision,
            cache=self._cache,
            most_bytes=self._most_bytes - self._had,
        )
        found = self._hub.download(wanted, self._tell)
        self._had += found.size
        return found

    def _tell(self, size_bytes: int) -> None:
        self._progress.say(f"{size(self._had + size_bytes)} fetched")


def _later_parts(path: Path) -> Iterator[str]:
    """The names of the files that a session may go on in, without end; none for other programs'."""
    part = parts.part_of(path)
    try:
        parts.part_id(part.session_id, 1)
    except ValueError:
        return
    for number in count(part.number + 1):
        yield f"{parts.part_id(part.session_id, number)}.jsonl"
