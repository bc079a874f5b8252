"""`traces rewrite`: a session's files anew, by what is known to be a secret now."""

import sys

from ml_intern.cli import exits
from ml_intern.cli.foreground import session_named
from ml_intern.cli.opening import opened
from ml_intern.cli.quantities import count
from ml_intern.cli.summary import short
from ml_intern.cli.wishes import Wishes
from ml_intern.errors import UnknownSession

SENT = (
    "What was sent to the Hub before stays in the history of its repository; the new files are "
    "sent in their turn. A secret that was ever sent must be revoked.\n"
)


def rewrite(session: str) -> int:
    """Have whoever works in the state directory write them, else do it here."""
    with Wishes() as wishes, opened(wishes, debug=False) as found:
        row = session_named(found.door, session)
        files = found.door.rewrite_trace(row.session_id)
    if not files:
        raise UnknownSession(f"Session {short(row.session_id)} has no trace on this machine.")
    sys.stdout.write(
        f"{count(files, 'file')} of session {short(row.session_id)} written anew.\n{SENT}"
    )
    return exits.DONE
