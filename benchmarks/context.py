"""What one turn of very many calls costs us in CPU, and what a compaction does.

    python -m benchmarks.context [--write]

CPU per call, in turns of 100, 300 and 1,000 calls with results of 2 kB, in a window of 200,000
tokens: of our own loop, with a model in this process, and of the whole over HTTP, where each
request holds the conversation as JSON once more. Flat is linear. `--write` keeps the figures and
their picture in `benchmarks/results/`.
"""

import argparse
import gc
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.chart import Curve, chart
from benchmarks.turns import SESSION, run_session
from ml_intern.clock import SystemClock
from ml_intern.context.counting import count_text
from ml_intern.context.manager import ContextManager
from ml_intern.context.summary import SUMMARIZER
from ml_intern.events import Compacted, Event
from ml_intern.llm.client import ModelClient, ModelReply, Window, ignore_text, never
from ml_intern.llm.hosted import RequestLoop, hosted_model, warm
from ml_intern.messages import AssistantMessage, CallId, Message, ToolCall, ToolSpec
from ml_intern.queue.store import Store
from ml_intern.session.history import History
from ml_intern.tools.files.read import Read
from ml_intern.tools.memory import Memory
from ml_intern.tools.plan import Plan
from ml_intern.tools.protocol import Tool
from tests.support.long_run import LongTask

CALLS = (100, 300, 1_000)
WINDOW = 200_000
MOST_GROWTH = 1.5
"""Times what a call costs in the shortest turn that it may cost in the longest."""
COMPACTION_LIMIT_MS = 300.0
LARGE = 232_000
"""A window of which a conversation is compacted at 170,000 tokens."""
PLAN_EVERY = 20
RESULTS = Path(__file__).parent / "results"
TOOLS: tuple[Tool[Any], ...] = (Read(), Plan(), Memory())


class InProcess:
    """Reads `calls` files, sums up in a few words, and looks at the CPU of the turn's thread."""

    name = "in-process"

    def __init__(self, calls: int, window: int = WINDOW) -> None:
        self._calls, self._window, self._made = calls, window, 0
        self._left_at = 0.0
        self._has_summed_up = False
        self.compactions: list[float] = []
        """CPU seconds of each, without what the model took."""

    def window(self) -> Window:
        return Window(tokens=self._window, answer=8_192, source="the benchmark")

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
        passed = time.thread_time() - self._left_at
        if self._has_summed_up:
            self.compactions[-1] += passed
        self._has_summed_up = messages[0].text == SUMMARIZER
        if self._has_summed_up:
            self.compactions.append(passed)
        message = AssistantMessage(text="## Goal\nRead.") if self._has_summed_up else self._next()
        self._left_at = time.thread_time()
        return ModelReply(
            message=message,
            stop_reason="tool_calls" if message.tool_calls else "end",
            model=self.name,
            cost_micro_usd=0,
        )

    def _next(self) -> AssistantMessage:
        self._made += 1
        if self._made > self._calls:
            return AssistantMessage(text="end")
        calls = [("read", {"path": LongTask.path(self._made)})]
        if self._made % PLAN_EVERY == 1:
            steps = [{"step": f"read {self._made} files and {n} more"} for n in range(5)]
            calls.append(("plan", {"items": [{**step, "status": "done"} for step in steps]}))
        made = [
            ToolCall(call_id=CallId("c"), name=name, arguments=json.dumps(given))
            for name, given in calls
        ]
        return AssistantMessage(text=f"Now {self._made}.", tool_calls=tuple(made))


def own_ms(calls: int) -> float:
    """CPU milliseconds of this process per call, with a model that costs nothing."""
    with ran(InProcess(calls), calls) as done:
        return done.cpu_s / calls * 1000


def over_http_ms(calls: int) -> float:
    """The same with a model over HTTP, whose server is another process."""
    warm()
    with served(calls) as address, RequestLoop() as loop:
        model = hosted_model("vllm/scripted", loop, api_base=address, api_key="sk-fake-key")
        with ran(model, calls) as done:
            return done.cpu_s / calls * 1000


