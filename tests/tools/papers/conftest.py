"""The tool `papers`, and the three services that it asks, over real HTTP."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ml_intern.tools.papers.papers import Papers
from ml_intern.tools.protocol import ToolContext, ToolOutcome
from ml_intern.web import Web
from tests.support.clocks import SwiftClock
from tests.support.contexts import a_context
from tests.support.papers_server import PapersServer, papers_server, web_to

Ask = Callable[..., dict[str, Any]]


@dataclass(frozen=True)
class Running:
    """The services of a module's tests, and the one client that asks them."""

    server: PapersServer
    web: Web
    clock: SwiftClock
    cache: Path


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Started once: a client reads the certificates of all authorities, which takes a while."""
    clock, cache = SwiftClock(), tmp_path_factory.mktemp("outside")
    with papers_server() as server, web_to(server, cache, clock) as web:
        yield Running(server, web, clock, cache)


@pytest.fixture
def clock(running: Running) -> SwiftClock:
    return running.clock


@pytest.fixture
def web(running: Running) -> Web:
    return running.web


@pytest.fixture
def server(running: Running) -> PapersServer:
    """As it was at first: nothing of an earlier test is known, and no service is left alone."""
    fresh = PapersServer(url=running.server.url)
    vars(running.server).update(vars(fresh))
    shutil.rmtree(running.cache, ignore_errors=True)
    running.clock.skipped_s += 4_000
    return running.server


@pytest.fixture
def ctx(server: PapersServer, web: Web, tmp_path: Path, clock: SwiftClock) -> ToolContext:
    return a_context(tmp_path, web=web, clock=clock)


@pytest.fixture
def call(ctx: ToolContext) -> Callable[..., ToolOutcome]:
    """The outcome of a call."""
    return lambda operation, **given: Papers().run(
        Papers.arguments(operation=operation, **given), ctx
    )


@pytest.fixture
def ask(call: Callable[..., ToolOutcome]) -> Ask:
    """The answer of a call that works."""

    def answer(operation: str, **given: Any) -> dict[str, Any]:
        outcome = call(operation, **given)
        assert outcome.ok, outcome.output
        return json.loads(outcome.output)

    return answer
