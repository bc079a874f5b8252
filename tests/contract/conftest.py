"""Every implementation of the store, each under the same tests."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ml_intern.queue.owner import Owner
from ml_intern.queue.store import Store
from tests.queue.given import HERE, HandClock

OpenStore = Callable[..., Store]


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture(params=["sqlite"])
def open_store(
    request: pytest.FixtureRequest, tmp_path: Path, clock: HandClock
) -> Iterator[OpenStore]:
    """Opens further stores on one and the same database."""
    assert request.param == "sqlite"
    opened = []

    def open_one(owner: Owner = HERE) -> Store:
        opened.append(Store.open(tmp_path / "state" / "ml-intern.db", clock, owner))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: OpenStore) -> Store:
    return open_store()