def compactions(calls: int = 320, window: int = LARGE) -> list[tuple[int, float]]:
    """Of each in a turn: tokens of the conversation, as we count them, and our CPU milliseconds."""
    model = InProcess(calls, window)
    with ran(model, calls) as done:
        before = [event.tokens_before or 0 for event in done.events if isinstance(event, Compacted)]
        return list(zip(before, (s * 1000 for s in model.compactions), strict=True))


def taking_up_ms(calls: int) -> float:
    """CPU milliseconds to take up a session of so many calls again, and to count its tokens."""
    with ran(InProcess(calls), calls) as done:
        began = time.thread_time()
        history, context = History(), ContextManager("")
        for recorded in done.store.events(SESSION):
            history.apply(recorded.event)
            context.add(recorded.event)
        context.tokens()
        return (time.thread_time() - began) * 1000


@dataclass(frozen=True)
class Ran:
    """A session that has ended."""

    store: Store
    cpu_s: float
    """Of this process, all threads."""

    @property
    def events(self) -> list[Event]:
        return [recorded.event for recorded in self.store.events(SESSION)]


@contextmanager
def ran(model: ModelClient, calls: int) -> Iterator[Ran]:
    """A session of one turn, of files that the model may read."""
    count_text("once")  # loads the tokenizer
    with tempfile.TemporaryDirectory(dir=Path.home()) as folder:
        root = Path(folder)
        (root / "workspace").mkdir()
        LongTask(calls).write(root / "workspace")
        store = Store.open(root / "ml-intern.db", SystemClock())
        gc.collect()
        began = time.process_time()
        run_session(root, store, model, TOOLS)
        yield Ran(store, time.process_time() - began)
        store.close()


@contextmanager
def served(calls: int) -> Iterator[str]:
    """The address of a server whose model reads `calls` files."""
    command = [sys.executable, "-m", "tests.support.long_run"]
    command += ["--calls", str(calls), "--window", str(WINDOW)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        yield server.stdout.readline().split()[-1]
    finally:
        server.terminate()
        server.wait()


def main() -> None:
    """Measure, print, and keep."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.context", description=__doc__)
    parser.add_argument("--write", action="store_true", help="keep them in benchmarks/results/")
    chosen = parser.parse_args()
    figures = {"our own loop": own_ms, "with the model over HTTP": over_http_ms}
    curves = []
    for name, measured in figures.items():
        points = [(float(calls), measured(calls)) for calls in CALLS]
        growth = points[-1][1] / points[0][1]
        for calls, ms in points:
            print(f"{name + f', {calls:,.0f} calls':40} {ms:8.2f} ms per call", flush=True)
        print(f"{'':40} {growth:8.2f} times from first to last, at most {MOST_GROWTH}", flush=True)
        curves.append(Curve(name, points))
    found = compactions()
    for tokens, ms in found:
        print(
            f"{f'compaction of {tokens:,} tokens':40} {ms:8.0f} ms, "
            f"at most {COMPACTION_LIMIT_MS:.0f}",
            flush=True,
        )
    print(f"{'taking up a turn of 1,000 calls':40} {taking_up_ms(1_000):8.0f} ms", flush=True)
    if chosen.write:
        keep(curves, found)


def keep(curves: Sequence[Curve], found: Sequence[tuple[int, float]]) -> None:
    """The figures as JSON and as a picture."""
    RESULTS.mkdir(exist_ok=True)
    figures = {
        "cpu_ms_per_call": {
            curve.name: {f"{calls:g}": round(ms, 2) for calls, ms in curve.points}
            for curve in curves
        },
        "compactions": [{"tokens": tokens, "cpu_ms": round(ms)} for tokens, ms in found],
    }
    (RESULTS / "context.json").write_text(json.dumps(figures, indent=2) + "\n")
    title = "CPU of one call in a turn of so many (flat is linear)"
    picture = chart(title, "calls in the turn", "milliseconds per call", curves)
    (RESULTS / "context.svg").write_text(picture)


if __name__ == "__main__":
    main()
