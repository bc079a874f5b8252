"""What holds for all tests."""

import gc
import os
import signal
from collections.abc import Generator, Iterator

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from tests.support.nursery import Nursery
from tests.support.postgres import PostgresServer, binaries, postgres

settings.register_profile("chaos", max_examples=5_000, stateful_step_count=50)
"""For the random histories of the store, hours of them: see `make chaos`."""
TRAINING = "tests/tools/training/"
LONGEST_FIRST = (
    "tests/scenario/",
    "tests/chaos/",
    TRAINING,
    "tests/recipes/",
    "tests/cli/test_main.py",
    "tests/contract/",
)
"""Begun first, so that in the end no worker is left alone with minutes of work."""
TOGETHER = (
    (TRAINING,),
    ("tests/scenario/test_approval.py", "tests/scenario/test_replay.py"),
)
"""What shares a session that has trained: one worker gets them all, and trains once."""


def pytest_configure() -> None:
    """Signals do what they do in a terminal, also where the tests were started in the background.

    A shell starts background commands with SIGINT ignored, `nohup` with SIGHUP, and children
    inherit that.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is collected stays: to look through it for garbage is a fifth of the collection."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Workers begin to collect at different places.

    All of them need every module of tests with its assertions written anew, which is a third of
    the collection. So each writes a share, and finds that of the others done.
    """
    report = yield
    if report.passed and isinstance(collector, pytest.Package):
        begin = int(len(report.result) * _share_done_by_others())
        report.result = report.result[begin:] + report.result[:begin]
    return report


def _share_done_by_others() -> float:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    return int(worker) / int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))


class Together(LoadFileScheduling):
    """A worker gets a file, or all files that stand `TOGETHER`."""

    def _split_scope(self, nodeid: str) -> str:
        found = (group[0] for group in TOGETHER if nodeid.startswith(group))
        return next(found, None) or super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Together | None:
    return Together(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In the order of `LONGEST_FIRST`, all others after them, and alike in every worker."""
    items.sort(key=_place)


def _place(item: pytest.Item) -> tuple[int, str]:
    """Those of a file stay together, and as they stand in it."""
    found = (n for n, where in enumerate(LONGEST_FIRST) if item.nodeid.startswith(where))
    return next(found, len(LONGEST_FIRST)), item.nodeid.partition("::")[0]


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server for all tests of this process."""
    if binaries() is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with postgres() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> str:
    """A database of its own for each test."""
    return postgres_server.new_database()


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Makes the processes of `ml-intern` for all tests of this process."""
    with Nursery() as made:
        yield made
