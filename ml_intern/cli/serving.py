"""`serve`: settings, log and signals of the service; what it does stands in `daemon/serve.py`."""

import faulthandler
import os
import sys

from ml_intern.cli import exits
from ml_intern.cli.logs import (
    Renderer,
    coloured_line,
    journal_line,
    json_line,
    plain_line,
    start_service_log,
)
from ml_intern.cli.wishes import Wishes
from ml_intern.clock import SystemClock
from ml_intern.daemon.secrets import redactor_of
from ml_intern.daemon.serve import Daemon
from ml_intern.daemon.systemd import Notifier, journal_stream
from ml_intern.settings import Settings, load


def serve(*, database: str | None, debug: bool) -> int:
    """Until SIGTERM or Ctrl-C, and then until all is drained."""
    settings = load(database=database)
    redactor = redactor_of(settings)
    faulthandler.enable()  # a watchdog that bites leaves all stacks in the journal
    start_service_log(sys.stderr, _renderer(settings), debug=debug, redactor=redactor)
    with Wishes() as wishes:
        daemon = Daemon(
            settings,
            SystemClock(),
            signals=lambda: wishes.stops + wishes.leaves,
            notifier=Notifier.of(os.environ),
        )
        daemon.run()
    return exits.DONE


def _renderer(settings: Settings) -> Renderer:
    if journal_stream(os.environ):
        return plain_line if settings.log_format == "text" else journal_line
    if settings.log_format == "json":
        return json_line
    return coloured_line if sys.stderr.isatty() else plain_line
