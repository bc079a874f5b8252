"""Shifts: one holds the row, gives it back, and goes on at once after the store was away."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_intern.clock import SystemClock
from ml_intern.errors import LeaseLost, StoreUnavailable
from ml_intern.queue.mail import HOLD_S, Mail
from ml_intern.queue.store import Store
from ml_intern.slack.shift import KEEP_S, Shift, in_shifts
from tests.queue.given import HERE, HandClock

NAME = "slack-sender-0"


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def mail(tmp_path: Path, clock: HandClock) -> Iterator[Mail]:
    store = Store.open(tmp_path / "db", clock, HERE)
    yield store.mail
    store.close()


def test_a_row_is_kept_anew_only_when_that_was_a_while_ago(mail: Mail, clock: HandClock) -> None:
    held = mail.hold(NAME)
    assert held is not None
    shift = Shift(mail, clock, held)
    for _ in range(20):
        clock.passed_s += KEEP_S + 0.1
        shift.keep()
    assert mail.hold(NAME) is None
    clock.passed_s += HOLD_S + 1
    assert mail.hold(NAME) is not None
    with pytest.raises(LeaseLost):
        shift.keep()


def test_whoever_has_lost_the_row_waits_for_it(mail: Mail, clock: HandClock) -> None:
    stop = threading.Event()
    shifts = []

    def work(shift: Shift) -> None:
        shifts.append(shift.held.token)
        if len(shifts) == 2:
            stop.set()
            return
        clock.passed_s += HOLD_S + 1
        assert mail.hold(NAME) is not None, "another one takes it"
        shift.keep()

    in_shifts(mail, clock, NAME, work, stop)
    assert shifts == [1, 3]
    assert mail.hold(NAME) is not None, "it was given back"


def test_after_the_store_was_away_the_row_is_not_waited_for(tmp_path: Path) -> None:
    clock = SystemClock()
    store = Store.open(tmp_path / "db", clock, HERE)
    stop = threading.Event()
    shifts = []
    away = threading.Event()

    class Leaky(Mail):
        """Cannot give anything back while the store is away."""

        def release(self, held) -> None:
            if away.is_set():
                away.clear()
                raise StoreUnavailable("The disk is full.")
            super().release(held)

    mail = Leaky(store.mail._database, clock, store.mail._bell, store.mail._write)

    def work(shift: Shift) -> None:
        shifts.append(clock.monotonic())
        if len(shifts) == 2:
            stop.set()
            return
        away.set()
        raise StoreUnavailable("The disk is full.")

    in_shifts(mail, clock, NAME, work, stop)
    assert shifts[1] - shifts[0] < HOLD_S / 2
    store.close()


def test_a_bug_is_not_swallowed_and_gives_the_row_back(mail: Mail, clock: HandClock) -> None:
    with pytest.raises(ZeroDivisionError):
        in_shifts(mail, clock, NAME, lambda _shift: 1 // 0, threading.Event())
    assert mail.hold(NAME) is not None
