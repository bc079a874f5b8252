"""What each exit status of the command line means. Scripts rely on these numbers."""

from ml_intern.errors import (
    Busy,
    ConfigError,
    DaemonGone,
    HubAway,
    HubOvertaken,
    HubRefused,
    InputError,
    MLInternError,
    SandboxError,
    StoreUnavailable,
    UnknownSession,
)

DONE = 0
FAILED = 1
USAGE = 2
STOPPED = 3
"""At a limit: iterations, time."""
WAITING = 4
"""A person must answer."""
DAMAGED = 65
"""sysexits' EX_DATAERR: `fsck` has found rows that cannot be right."""
TRY_LATER = 75
"""sysexits' EX_TEMPFAIL: the session was left as it stands for a later `resume`; or store or daemon
are full, busy, or cannot be reached.
"""
OTHER_SCHEMA = 76
"""sysexits' EX_PROTOCOL: the database is of another version of ml-intern, and was not judged."""
CONFIGURATION = 78
"""sysexits' EX_CONFIG."""
INTERRUPTED = 130
READER_GONE = 141
"""As a shell reports a program that wrote to a closed pipe."""

_OF_OUTCOME = {
    "finished": DONE,
    "failed": FAILED,
    "stopped": STOPPED,
    "waiting": WAITING,
    "interrupted": INTERRUPTED,
}


def of_outcome(outcome: str | None) -> int:
    """The status for how a session's last turn ended; None: it has not ended, it was left."""
    return TRY_LATER if outcome is None else _OF_OUTCOME[outcome]


def of_error(error: MLInternError) -> int:
    """The status for an error, by who must act."""
    if isinstance(error, ConfigError | SandboxError | HubRefused):
        return CONFIGURATION
    if isinstance(error, InputError | UnknownSession):
        return USAGE
    if isinstance(error, Busy | DaemonGone | StoreUnavailable | HubAway | HubOvertaken):
        return TRY_LATER
    return FAILED
