"""The tools of the Hub, called as the turn calls them, on a Hub of the test's own."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ml_intern.events import Fact
from ml_intern.hub.away import HubAbroad
from ml_intern.tools.catalogue import all_tools
from ml_intern.tools.protocol import ToolContext, ToolOutcome
from ml_intern.tools.router import Prepared, ToolRouter
from ml_intern.tools.untrusted import END
from ml_intern.web import Cache, Service, Web
from tests.support.clocks import SwiftClock
from tests.support.hub import TOKEN, HubServer
from tests.support.outside import Outside
from tests.support.places import context_in, real_place


class Caller:
    """Calls tools, in the name of `token`."""

    def __init__(self, folder: Path, hub_url: str, viewer_url: str) -> None:
        self.token: str | None = TOKEN
        self.clock = SwiftClock()
        self.outcome: ToolOutcome | None = None
        services = [
            Service(
                name=name,
                base_url=url,
                secrets=lambda: {"Authorization": f"Bearer {self.token}"} if self.token else {},
            )
            for name, url in (("hub", hub_url), ("datasets_server", viewer_url))
        ]
        self.web = Web(services, Cache(folder / "outside"), self.clock, user_agent="test")
        place = real_place(folder, web=self.web, clock=self.clock)
        self.context = context_in(place)
        self.router = ToolRouter(all_tools())

    def prepared(self, tool: str, /, **arguments: Any) -> Prepared:
        call = self.router.prepare(tool, arguments)
        assert isinstance(call, Prepared), call
        return self.router.settle(call, self.context)

    def __call__(self, tool: str, /, **arguments: Any) -> dict[str, Any]:
        """The answer; `error` in it is why there is none."""
        outcome = self.router.run(self.prepared(tool, **arguments), self.context, threading.Event())
        assert isinstance(outcome, ToolOutcome)
        self.outcome = outcome
        text = outcome.output
        if text.startswith("[OUTSIDE TEXT"):
            text = text.partition("\n")[2].rpartition(END)[0]
        found: dict[str, Any] = json.loads(text)
        assert ("error" in found) is not outcome.ok
        return found

    @property
    def facts(self) -> tuple[Fact, ...]:
        """Of the last answer."""
        assert self.outcome is not None
        return self.outcome.facts

    def connect(self, connect: Callable[[threading.Event], HubAbroad]) -> None:
        """How the Hub is reached for what changes it."""
        self.with_context(place=replace(self.context.place, connect_hub=connect))

    def with_context(self, **changes: Any) -> ToolContext:
        self.context = replace(self.context, **changes)
        return self.context


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        yield server


@pytest.fixture
def viewer() -> Iterator[Outside]:
    with Outside({}) as server:
        yield server


@pytest.fixture
def call(tmp_path: Path, hub: HubServer, viewer: Outside) -> Iterator[Caller]:
    caller = Caller(tmp_path, hub.url, viewer.url)
    yield caller
    caller.web.close()
