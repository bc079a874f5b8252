"""`traces rewrite`: a session's files anew, by what is known to be a secret now."""

import sys
from pathlib import Path

from ml_intern.cli import exits
from ml_intern.cli.foreground import session_named
from ml_intern.cli.opening import opened
from ml_intern.cli.quantities import count
from ml_intern.cli.summary import short
from ml_intern.cli.wishes import Wishes
from ml_intern.daemon.uploads import traces_of
from ml_intern.errors import InputError, UnknownSession
from ml_intern.settings import load
from ml_intern.tracing import finding

SENT = (
    "What was sent to the Hub before stays in the history of its repository; the new files are "
    "sent in their turn. A secret that was ever sent must be revoked.\n"
)


def rewrite(session: str) -> int:
    """Have whoever works in the state directory write them, else do it here."""
    with Wishes() as wishes, opened(wishes, debug=False) as found:
        try:
            row = session_named(found.door, session)
        except UnknownSession as exc:
            raise (_explained(session, traces_of(load())) or exc) from exc
        files = found.door.rewrite_trace(row.session_id)
    if not files:
        raise UnknownSession(f"Session {short(row.session_id)} has no trace on this machine.")
    sys.stdout.write(
        f"{count(files, 'file')} of session {short(row.session_id)} written anew.\n{SENT}"
    )
    return exits.DONE


def _explained(session: str, traces: Path) -> InputError | None:
    """Why a session that the journal has not cannot be written from it; None: nobody knows it."""
    try:
        file = finding.find(session, traces)
    except InputError:
        return None
    if not file.is_relative_to(traces.absolute() / "imported"):
        return None
    return InputError(
        f"{file.stem} is imported, and no journal has it. Import its source again: that replaces "
        "it, without what is known to be a secret now."
    )
