"""What the service costs: until it is ready, and from a stored op to the worker that takes it."""

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ml_intern.client.door import NewSession
from ml_intern.clock import SystemClock
from ml_intern.daemon.service import Service
from ml_intern.llm.client import ModelReply, ignore_text, never
from ml_intern.messages import AssistantMessage, Message, ToolSpec
from ml_intern.queue.store import Store
from ml_intern.settings import Settings

SESSIONS = 200
PATIENCE_S = 60.0


class Noting:
    """Ends each session at once, and notes when it was asked."""

    name = "noting"

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.at = 0.0

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
        self.at = time.perf_counter()
        self.asked.set()
        return ModelReply(
            message=AssistantMessage(text="done"),
            stop_reason="end",
            model=self.name,
            cost_micro_usd=0,
        )


def op_to_model_s() -> tuple[float, float]:
    """Median and p99 of the seconds from a stored op to its first question to the model."""
    model = Noting()
    figures = []
    with tempfile.TemporaryDirectory(dir=Path.home()) as folder:
        state = Path(folder)
        clock = SystemClock()
        store = Store.open(state / "ml-intern.db", clock)
        settings = Settings(state_dir=state, sandbox="process", model=model.name)
        service = Service(settings, clock, store, clients=[model])
        service.try_host()
        for _ in range(SESSIONS):
            model.asked.clear()
            service.door.start_session(NewSession(task="x", started_in="/", author="bench"))
            stored = time.perf_counter()
            model.asked.wait(PATIENCE_S)
            figures.append(max(0.0, model.at - stored))
        service.close()
    return statistics.median(figures), statistics.quantiles(figures, n=100)[98]


def ready_cpu_s() -> float:
    """CPU seconds of `ml-intern serve` until its socket answers."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "ML_INTERN_STATE_DIR": folder}
        command = [sys.executable, "-m", "ml_intern.cli.main", "serve"]
        daemon = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)
        try:
            _await_ready(daemon)
            return _cpu_s(daemon.pid)
        finally:
            daemon.terminate()
            daemon.wait()


def _await_ready(daemon: subprocess.Popen[bytes]) -> None:
    assert daemon.stderr is not None
    for line in daemon.stderr:
        if b" ready " in line:
            threading.Thread(target=daemon.stderr.read, daemon=True).start()
            return
    raise RuntimeError("the daemon ended before it was ready")


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
