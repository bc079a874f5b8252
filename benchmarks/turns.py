"""Our own CPU per turn of the loop: one session, a scripted model, a tool that does nothing."""

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from ml_intern.clock import SystemClock
from ml_intern.compute.hub import HubHardware
from ml_intern.events import SessionStarted
from ml_intern.llm.client import ModelClient, ModelReply, ignore_text, never
from ml_intern.messages import AssistantMessage, CallId, Message, SessionId, ToolCall, ToolSpec
from ml_intern.ops import UserInput
from ml_intern.queue.store import Store
from ml_intern.sandbox.unconfined import NoSandbox
from ml_intern.session.desk import Desk, Limits, Signals
from ml_intern.session.handlers import handle
from ml_intern.tools.protocol import Arguments, Tool, ToolContext, ToolOutcome, Workplace, succeed
from ml_intern.tools.router import ToolRouter
from ml_intern.web import Cache, Web

SESSION = SessionId("11111111-1111-4111-8111-111111111111")
WINDOW = 20
"""Turns that one figure is the mean of."""


class TurnArguments(Arguments):
    """No turn is like another: the guards would end one that goes in circles."""

    turn: int


class Nothing(Tool[TurnArguments]):
    """Answers 2 kB at once."""

    name: ClassVar[str] = "nothing"
    description: ClassVar[str] = "Nothing."
    arguments = TurnArguments
    effect: ClassVar[Any] = "write"

    def run(self, args: TurnArguments, ctx: ToolContext) -> ToolOutcome:
        return succeed("x" * 2000)


class Clocked:
    """Calls the tool for ever, and notes the process's CPU and commit time at each turn."""

    name = "clocked"

    def __init__(self, turns: int, commit_s: Callable[[], float]) -> None:
        self.turns = turns
        self.commit_s = commit_s
        self.marks: list[tuple[float, float]] = []

    def worst_cost_micro_usd(self, *_: object) -> int | None:
        return 0

    def complete(
        self,
        messages: Sequence[Message],
        tools: Sequence[ToolSpec],
        *,
        on_text: Callable[[str], None] = ignore_text,
        cancelled: Callable[[], bool] = never,
    ) -> ModelReply:
        self.marks.append((time.process_time(), self.commit_s()))
        over = len(self.marks) > self.turns
        arguments = f'{{"turn": {len(self.marks)}}}'
        call = ToolCall(call_id=CallId("c"), name="nothing", arguments=arguments)
        return ModelReply(
            message=AssistantMessage(
                text="end" if over else "", tool_calls=() if over else (call,)
            ),
            stop_reason="end" if over else "tool_calls",
            model=self.name,
            cost_micro_usd=0,
        )


class TimedStore:
    """The store, with the wall time of its writes added up."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.seconds = 0.0

    def append(self, *given: Any, **how: Any) -> Any:
        started = time.perf_counter()
        try:
            return self._store.append(*given, **how)
        finally:
            self.seconds += time.perf_counter() - started

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def cpu_per_turn(turn: int) -> tuple[float, float]:
    """CPU and commit milliseconds of the turns around number `turn`."""
    with tempfile.TemporaryDirectory(dir=Path.home()) as folder:
        root = Path(folder)
        store = TimedStore(Store.open(root / "ml-intern.db", SystemClock()))
        model = Clocked(turn + WINDOW, lambda: store.seconds)
        run_session(root, store, model)
        store.close()
    first, last = model.marks[turn - 1], model.marks[turn - 1 + WINDOW]
    return tuple((b - a) / WINDOW * 1000 for a, b in zip(first, last, strict=True))  # type: ignore[return-value]


def run_session(
    root: Path, store: Any, model: ModelClient, tools: Sequence[Tool[Any]] = (Nothing(),)
) -> None:
    """One session from its first op to the end of its turn, in this thread."""
    (root / "workspace").mkdir(exist_ok=True)
    started = SessionStarted(
        title="t", model="m", workspace=str(root / "workspace"), started_in="/", version="0"
    )
    store.create_session(SESSION, started, UserInput(text="go", author="bench"))
    place = Workplace(
        session_id=SESSION,
        workspace=root / "workspace",
        started_in=root,
        said=(),
        records=root,
        held_out=root,
        jobs=root,
        published=root,
        sandbox=NoSandbox(),
        compute=None,  # type: ignore[arg-type]
        hub=HubHardware(root / "hub_hardware.json", SystemClock()),
        clock=SystemClock(),
        training_python=Path("/usr/bin/python3"),
        network=False,
        memory_bytes=None,
        job_timeout_s=1.0,
        author="bench",
        cpus=1,
        web=Web([], Cache(root / "outside"), SystemClock(), user_agent="benchmark"),
    )
    desk = Desk(
        store=store,
        router=ToolRouter(tools),
        clock=SystemClock(),
        limits=Limits(max_iterations=10_000, max_turn_s=3600),
        model=lambda _name: model,
        place=lambda _row, _said: place,
    )
    claim = store.claim(1.0)
    assert claim is not None
    handle(claim, desk, Signals())
