"""Old mail goes: all of it at once, and once an hour."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_intern.daemon.sweeping import EVERY_S, KEEP, Sweeping
from ml_intern.queue import mail
from ml_intern.queue.mail import Draft
from ml_intern.queue.store import Store
from tests.queue.given import HERE, HandClock

SLACK = "slack"
MANY = 3 * mail.PRUNED_AT_ONCE + 1


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def store(tmp_path: Path, clock: HandClock) -> Iterator[Store]:
    store = Store.open(tmp_path / "db", clock, HERE)
    yield store
    store.close()


def whispers(store: Store, name: str, number: int) -> None:
    """That many are told."""
    store.mail.put(
        SLACK, [Draft(lane=f"{name}{n}", dedupe=f"{name}{n}", body={}) for n in range(number)]
    )
    for post in store.mail.ready(SLACK, number):
        store.mail.drop(post, "superseded")


def test_all_old_mail_goes_and_new_mail_stays(store: Store, clock: HandClock) -> None:
    whispers(store, "old", MANY)
    sweeping = Sweeping(store, clock)
    clock.passed_s += KEEP.total_seconds() + 1
    whispers(store, "new", 1)
    sweeping()
    assert store.mail.counts(SLACK) == {"superseded": 1}


def test_it_looks_once_an_hour(store: Store, clock: HandClock) -> None:
    sweeping = Sweeping(store, clock)
    sweeping()
    whispers(store, "old", 1)
    clock.passed_s += EVERY_S - 1
    sweeping()
    assert store.mail.counts(SLACK) == {"superseded": 1}
    clock.passed_s += KEEP.total_seconds()
    sweeping()
    assert store.mail.counts(SLACK) == {}
