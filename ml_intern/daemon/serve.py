"""`ml-intern serve`: the product as a service, from its start to its drained end.

Ready means: the store is migrated and recovered, the socket answers, and a worker has looked for
work. The first signal closes the intake and lets running steps end within `drain_s`; a second one
cuts them short. Jobs go on in any case. Main thread only; the work is done by others.
"""

import logging
import os
import threading
from collections.abc import Callable

from ml_intern.api.app import build_app
from ml_intern.api.server import ApiServer
from ml_intern.client.door import Health
from ml_intern.client.line import listens
from ml_intern.clock import Clock
from ml_intern.daemon.cautions import cautions
from ml_intern.daemon.service import Service
from ml_intern.daemon.systemd import Heartbeat, Notifier, watchdog_interval_s
from ml_intern.daemon.workers import CLAIMS, KEEPER, WRITER
from ml_intern.errors import Busy, ConfigError
from ml_intern.queue.lock import DAEMON
from ml_intern.settings import Settings

log = logging.getLogger(__name__)

TICK_S = 0.2
STATUS_EVERY_S = 2.0
START_PATIENCE_S = 60.0
LOOP_LIMITS_S = {CLAIMS: 15.0, KEEPER: 15.0, WRITER: 20.0}
"""A loop that has not come round for so long hangs, and the watchdog is not fed."""
API_STOP_S = 3.0
RETRY_S = 5.0
LATE_MESSAGE_S = 60.0
"""A message to Slack that has waited so long is worth a word."""
EXTEND_S = 30.0
"""For what comes after `drain_s`: steps that were cut short, readers, the store."""


class Daemon:
    """One service in this process."""

    def __init__(
        self, settings: Settings, clock: Clock, signals: Callable[[], int], notifier: Notifier
    ) -> None:
        """`signals`: how many that ask to stop have come so far."""
        self._settings = settings
        self._clock = clock
        self._signals = signals
        self._notifier = notifier
        self._heart = Heartbeat(clock)
        self._claimed = threading.Event()
        """A worker has looked for work."""
        self._never = threading.Event()
        self._status = ""
        self._status_at = self._feed_at = clock.monotonic()
        self._feed_every_s = watchdog_interval_s(os.environ)

    def run(self) -> None:
        """Serve until a signal comes, then drain. Raises ConfigError, StoreUnavailable."""
        service = Service.open(self._settings, self._clock)
        try:
            self._serve(service)
        finally:
            service.close(0.0)

    def _serve(self, service: Service) -> None:
        if service.host_pid() is not None:
            raise self._taken(service)
        for caution in cautions(self._settings):
            log.warning("caution", extra={"found": caution.found, "next_step": caution.next_step})
        service.warm()
        server = ApiServer(build_app(service.door), self._settings.socket_path)
        server.start()  # first: a daemon that cannot listen must not begin to work
        try:
            self._host(service)
            self._clock.wait(self._claimed, START_PATIENCE_S)
            self._look_after(service)
            self._drain(service)
        finally:
            server.stop(API_STOP_S)

    def _host(self, service: Service) -> None:
        for name, within_s in LOOP_LIMITS_S.items():
            self._heart.expect(name, within_s=within_s)
        if not service.try_host(self._beat, work=DAEMON, with_slack=True, with_uploads=True):
            raise self._taken(service)

    def _taken(self, service: Service) -> ConfigError | Busy:
        """A second daemon is a mistake; a command in the foreground soon comes to its end."""
        who = service.host() or "Another process"
        words = f"{who} works in {self._settings.state_dir} already, and only one may."
        if listens(self._settings.socket_path):
            return ConfigError(f"{words} Stop it, {_ELSEWHERE}")
        return Busy(f"{words} Wait until it ends, or stop it, {_ELSEWHERE}", retry_after_s=RETRY_S)

    def _beat(self, loop: str) -> None:
        self._heart.beat(loop)
        if loop == CLAIMS:
            self._claimed.set()

    def _look_after(self, service: Service) -> None:
        """Until the first signal."""
        self._tell(service.door.health())
        self._notifier.ready()
        log.info("ready", extra={"socket": str(self._settings.socket_path)})
        while not self._signals():
            self._feed_watchdog()
            if self._clock.monotonic() >= self._status_at:
                self._tell(service.door.health())
            self._clock.wait(self._never, TICK_S)

    def _feed_watchdog(self) -> None:
        now = self._clock.monotonic()
        if self._feed_every_s is None or now < self._feed_at:
            return
        self._feed_at = now + self._feed_every_s
        if late := self._heart.late(now):
            log.error("loops_hang", extra={"loops": ", ".join(late)})
        else:
            self._notifier.alive()

    def _tell(self, health: Health) -> None:
        self._status_at = self._clock.monotonic() + STATUS_EVERY_S
        words = status(health)
        if words != self._status:
            self._status = words
            self._notifier.status(words)

    def _drain(self, service: Service) -> None:
        """Running steps get `drain_s` seconds, or until the next signal."""
        heard = self._signals()
        self._notifier.stopping()
        self._notifier.status("draining: running steps come to their end")
        log.info("draining", extra={"within_s": self._settings.drain_s})
        draining = threading.Thread(
            target=service.drain, args=(self._settings.drain_s,), name="draining", daemon=True
        )
        draining.start()
        self._notifier.extend(self._settings.drain_s + EXTEND_S)
        while draining.is_alive() and self._signals() == heard:
            self._wait_for(draining)
        if draining.is_alive():
            log.warning("hurrying")
            service.hurry()
        while draining.is_alive():
            self._wait_for(draining)
        log.info("drained")

    def _wait_for(self, draining: threading.Thread) -> None:
        """Loops that have ended are no reason for the watchdog to bite."""
        self._notifier.alive()
        draining.join(TICK_S)


def status(health: Health) -> str:
    """How it is, in one line."""
    if health.trouble:
        return f"degraded: {health.trouble}"
    approvals, unknowns = health.open_approvals, health.unknown_calls
    words = (
        f"{health.running} running, {health.queued} queued, {health.waiting} waiting, "
        f"{approvals} approval{'' if approvals == 1 else 's'} open"
    )
    if unknowns:
        words += f", {unknowns} unknown outcome{'' if unknowns == 1 else 's'} (ml-intern resolve)"
    if health.oldest_message_s >= LATE_MESSAGE_S:
        late_min = int(health.oldest_message_s // 60)
        words += f", {health.messages_waiting} for Slack, the first for {late_min} min"
    return words


_ELSEWHERE = "or set ML_INTERN_STATE_DIR to another folder."
