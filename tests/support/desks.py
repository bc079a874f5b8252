"""A session on a real store with listed model answers, driven op by op in the test's thread."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, NoReturn

import pytest

from ml_intern.clock import Clock, SystemClock
from ml_intern.events import Event, SessionStarted, TurnFinished
from ml_intern.llm.client import ModelClient, ModelReply, never
from ml_intern.llm.health import Health
from ml_intern.messages import AssistantMessage, CallId, Message, SessionId, ToolCall, ToolSpec
from ml_intern.ops import Op, UserInput
from ml_intern.queue.store import Store
from ml_intern.sandbox.unconfined import NoSandbox
from ml_intern.session.desk import Desk, Limits, Signals
from ml_intern.session.handlers import handle
from ml_intern.tools.memory import Memory
from ml_intern.tools.person import AskPerson, ProposeChange, WithdrawRequest
from ml_intern.tools.plan import Plan
from ml_intern.tools.protocol import Arguments, Tool, ToolContext, ToolOutcome, Waiting, succeed
from ml_intern.tools.router import ToolRouter
from tests.support.contexts import a_place

SESSION = SessionId("11111111-1111-4111-8111-111111111111")


def calls(*named: tuple[str, str]) -> ModelReply:
    """A reply that asks for these (tool, arguments as JSON)."""
    return ModelReply(
        message=AssistantMessage(
            tool_calls=tuple(
                ToolCall(call_id=CallId("same"), name=name, arguments=arguments)
                for name, arguments in named
            )
        ),
        stop_reason="tool_calls",
        model="listed",
        cost_micro_usd=0,
    )


def words(text: str) -> ModelReply:
    """A reply in words only."""
    return ModelReply(
        message=AssistantMessage(text=text), stop_reason="end", model="listed", cost_micro_usd=0
    )


class Listed:
    """Answers from a list; an exception in the list is raised. Remembers what it was asked."""

    def __init__(self, replies: Sequence[ModelReply | Exception], name: str = "listed") -> None:
        self.name = name
        self.replies = list(replies)
        self.asked: list[list[Message]] = []
        self.worst_cost: int | None = 0

    def worst_cost_micro_usd(self, *_: object) -> int | None:
        return self.worst_cost

    def complete(
        self,
        messages: Sequence[Message],
        tools: Sequence[ToolSpec],
        *,
        on_text: Callable[[str], None] = print,
        cancelled: Callable[[], bool] = never,
    ) -> ModelReply:
        self.asked.append(list(messages))
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply


class NumberArguments(Arguments):
    number: int = 0


class Recorder(Tool[NumberArguments]):
    """Counts its effects; the test decides what it answers."""

    name: ClassVar[str] = "effect"
    description: ClassVar[str] = "An effect."
    arguments = NumberArguments
    effect: ClassVar[Any] = "write"

    def __init__(self) -> None:
        self.ran: list[int] = []
        self.answer: Callable[[NumberArguments, ToolContext], ToolOutcome | Waiting] = (
            lambda args, ctx: succeed({"number": args.number})
        )
        self.found: ToolOutcome | None = None
        self.worst_cost: int | None = 0

    def run(self, args: NumberArguments, ctx: ToolContext) -> ToolOutcome | Waiting:
        self.ran.append(args.number)
        return self.answer(args, ctx)

    def worst_cost_micro_usd(self, args: NumberArguments, ctx: ToolContext) -> int | None:
        return self.worst_cost

    def recover(self, args: NumberArguments, ctx: ToolContext) -> ToolOutcome | None:
        return self.found


class Published(Recorder):
    name: ClassVar[str] = "outward"
    effect: ClassVar[Any] = "external"

    def __init__(self) -> None:
        super().__init__()
        self.taken: set[int] = set()

    def settle(self, args: NumberArguments, ctx: ToolContext) -> NumberArguments:
        """The next number that is free."""
        while args.number in self.taken:
            args = NumberArguments(number=args.number + 1)
        return args


class Looked(Recorder):
    name: ClassVar[str] = "look"
    effect: ClassVar[Any] = "read"

    def recover(self, args: NumberArguments, ctx: ToolContext) -> ToolOutcome | Waiting | None:
        return self.run(args, ctx)


class Bench:
    """Store, tools, model and one session; `drive` does what a worker would do."""

    def __init__(
        self,
        folder: Path,
        replies: Sequence[ModelReply | Exception],
        clock: Clock | None = None,
        outward: Published | None = None,
        limits: Limits | None = None,
    ) -> None:
        clock = clock or SystemClock()
        self.store = Store.open(folder / "ml-intern.db", clock)
        self.effect, self.look = Recorder(), Looked()
        self.outward: Any = outward or Published()
        self.model = Listed(replies)
        self.others: dict[str, ModelClient] = {}
        """By name; every other name is that of `model`."""
        self.place = a_place(folder, sandbox=NoSandbox(), clock=clock)
        self.place.workspace.mkdir(parents=True, exist_ok=True)
        self.signals = Signals()
        self.desk = Desk(
            store=self.store,
            router=ToolRouter(
                [
                    self.effect,
                    self.outward,
                    self.look,
                    Plan(),
                    Memory(),
                    AskPerson(),
                    ProposeChange(),
                    WithdrawRequest(),
                ]
            ),
            clock=clock,
            limits=limits or Limits(max_iterations=20, max_turn_s=60),
            model=lambda name: self.others.get(name, self.model),
            health=Health(clock, random.Random(0)),
            place=lambda _row, _said: self.place,
        )

    def start(self, task: str = "do it", **changes: Any) -> None:
        started = SessionStarted(
            title=task,
            model="listed",
            workspace=str(self.place.workspace),
            started_in=str(self.place.started_in),
            version="0",
            **changes,
        )
        self.store.create_session(SESSION, started, UserInput(text=task, author="ada"))

    def drive(self) -> TurnFinished | None:
        """Handle every queued op; the last turn's end."""
        while (claim := self.store.claim(0)) is not None:
            handle(claim, self.desk, self.signals)
        return self.last(TurnFinished)

    def submit(self, op: Op) -> None:
        self.store.submit(SESSION, op)

    def events(self) -> list[Event]:
        return [recorded.event for recorded in self.store.events(SESSION)]

    def all(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.events() if isinstance(event, kind)]

    def last(self, kind: type[Event]) -> Any:
        found = self.all(kind)
        return found[-1] if found else None


class Died(BaseException):
    """Stands for the end of the process in the middle of a step."""


def die(*_: Any, **__: Any) -> NoReturn:
    raise Died


def crash(bench: Bench) -> None:
    """Handle one op in a process that dies in it; another one takes over."""
    claim = bench.store.claim(0)
    assert claim is not None, "there is nothing to do"
    with pytest.raises(Died):
        handle(claim, bench.desk, bench.signals)
    bench.store.release(claim)
