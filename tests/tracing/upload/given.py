"""Session files that grow, an uploader over them, and hours that pass in no time."""

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub.utils._http import default_client_factory

from ml_intern.clock import SystemClock, parse_stamp
from ml_intern.hub.client import Client
from ml_intern.hub.connection import connections_to
from ml_intern.messages import Usage
from ml_intern.tracing.upload.uploader import Pace, Uploader
from ml_intern.transcript.line import Answered, Body, Line, Replied, Said, Text, ToolUse, encode
from tests.support.hub import TOKEN, USER, HubServer

REPO = f"{USER}/ml-intern-sessions"
DAY = "2026-11-20"
START = parse_stamp("2026-11-20T09:14:01.007Z")


class Session:
    """One session's file, written by hand."""

    def __init__(self, traces: Path, number: int = 1, day: str = DAY) -> None:
        self.id = str(uuid.uuid5(uuid.NAMESPACE_DNS, str(number)))
        self.path = f"sessions/{day}/{self.id}.jsonl"
        self.file = traces / self.path
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self._lines = 0
        self._replies = 0

    def says(self, text: str = "Train a model.") -> "Session":
        return self._write(Said(text=text))

    def replies(self, text: str = "Done.", calls: tuple[str, ...] = ()) -> "Session":
        self._replies += 1
        uses = [ToolUse(use_id=one, name="bash", input={"command": "ls"}) for one in calls]
        return self._write(
            Replied(
                message_id=f"msg_{self._replies}",
                request_id=f"req_{self._replies}",
                model="autopilot",
                blocks=(Text(text=text), *uses),
                stop_reason="tool_use" if calls else "end_turn",
                usage=Usage(input_tokens=1, output_tokens=1),
            )
        )

    def answers(self, call: str, text: str = "a.csv") -> "Session":
        body = Answered(use_id=call, text=text, is_error=False, details={}, asked_in="0")
        return self._write(body)

    def turn(self, text: str = "Go on.") -> "Session":
        """Both sides speak."""
        return self.says(text).replies()

    def _write(self, body: Body) -> "Session":
        self._lines += 1
        line = Line(
            session_id=self.id,
            uuid=str(uuid.uuid5(uuid.UUID(self.id), str(self._lines))),
            parent=None,
            at=START + timedelta(seconds=self._lines),
            version="0.1.0",
            body=body,
        )
        with self.file.open("ab") as file:
            file.write(encode(line))
        return self

    @property
    def content(self) -> bytes:
        return self.file.read_bytes()


class Hours(SystemClock):
    """Time that passes when somebody waits, and only then; what is to happen meanwhile happens."""

    def __init__(self) -> None:
        self.time, self.seconds = START, 0.0
        self.until = 0.0
        self._plans: list[tuple[float, Callable[[], object]]] = []

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.seconds

    def after(self, seconds: float, act: Callable[[], object]) -> None:
        self._plans.append((self.seconds + seconds, act))

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        self.seconds += timeout_s
        self.time += timedelta(seconds=timeout_s)
        due = [plan for plan in self._plans if plan[0] <= self.seconds]
        self._plans = [plan for plan in self._plans if plan[0] > self.seconds]
        for _, act in due:
            act()
        if self.seconds >= self.until:
            event.set()
        return event.is_set()


class Direct(Client):
    """The client in this process, which is enough where nothing hangs."""

    def close(self) -> None:
        """Nothing is held."""


class World:
    """A folder of traces, the Hub, and uploaders one after the other."""

    def __init__(self, hub: HubServer, traces: Path) -> None:
        self.hub = hub
        self.traces = traces
        self.clock = Hours()
        self.token: str | None = TOKEN
        self.uploader = self.new()

    def new(self, **changes: object) -> Uploader:
        """As after a restart."""
        given = {
            "endpoint": self.hub.url,
            "template": "{user}/ml-intern-sessions",
            "token": lambda: self.token,
            "connect": lambda token, _stop: Direct(self.hub.url, token),
            "clock": self.clock,
            "pace": Pace(),
            "jitter": lambda: 0.5,
        }
        self.uploader = Uploader(self.traces, **{**given, **changes})
        return self.uploader

    def pass_by(self, seconds: float) -> None:
        """The uploader at work for so long."""
        self.clock.until = self.clock.seconds + seconds
        self.uploader.run(threading.Event())

    @property
    def repository(self):
        return self.hub.datasets.repository(REPO)

    @property
    def sent(self) -> dict[str, bytes]:
        """The session files that the Hub has."""
        files = self.repository.files
        return {path: files[path].content for path in files if path.startswith("sessions/")}

    @property
    def commits(self) -> int:
        """Ours, and those of people; without the Hub's first one."""
        return len(self.repository.commits) - 1

    @property
    def trouble(self) -> str:
        return self.uploader.uploads.trouble


@contextmanager
def a_world(hub: HubServer, traces: Path) -> Iterator[World]:
    """With the Hub's client in this process, set up as it is in its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
        huggingface_hub.set_client_factory(connections_to(hub.url))
        try:
            yield World(hub, traces)
        finally:
            huggingface_hub.set_client_factory(default_client_factory)
