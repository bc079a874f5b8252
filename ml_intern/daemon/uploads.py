"""Whether and how this process sends traces to the Hub: what the settings make of the uploader."""

from pathlib import Path

from ml_intern.clock import Clock
from ml_intern.daemon.hub_access import NO_TOKEN, endpoint_of, is_offline, token_of
from ml_intern.daemon.secrets import secrets_of
from ml_intern.hub.away import HubAbroad
from ml_intern.hub.protocol import OFFLINE
from ml_intern.settings import Settings
from ml_intern.tools.protocol import TraceLink
from ml_intern.tracing.redaction.scan import Eyes
from ml_intern.tracing.upload.ledger import Ledger, key_of
from ml_intern.tracing.upload.origin import Origins
from ml_intern.tracing.upload.spool import CHANGED, DELETED, ELSEWHERE, Spool
from ml_intern.tracing.upload.uploader import Pace, Uploader, Uploads

TURNED_OFF = "traces_upload is false: nothing is sent."


def uploader_of(settings: Settings, clock: Clock, pace: Pace | None = None) -> Uploader | None:
    """None where the settings say not to send."""
    if not settings.traces_upload:
        return None
    endpoint = endpoint_of(settings)
    return Uploader(
        traces_of(settings),
        endpoint=endpoint,
        template=settings.traces_repo,
        token=lambda: token_of(settings),
        connect=lambda token, stop: HubAbroad(endpoint, token, stop=stop, clock=clock),
        clock=clock,
        eyes=_eyes(settings),
        pace=pace,
        no_token=NO_TOKEN,
    )


def told(uploader: Uploader | None) -> Uploads:
    """How it goes, also where `uploader_of` gave none."""
    return Uploads(off=TURNED_OFF) if uploader is None else uploader.uploads


def why_off(settings: Settings) -> str:
    """Why a daemon of these settings would send nothing; empty: it would send.

    Raises ConfigError for a credential that cannot be read.
    """
    if not settings.traces_upload:
        return TURNED_OFF
    if not token_of(settings):
        return NO_TOKEN
    return f"{OFFLINE}." if is_offline() else ""


def trace_link(settings: Settings, session_id: str, trace: Path) -> TraceLink:
    """Where the session's trace stands on the Hub, or will within minutes; or why it will not.

    Raises ConfigError for a credential that cannot be read.
    """
    if why := why_off(settings):
        return TraceLink(why_none=why)
    traces = traces_of(settings)
    ledger = Ledger.load(traces)
    if not ledger.now:
        return TraceLink(why_none="nothing was sent to the Hub yet, so its dataset is not known")
    path, known = trace.relative_to(traces).as_posix(), ledger.known
    if path in known.deleted or path in known.changed:
        return TraceLink(why_none=DELETED if path in known.deleted else CHANGED)
    is_held = path not in known.files and session_id not in known.released
    if is_held and Origins(traces).is_elsewhere(session_id, trace.parent):
        return TraceLink(why_none=ELSEWHERE)
    key = key_of(endpoint_of(settings), known.moved_to) if known.moved_to else ledger.now
    return TraceLink(url=f"{key}/blob/main/{path}")


def spool_of(settings: Settings) -> Spool:
    """The session files, as the uploader looks at them."""
    return Spool(traces_of(settings), _eyes(settings))


def _eyes(settings: Settings) -> Eyes:
    return Eyes(secrets_of(settings), settings.redact_allow)


def traces_of(settings: Settings) -> Path:
    """The folder of the session files."""
    return settings.state_dir / "traces"
