"""`traces status`: what is on the Hub, what is not yet, and why. Needs neither daemon nor Hub.

Whether anything is sent is for the daemon to say, which may have another token than this shell.
"""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.text import Text

from ml_intern.cli import exits
from ml_intern.cli.quantities import count, line, size
from ml_intern.cli.summary import short
from ml_intern.client.remote import connect
from ml_intern.daemon.uploads import spool_of, traces_of, why_off
from ml_intern.errors import ApiError
from ml_intern.settings import Settings, load
from ml_intern.tracing.finding import demand_folder
from ml_intern.tracing.upload.ledger import Known, Ledger
from ml_intern.tracing.upload.spool import Item, State

NO_DAEMON = "No daemon runs, and only it sends: ml-intern serve."
_WORST: tuple[State, ...] = ("held", "changed", "deleted", "pending", "growing", "sent")
"""A session with several files stands as the first of these that one of them is."""
_STYLES = {
    "held": "red",
    "changed": "red",
    "deleted": "yellow",
    "pending": "yellow",
    "sent": "green",
}


@dataclass(kw_only=True)
class Standing:
    """One session."""

    session_id: str
    day: str
    state: State = "sent"
    reasons: list[str] = field(default_factory=list)
    files: int = 0
    unsent_bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class _Sending:
    """How sending goes now; what an earlier daemon met is not told."""

    off: str = ""
    """Why nobody sends; empty: somebody does."""
    trouble: str = ""
    """Why it does not get there."""
    retry_at: str = ""


def status(*, as_json: bool) -> int:
    """Every session, and how sending goes."""
    settings = load()
    demand_folder(traces_of(settings))
    ledger = Ledger.load(traces_of(settings))
    known = ledger.known
    found = standings(spool_of(settings).items(known), known)
    sending = _sending(settings, ledger)
    if as_json:
        sys.stdout.write(json.dumps(_document(ledger, found, sending), indent=2) + "\n")
    else:
        _print(ledger, found, sending)
    return exits.DONE


def standings(items: Iterable[Item], known: Known) -> list[Standing]:
    """One for each session, in the order of its first file."""
    found: dict[str, Standing] = {}
    for item in items:
        fresh = Standing(session_id=item.session_id, day=item.path.split("/")[1])
        _take(found.setdefault(item.session_id, fresh), item, known)
    return list(found.values())


def _take(standing: Standing, item: Item, known: Known) -> None:
    standing.files += 1
    standing.state = min(standing.state, item.state, key=_WORST.index)
    if item.reason and item.reason not in standing.reasons:
        standing.reasons.append(item.reason)
    if item.state == "pending" and item.snapshot is not None:
        sent = known.files.get(item.path)
        standing.unsent_bytes += max(0, item.snapshot.size - (sent.size if sent else 0))


def _sending(settings: Settings, ledger: Ledger) -> _Sending:
    """What the daemon says; where none runs, what one with the settings of this shell would do.

    Raises ConfigError for a credential that cannot be read.
    """
    try:
        daemon = connect(settings.socket_path)
        if daemon is None:
            return _Sending(off=_without_daemon(settings))
        with daemon:
            health = daemon.health()
    except ApiError as exc:
        return _Sending(off=f"The daemon cannot be asked whether it sends: {exc}")
    if health.traces_off:
        return _Sending(off=f"The daemon (process {health.pid}) sends nothing. {health.traces_off}")
    same = health.traces_trouble == ledger.trouble
    return _Sending(trouble=health.traces_trouble, retry_at=ledger.retry_at if same else "")


def _without_daemon(settings: Settings) -> str:
    why = why_off(settings)
    return f"{NO_DAEMON} Started from this shell it would send nothing. {why}" if why else NO_DAEMON


def _document(ledger: Ledger, found: Sequence[Standing], sending: _Sending) -> dict[str, Any]:
    known = ledger.known
    return {
        "repository": ledger.now or None,
        "moved_to": known.moved_to or None,
        "private": known.private,
        "looked_at": known.looked_at or None,
        "last_commit_at": known.tried_at or None,
        "off": sending.off or None,
        "trouble": sending.trouble or None,
        "retry_at": sending.retry_at or None,
        "sessions": [asdict(one) for one in found],
    }


def _print(ledger: Ledger, found: Sequence[Standing], sending: _Sending) -> None:
    console = Console(highlight=False, soft_wrap=True)
    if ledger.now:
        known = ledger.known
        seen = {True: "private", False: "PUBLIC", None: "not seen yet"}[known.private]
        if known.looked_at:
            seen += (
                f" as seen on {datetime.fromisoformat(known.looked_at).astimezone():%F at %H:%M}"
            )
        moved = f", by now {line(known.moved_to)}" if known.moved_to else ""
        console.print(Text(f"{ledger.now} ({seen}{moved})"))
    if sending.off:
        console.print(Text(line(sending.off, 500), style="yellow"))
    if sending.trouble:
        again = f" Tried again at {sending.retry_at}." if sending.retry_at else ""
        words = line(sending.trouble, 500).removesuffix(".")
        console.print(Text(f"Not sent: {words}.{again}", style="red"))
    for one in found:
        if one.state != "sent":
            console.print(_row(one))
    sent = sum(one.state == "sent" for one in found)
    console.print(Text(f"{count(sent, 'session')} of {len(found)} sent as they stand."))


def _row(one: Standing) -> Text:
    text = Text(f"{short(one.session_id)}  {one.day}  ")
    text.append(f"{one.state:8}", style=_STYLES.get(one.state, ""))
    words = [*one.reasons, *([f"{size(one.unsent_bytes)} to send"] if one.unsent_bytes else [])]
    return text.append("  " + line("; ".join(words), 400)) if words else text
