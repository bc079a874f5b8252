"""Twenty sessions side by side in one service: our CPU per turn, without and with LiteLLM."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.turns import Nothing
from ml_intern.client.door import NewSession
from ml_intern.clock import SystemClock
from ml_intern.daemon.service import Service
from ml_intern.llm.client import ModelClient, ModelReply, ignore_text, never
from ml_intern.llm.hosted import HostedModel, RequestLoop, hosted_model, warm
from ml_intern.messages import AssistantMessage, CallId, Message, ToolCall, ToolMessage, ToolSpec
from ml_intern.queue.store import Store
from ml_intern.settings import Settings

SESSIONS = 20
TURNS = 50
PATIENCE_S = 300.0
LOOK_EVERY_S = 0.05


class InProcess:
    """Calls the tool `TURNS` times in each session; costs next to nothing itself."""

    name = "in-process"

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
        call = ToolCall(call_id=CallId("c"), name="nothing", arguments=_arguments(turn))
        over = turn >= TURNS
        return ModelReply(
            message=AssistantMessage(
                text="end" if over else "", tool_calls=() if over else (call,)
            ),
            stop_reason="end" if over else "tool_calls",
            model=self.name,
            cost_micro_usd=0,
        )


def _arguments(turn: int) -> str:
    return json.dumps({"turn": turn})


def own_turns_per_cpu_s() -> float:
    """Turns for each second of our CPU, with a model in this process."""
    return SESSIONS * TURNS / _cpu_s(InProcess())


def hosted_turns_per_cpu_s() -> float:
    """The same with a model over HTTP: LiteLLM's own CPU is in it."""
    replies = [
        {"calls": [{"name": "nothing", "arguments": _arguments(turn)}]} for turn in range(TURNS)
    ]
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "script.json"
        script.write_text(json.dumps({"replies": [*replies, {"text": "end"}]}))
        command = [sys.executable, "-m", "tests.support.model_server", "--script", str(script)]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            address = server.stdout.readline().split()[-1]
            warm()
            with RequestLoop() as loop:
                return SESSIONS * TURNS / _cpu_s(_model(address, loop))
        finally:
            server.terminate()
            server.wait()


def _model(address: str, loop: RequestLoop) -> HostedModel:
    return hosted_model("openai/scripted", loop, api_base=address, api_key="sk-fake-benchmark-key")


def _cpu_s(model: ModelClient) -> float:
    """CPU seconds of this process for all sessions, from the first op to the last end."""
    with tempfile.TemporaryDirectory(dir=Path.home()) as folder:
        state, clock = Path(folder), SystemClock()
        settings = Settings(state_dir=state, sandbox="process", model=model.name)
        store = Store.open(state / "ml-intern.db", clock)
        service = Service(settings, clock, store, clients=[model], tools=[Nothing()])
        service.try_host()
        began = time.process_time()
        for number in range(SESSIONS):
            new = NewSession(task=f"task {number}", started_in="/", author="bench")
            service.door.start_session(new)
        _await_all(service)
        spent = time.process_time() - began
        service.close()
    return spent


def _await_all(service: Service) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while any(row.outcome != "finished" for row in service.door.sessions(SESSIONS)):
        if time.monotonic() > deadline:
            raise RuntimeError("the sessions do not finish")
        time.sleep(LOOK_EVERY_S)
