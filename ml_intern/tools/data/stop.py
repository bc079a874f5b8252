"""How the long loops over a dataset end early."""

import threading

from ml_intern.errors import InputError


class Stopped(InputError):
    """The call was interrupted, or its time is over."""


def check(cancelled: threading.Event) -> None:
    """Raises Stopped when the call should end."""
    if cancelled.is_set():
        raise Stopped(
            "Stopped before the whole dataset was read. Run it again, or on a part of the data."
        )
