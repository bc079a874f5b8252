"""Opening the product for one command (settings, log, service), and closing it again."""

import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ml_intern.cli import exits
from ml_intern.cli.logs import StoreTrouble, start_log
from ml_intern.cli.wishes import Wishes
from ml_intern.client.door import Door
from ml_intern.client.remote import connect
from ml_intern.daemon.secrets import redactor_of
from ml_intern.daemon.service import DRAIN_S, Service
from ml_intern.daemon.workers import CUT_S
from ml_intern.errors import Busy, QueueError
from ml_intern.queue.lock import DAEMON, Holder
from ml_intern.settings import Settings, load

log = logging.getLogger(__name__)

AT_ONCE_S = 3.0
"""What leaving at once may take to stop what runs."""
TICK_S = 0.1

_NOT_HERE = (
    "The daemon (process {pid}) works in this state directory, so this process cannot. Leave out "
    "--here, or set ML_INTERN_STATE_DIR to another folder."
)


@dataclass(frozen=True, kw_only=True)
class Opened:
    """What a command works with."""

    door: Door
    trouble: StoreTrouble
    service: Service | None = None
    """The product in this process; None where the daemon behind `door` is asked."""
    model: str | None = None
    """The model that this process's settings name, where the daemon's may name another."""

    @property
    def host(self) -> Holder | None:
        """The process that does the work now; None when nobody does."""
        if self.service is None:
            return Holder(pid=self.door.health().pid, work=DAEMON)
        return self.service.host()

    @property
    def host_pid(self) -> int | None:
        """As `host`, its number alone."""
        return self.door.health().pid if self.service is None else self.service.host_pid()


@contextmanager
def opened(
    wishes: Wishes, *, debug: bool, model: str | None = None, here: bool = False
) -> Iterator[Opened]:
    """The daemon of the state directory, where one runs, else the service of this process.

    `here`: in this process in any case. Raises ConfigError, SandboxError, StoreUnavailable,
    ApiError for a daemon that cannot be talked to, Busy when `here` is where a daemon runs.
    """
    settings = load(model=model)
    daemon = connect(settings.socket_path)
    if daemon is None:
        with _opened_here(wishes, settings, debug=debug) as found:
            yield found
    elif here:
        raise Busy(_NOT_HERE.format(pid=daemon.health().pid), retry_after_s=0.0)
    else:
        with daemon:
            named = settings.model if "model" in settings.model_fields_set else None
            yield Opened(door=daemon, trouble=log_of(settings, debug=debug), model=named)


@contextmanager
def _opened_here(wishes: Wishes, settings: Settings, *, debug: bool) -> Iterator[Opened]:
    service = Service.open(settings)
    try:
        yield Opened(door=service.door, service=service, trouble=log_of(settings, debug=debug))
    finally:
        close(service, wishes)


def log_of(settings: Settings, *, debug: bool) -> StoreTrouble:
    """Start this process's log."""
    redactor = redactor_of(settings)
    return start_log(settings.state_dir, debug=debug, redactor=redactor)


def close(service: Service, wishes: Wishes) -> None:
    """Let running sessions come to a safe point; a new signal ends the process there and then.

    What is lost by that is found again from the journal; confined code dies with this process.
    """
    heard = wishes.stops + wishes.leaves
    patience = (AT_ONCE_S, 0.0) if wishes.stops > 1 else (DRAIN_S, CUT_S)
    closing = threading.Thread(
        target=_close, args=(service, *patience), daemon=True, name="closing"
    )
    closing.start()
    while closing.is_alive() and wishes.stops + wishes.leaves == heard:
        closing.join(TICK_S)
    if closing.is_alive():
        sys.stdout.flush()
        os._exit(exits.INTERRUPTED if wishes.stops else exits.TRY_LATER)


def _close(service: Service, drain_s: float, cut_s: float) -> None:
    try:
        service.close(drain_s, cut_s)
    except QueueError:
        # A full disk, say: it has been told already, and nothing accepted is lost by it.
        log.warning("not_closed", exc_info=True)
