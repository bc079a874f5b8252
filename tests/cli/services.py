"""A whole service whose model is a script: real store, real workers, real tools."""

import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ml_intern.cli.person import Person
from ml_intern.cli.screen import Lines
from ml_intern.client.door import NewSession
from ml_intern.clock import SystemClock
from ml_intern.daemon.service import Service
from ml_intern.llm.scripted import Answer, ScriptedModel, calling
from ml_intern.messages import AssistantMessage, SessionId
from ml_intern.queue.store import Store
from ml_intern.settings import Settings


@contextmanager
def scripted_service(state_dir: Path, answers: Iterable[Answer] = ()) -> Iterator[Service]:
    """A service over `state_dir` whose sessions get these answers, in order."""
    model = ScriptedModel("autopilot", answers)
    clock = SystemClock()
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    store = Store.open(state_dir / "ml-intern.db", clock)
    settings = Settings(state_dir=state_dir, sandbox="process", workers=2)
    service = Service(settings, clock, store, clients=[model])
    try:
        yield service
    finally:
        service.close(drain_s=5.0)


def started(service: Service, task: str = "Do it", **more: Any) -> SessionId:
    """A new session with this task, typed by Ada."""
    return service.door.start_session(NewSession(task=task, started_in="/", author="ada", **more))


def change(becomes: str = "8") -> AssistantMessage:
    """The model asks for a yes; nothing happens after it but the answer."""
    arguments = {"what": "batch", "was": "32", "becomes": becomes, "why": "memory"}
    return calling(propose_change=arguments)


class TypingPerson(Person):
    """Types these lines; before each, `meanwhile` happens elsewhere."""

    def __init__(self, *lines: str | None, meanwhile: Callable[[], object] = bool) -> None:
        self.told = io.StringIO()
        super().__init__(Lines(self.told))
        self.asked: list[str] = []
        self._lines = list(lines)
        self._meanwhile = meanwhile

    def line(self, prompt: str, look: Callable[[], bool]) -> str | None:
        self.asked.append(prompt)
        self._meanwhile()
        return None if look() else self._lines.pop(0)
