"""A night in short: 50 sessions at work and 1,000 that wait for a person, in one service.

    python -m benchmarks.soak [--minutes 30] [--waiting 1000]

Prints memory, threads and open files each minute; the last line says how much more the service
holds than it did idle, and how much that grew between the first and the last minute.
"""

import argparse
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from benchmarks.turns import Nothing
from ml_intern.client.door import NewSession
from ml_intern.clock import SystemClock
from ml_intern.daemon.service import Service
from ml_intern.daemon.stores import open_store
from ml_intern.errors import Busy
from ml_intern.llm.client import ModelReply, ignore_text, never
from ml_intern.messages import AssistantMessage, CallId, Message, ToolCall, ToolMessage, ToolSpec
from ml_intern.settings import Settings
from ml_intern.tools.person import AskPerson

AT_WORK = 50
TURNS = 20
THINKS_S = 0.5
LOOK_EVERY_S = 0.5
SAMPLE_S = 60.0
MOST_ABOVE_MIB = 250.0
MIB = 1 << 20


class Thinking:
    """Asks the person at once when the task says so; else calls a tool `TURNS` times, slowly."""

    name = "thinking"

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
        turn = sum(isinstance(message, ToolMessage) for message in messages)
        if any("wait" in str(getattr(message, "text", "")) for message in messages[1:2]):
            return _calls(self.name, "ask_person", '{"question": "Which data?"}')
        time.sleep(THINKS_S)
        if turn < TURNS:
            return _calls(self.name, "nothing", f'{{"turn": {turn}}}')
        return ModelReply(
            message=AssistantMessage(text="end"),
            stop_reason="end",
            model=self.name,
            cost_micro_usd=0,
        )


def _calls(model: str, name: str, arguments: str) -> ModelReply:
    call = ToolCall(call_id=CallId("c"), name=name, arguments=arguments)
    return ModelReply(
        message=AssistantMessage(tool_calls=(call,)),
        stop_reason="tool_calls",
        model=model,
        cost_micro_usd=0,
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--waiting", type=int, default=1000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=Path.home()) as folder:
        settings = Settings(
            state_dir=Path(folder), sandbox="process", model=Thinking.name, workers=AT_WORK
        )
        clock = SystemClock()
        store = open_store(settings, clock)
        tools = [Nothing(), AskPerson()]
        service = Service(settings, clock, store, clients=[Thinking()], tools=tools)
        service.try_host()
        try:
            soak(service, chosen.minutes * 60, chosen.waiting)
        finally:
            service.close()


def soak(service: Service, seconds: float, waiting: int) -> None:
    """Keep it busy for so long."""
    time.sleep(2)
    idle = memory_mib()
    print(f"{'':12} {'memory':>9} {'threads':>8} {'files':>6} {'waiting':>8} {'ended':>7}")
    tell("idle", service)
    for number in range(waiting):
        start(service, f"wait {number}")
    while service.door.health().waiting < waiting:
        time.sleep(LOOK_EVERY_S)
    tell("waiting", service)
    began = time.monotonic()
    seen, next_sample = [], began + min(SAMPLE_S, seconds / 4)
    while time.monotonic() - began < seconds:
        health = service.door.health()
        for number in range(AT_WORK - health.running - health.queued):
            start(service, f"work {number}")
        if time.monotonic() >= next_sample:
            next_sample += min(SAMPLE_S, seconds / 4)
            seen.append(memory_mib())
            tell(f"{(time.monotonic() - began) / 60:.1f} min", service)
        time.sleep(LOOK_EVERY_S)
    print(
        f"above idle: {max(seen) - idle:.0f} MiB (at most {MOST_ABOVE_MIB:.0f}); "
        f"grown between first and last sample: {seen[-1] - seen[0]:+.0f} MiB"
    )


def start(service: Service, task: str) -> None:
    """A session, as soon as the queue takes it."""
    new = NewSession(task=task, started_in="/", author=f"person-{task}")
    while True:
        try:
            service.door.start_session(new)
        except Busy:
            time.sleep(LOOK_EVERY_S)
        else:
            return


def memory_mib() -> float:
    """Resident memory of this process."""
    return psutil.Process().memory_info().rss / MIB


def tell(when: str, service: Service) -> None:
    """One line."""
    counts = service.store.counts()
    files = psutil.Process().num_fds()
    print(
        f"{when:12} {memory_mib():7.0f} M {threading.active_count():8} {files:6} "
        f"{counts.get('waiting', 0):8} {counts.get('idle', 0):7}",
        flush=True,
    )


if __name__ == "__main__":
    main()
