"""`traces share`: links to what is on the Hub, and who may follow them."""

import sys
from dataclasses import dataclass
from pathlib import Path

import typer

from ml_intern.cli import exits
from ml_intern.cli.quantities import count
from ml_intern.daemon.hub_access import endpoint_of, hub_of
from ml_intern.daemon.uploads import spool_of, traces_of
from ml_intern.errors import HubRefused, InputError
from ml_intern.hub.away import HubAbroad
from ml_intern.hub.protocol import Repository
from ml_intern.settings import load
from ml_intern.tracing import finding
from ml_intern.tracing.upload import ledger
from ml_intern.tracing.upload.ledger import Known, Ledger

MADE_PUBLIC = (
    "Everybody can then read {sessions} in {key}, and all that are sent later: tasks, code, "
    "outputs, names and paths in them. Secrets were looked for twice; nothing finds all of them.\n"
)
GONE = (
    "{key} is not there (yet): {why}. The daemon makes it with the first session that it sends: "
    "see `ml-intern traces status`."
)


@dataclass(frozen=True, kw_only=True)
class Place:
    """The repository of these settings, and who is asked about it."""

    traces: Path
    repo_id: str
    key: str
    hub: HubAbroad
    known: Known

    def decide(self, **changes: object) -> None:
        """Keep what a person decided. Raises OSError."""
        ledger.decide(self.traces, self.key, **changes)


def share(named: str | None) -> int:
    """The link, of one session or of all, and who can follow it."""
    with _hub() as hub:
        place = _place(hub)
        link = place.key if named is None else _link(named, place)
        seen = _seen(place)
    who = "its owner alone" if seen.private else "everybody"
    sys.stdout.write(f"{link}\n")
    sys.stderr.write(f"Can be read by {who}.\n")
    return exits.DONE


def make_public(*, yes: bool) -> int:
    """Let everybody read all of it, after a yes."""
    with _hub() as hub:
        place = _place(hub)
        seen = _seen(place)
        paths = [one.path for one in hub.files(seen.id, seen.head)]
        sessions = count(_sessions(paths, place), "session")
        sys.stderr.write(MADE_PUBLIC.format(sessions=sessions, key=place.key))
        if not yes and not _confirmed("Make it public?"):
            sys.stderr.write("Nothing was changed.\n")
            return exits.FAILED
        hub.set_private(seen.id, False)
        place.decide(public=True)
    sys.stdout.write(f"{place.key}\n")
    sys.stderr.write("It is public. Back: ml-intern traces share --private\n")
    return exits.DONE


def make_private() -> int:
    """Let its owner alone read it again."""
    with _hub() as hub:
        place = _place(hub)
        hub.set_private(_seen(place).id, True)
        place.decide(public=False)
    sys.stderr.write("It is private again; whoever has a copy keeps it.\n")
    return exits.DONE


def accept() -> int:
    """Send to the repository though it was made by others, or make it again where it is gone."""
    with _hub() as hub:
        place = _place(hub)
        known = place.known
        place.decide(foreign=True, anew_after=known.head, moved_to=known.moved_to)
    sys.stdout.write(f"{place.key}\n")
    sys.stderr.write("The daemon sends to it from now on, and makes it again if it is gone.\n")
    return exits.DONE


def _hub() -> HubAbroad:
    """Raises ConfigError."""
    return hub_of(load())


def _place(hub: HubAbroad) -> Place:
    """Raises HubError, InputError."""
    settings = load()
    repo_id = settings.traces_repo.format(user=hub.who().user)
    key = ledger.key_of(endpoint_of(settings), repo_id)
    traces = traces_of(settings)
    known = Ledger.load(traces).of(key)
    return Place(traces=traces, repo_id=repo_id, key=key, hub=hub, known=known)


def _seen(place: Place) -> Repository:
    """The dataset. Raises InputError where it is not there, HubError."""
    try:
        return place.hub.look(place.repo_id)
    except HubRefused as exc:
        if exc.reason != "missing":
            raise
        raise InputError(GONE.format(key=place.key, why=exc)) from exc


def _link(named: str, place: Place) -> str:
    """Raises InputError."""
    file = finding.find(named, place.traces)
    if not file.is_relative_to(place.traces.absolute()):
        raise InputError(f"{file} is none of our traces; only those are sent.")
    path = file.relative_to(place.traces.absolute()).as_posix()
    if path.startswith("imported/"):
        raise InputError(f"{file.stem} is imported, and so never uploaded.")
    if path not in place.known.files:
        raise InputError(
            f"{path} is not on the Hub. `ml-intern traces status` says what it waits for."
        )
    return f"{place.key}/blob/main/{path}"


def _sessions(paths: list[str], place: Place) -> int:
    """How many sessions these files are of; a part that is not here counts as one."""
    here = {item.path: item.session_id for item in spool_of(load()).items(Known())}
    files = [path for path in paths if path.startswith("sessions/") and path.count("/") == 2]
    return len({here.get(path, path) for path in files})


def _confirmed(question: str) -> bool:
    """Raises InputError where nobody can be asked."""
    if not sys.stdin.isatty():
        raise InputError("Nobody can be asked here; say --yes if you mean it.")
    return typer.confirm(question, default=False, err=True)
