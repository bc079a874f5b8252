"""`traces release`: send a session that is held back because of what people did, or whose it is."""

import sys

from ml_intern.cli import exits
from ml_intern.cli.quantities import count
from ml_intern.clock import SystemClock, stamp
from ml_intern.daemon.uploads import spool_of, traces_of
from ml_intern.errors import InputError
from ml_intern.settings import load
from ml_intern.tracing import finding
from ml_intern.tracing.upload import ledger
from ml_intern.tracing.upload.ledger import Ledger
from ml_intern.tracing.upload.spool import RELEASABLE
from ml_intern.transcript import parts


def release(named: str) -> int:
    """Keep that it is to be sent. Asks neither Hub nor daemon: the daemon looks by itself."""
    settings = load()
    traces = traces_of(settings)
    file = finding.find(named, traces)
    if not file.is_relative_to((traces / "sessions").absolute()):
        raise InputError(f"{file} is none of our sessions; only those are sent.")
    session_id = parts.part_of(file).session_id
    items = spool_of(settings).items(Ledger.load(traces).known)
    ours = [item for item in items if item.session_id == session_id]
    held = [item for item in ours if item.reason in RELEASABLE]
    if not held:
        states = sorted({f"{one.state}, {one.reason}" if one.reason else one.state for one in ours})
        raise InputError(f"Nothing of {session_id} waits for that: it is {'; '.join(states)}.")
    ledger.release(traces, session_id, stamp(SystemClock().now()))
    changed = sum(item.state == "changed" for item in held)
    replaced = f" {count(changed, 'file')} on the Hub will be replaced by ours." if changed else ""
    sys.stderr.write(f"{session_id} is sent from now on by the daemon.{replaced}\n")
    return exits.DONE
