"""Shifts: of several processes one holds a row of `reader`, and does what the row names.

A shift ends when its work does, or when another process has the row, which happens when it was
not kept for `HOLD_S` seconds. Whoever does what others see keeps it just before.
"""

import logging
import threading
from collections.abc import Callable
from contextlib import suppress

from ml_intern.clock import Clock
from ml_intern.errors import LeaseLost, StoreUnavailable
from ml_intern.queue.mail import HOLD_S, Held, Mail

log = logging.getLogger(__name__)

KEEP_S = HOLD_S / 6
"""A row that was held no longer ago is not held anew."""
LOOK_S = 1.0
"""How often one looks whether the row is free."""


class Shift:
    """Belongs to one thread."""

    def __init__(self, mail: Mail, clock: Clock, held: Held) -> None:
        self.held = held
        self._mail = mail
        self._clock = clock
        self._kept_at = clock.monotonic()

    def keep(self) -> None:
        """Hold the row anew if that was a while ago. Raises LeaseLost when another has it."""
        if self._clock.monotonic() - self._kept_at > KEEP_S:
            now = self._clock.monotonic()
            self._mail.renew(self.held)
            self._kept_at = now


def in_shifts(
    mail: Mail,
    clock: Clock,
    name: str,
    work: Callable[[Shift], None],
    stop: threading.Event,
    begin_at: Callable[[], int] = lambda: 0,
) -> None:
    """Run `work` whenever nobody else holds the row `name`, until `stop` is set.

    `begin_at`: see `Mail.hold`. Waits while the store is away, and gives back then what it could
    not give back before. Raises what else `work` raises.
    """
    held: Held | None = None
    is_away = False
    while not stop.is_set():
        try:
            if held is not None:
                _give_back(mail, held)
            held, is_away = mail.hold(name, begin_at()), False
            if held is not None:
                log.info("slack_shift_begins", extra={"shift": name})
                work(Shift(mail, clock, held))
        except LeaseLost:
            log.warning("slack_shift_lost", extra={"shift": name})
        except StoreUnavailable as exc:
            if not is_away:
                log.error("slack_store_away", extra={"shift": name, "error": str(exc)})  # noqa: TRY400
            is_away = True
        finally:
            with suppress(StoreUnavailable):  # then its time ends it
                if held is not None:
                    _give_back(mail, held)
                held = None
        clock.wait(stop, LOOK_S)


def _give_back(mail: Mail, held: Held) -> None:
    with suppress(LeaseLost):  # another daemon has taken the turn
        mail.release(held)
