"""The tool `papers`, and the three services that it asks, over real HTTP."""

import json
from collections.abc import Callable, Iterator
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


@pytest.fixture
def clock() -> SwiftClock:
    return SwiftClock()


@pytest.fixture
def server() -> Iterator[PapersServer]:
    with papers_server() as running:
        yield running


@pytest.fixture
def web(server: PapersServer, tmp_path: Path, clock: SwiftClock) -> Iterator[Web]:
    with web_to(server, tmp_path / "outside", clock) as client:
        yield client


@pytest.fixture
def ctx(web: Web, tmp_path: Path, clock: SwiftClock) -> ToolContext:
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
