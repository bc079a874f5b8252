"""The file of a trace that a person names, fetched from the Hub where it lies there."""

import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from ml_intern.daemon.hub_access import hub_of
from ml_intern.errors import ConfigError, HubRefused, InputError
from ml_intern.settings import Settings
from ml_intern.tracing.finding import find
from ml_intern.tracing.upload.away import HubAbroad
from ml_intern.transcript import parts

REVISION = "main"
_ON_HUB = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+)/(?P<path>.+\.jsonl)")


def located(named: str, settings: Settings) -> Path:
    """A path, the beginning of an id, or `USER/REPOSITORY/PATH.jsonl` in a dataset of the Hub.

    Raises InputError, HubAway, ConfigError where a token is needed and there is none.
    """
    traces = settings.state_dir / "traces"
    on_hub = _ON_HUB.fullmatch(named)
    if on_hub is None or Path(named).exists():
        return find(named, traces)
    try:
        with hub_of(settings) as hub:
            return _fetched(hub, on_hub["repo"], on_hub["path"], traces / "fetched")
    except HubRefused as exc:
        raise InputError(f"There is no file {named} here, and on the Hub: {exc}.") from exc
    except ConfigError as exc:
        raise ConfigError(f"There is no file {named} here. To look on the Hub: {exc}") from exc


def _fetched(hub: HubAbroad, repo: str, path: str, cache: Path) -> Path:
    """The file, with the later parts of its session beside it. Raises HubRefused, HubAway."""
    found = hub.download(repo, path, REVISION, cache)
    for name in _later_parts(found):
        try:
            hub.download(repo, str(Path(path).with_name(name)), REVISION, cache)
        except HubRefused as exc:
            if exc.reason != "missing":
                raise
            break
    return found


def _later_parts(path: Path) -> Iterator[str]:
    """The names of the files that a session may go on in, without end; none for other programs'."""
    part = parts.part_of(path)
    try:
        parts.part_id(part.session_id, 1)
    except ValueError:
        return
    for number in count(part.number + 1):
        yield f"{parts.part_id(part.session_id, number)}.jsonl"
