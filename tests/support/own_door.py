"""The product's own door over a store in which nobody works; trouble can be made."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from ml_intern.client.door import Health
from ml_intern.clock import SystemClock
from ml_intern.daemon.hub import Hub
from ml_intern.daemon.local import LocalDoor, Parts
from ml_intern.daemon.supervisor import Supervisor
from ml_intern.errors import ConfigError
from ml_intern.events import Effect
from ml_intern.llm.autopilot import Autopilot
from ml_intern.llm.client import ModelClient
from ml_intern.messages import SessionId
from ml_intern.queue.store import Store
from ml_intern.sandbox.unconfined import NoSandbox
from ml_intern.session.desk import Caps, Limits
from ml_intern.tools.policy import Rule
from ml_intern.tools.protocol import Arguments, Tool, ToolContext, ToolOutcome, succeed
from ml_intern.tools.router import ToolRouter
from ml_intern.tracing.upload.uploader import Uploads
from ml_intern.tracing.writer import TraceWriter
from tests.support.contexts import a_place

STOP_S = 10.0


class CommandArguments(Arguments):
    command: str
    deep: list[dict[str, Any]] = Field(default_factory=list)


class Command(Tool[CommandArguments]):
    """Is asked about, and never run."""

    name: ClassVar[str] = "bash"
    description: ClassVar[str] = "A command."
    arguments = CommandArguments
    effect: ClassVar[Effect] = "external"

    def run(self, args: CommandArguments, ctx: ToolContext) -> ToolOutcome:
        return succeed(args.command)


RULES = (
    Rule(
        tool="bash",
        verdict="deny",
        place="config.toml line 3",
        arguments={"command": "*sudo*"},
        reason="no",
    ),
)


class OwnDoor:
    """`LocalDoor`, whose every method raises `trouble` if there is any."""

    def __init__(self, folder: Path, uploads: Callable[[], Uploads] = Uploads) -> None:
        """`uploads`: how sending of traces goes."""
        clock = SystemClock()
        self.store = Store.open(folder / "ml-intern.db", clock)
        self.trouble: Exception | None = None
        self._readers = Supervisor(clock)
        self._hub = Hub(self.store.journal, clock, partial(self._readers.start, "news"))
        self._local = LocalDoor(
            Parts(
                store=self.store,
                router=ToolRouter([Command()], RULES),
                traces=TraceWriter(self.store, folder / "traces"),
                hub=self._hub,
                clock=clock,
                models=_model,
                default_model="autopilot",
                sessions=folder / "sessions",
                limits=Limits(max_iterations=300, max_turn_s=60, caps=Caps(day_micro_usd=1000)),
                runs_here=lambda handle: bool(handle.get("here")),
                place=lambda _row, said: a_place(folder, said=said, sandbox=NoSandbox()),
                uploads=uploads,
            )
        )

    def close(self) -> None:
        self.store.end_waits("news")
        self._readers.stop(STOP_S)
        self.store.close()

    def say(self, session_id: SessionId, text: str) -> None:
        """The session's model writes this."""
        self._hub.say(session_id, text)

    def health(self) -> Health:
        return replace(self._local.health(), trouble=str(self.trouble or ""))

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._local, name)

        def guarded(*given: Any, **named: Any) -> Any:
            if self.trouble is not None:
                raise self.trouble
            return method(*given, **named)

        return guarded


def _model(name: str) -> ModelClient:
    if name == "gpt-9":
        raise ConfigError(f"There is no model {name!r}; set another.")
    return Autopilot()
