"""One prompt, a thousand calls, a model behind HTTP that checks every request that it is sent.

`python -m tests.chaos.long_runs` is the full size: 1,000 calls in windows of 8k, 32k and 200k, with
a model that sums up well and with broken ones.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml_intern.client.door import NewSession
from ml_intern.clock import SystemClock
from ml_intern.daemon.service import Service
from ml_intern.events import Compacted, Event, TurnFinished
from ml_intern.llm.hosted import warm
from ml_intern.queue.store import Store
from ml_intern.settings import Settings
from tests.support.long_run import BROKEN, LongModel, LongTask, Summarise, does_its_job
from tests.support.model_server import ModelServer
from tests.support.waiting import wait_until

PATIENCE_S = 900.0
NAME = "scripted"


@dataclass(frozen=True, kw_only=True)
class Run:
    """How it went."""

    model: LongModel
    events: list[Event]
    cpu_s: float
    """Of this process, the server's included."""

    def all(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def problems(self) -> list[str]:
        """All that must not be."""
        ended, model = self.all(TurnFinished)[-1], self.model
        wrong = [] if ended.outcome == "finished" else [f"it ended {ended.outcome}: {ended.detail}"]
        wrong += model.problems
        most = 1 if model.summarise is does_its_job else 0
        for place, lost in enumerate(model.forgotten):
            counts = [one.line for one in lost if most or one.kind != "reason"]
            if len(counts) > most:
                wrong.append(f"forgotten at compaction {place + 1}: {counts}")
        if bool(model.compactions) != bool(self.all(Compacted)):
            wrong.append(f"{model.compactions} compactions were seen of {len(self.all(Compacted))}")
        return wrong


def long_run(
    folder: Path,
    calls: int,
    window: int,
    summarise: Summarise = does_its_job,
    kind: type[LongModel] = LongModel,
    **more: Any,
) -> Run:
    """A whole service in this process, its model over HTTP; returns when the session has ended.

    `more`: for the model, of `kind`.
    """
    task = LongTask(calls)
    model = kind(task, window, summarise, **more)
    pages = {"/v1/models": {"data": [{"id": NAME, "max_model_len": window}]}}
    warm()
    with ModelServer(model, pages=pages) as server:
        clock = SystemClock()
        settings = Settings(
            state_dir=folder,
            sandbox="process",
            model=f"vllm/{NAME}",
            api_base=server.openai_url,
            max_iterations=2 * calls,
        )
        service = Service(settings, clock, Store.open(folder / "ml-intern.db", clock))
        try:
            new = NewSession(task=task.words, started_in="/", author="ada")
            session_id = service.door.start_session(new)
            workspace = Path(service.store.session(session_id).workspace)
            workspace.mkdir(parents=True, mode=0o700, exist_ok=True)
            task.write(workspace)
            began = time.process_time()
            service.try_host()
            wait_until(lambda: service.store.session(session_id).outcome is not None, PATIENCE_S)
            cpu_s = time.process_time() - began
            events = [recorded.event for recorded in service.store.events(session_id)]
        finally:
            service.close(drain_s=5.0)
    return Run(model=model, events=events, cpu_s=cpu_s)


FULL = ((8_192, None), (32_000, None), (200_000, None), *((8_192, name) for name in BROKEN))


def main(words: Sequence[str] | None = None) -> int:
    """0 when nothing was wrong in any run."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.long_runs", description=__doc__)
    parser.add_argument("--calls", type=int, default=1_000)
    parser.add_argument("--window", type=int, help="only this one, with a model that sums up well")
    asked = parser.parse_args(words)
    runs = ((asked.window, None),) if asked.window else FULL
    status = 0
    for window, broken in runs:
        with tempfile.TemporaryDirectory(prefix="chaos-long-") as folder:
            summarise = BROKEN[broken] if broken else does_its_job
            run = long_run(Path(folder), asked.calls, window, summarise)
        model = run.model
        sys.stdout.write(
            f"{asked.calls} calls, window {window:,}, sums up {broken or 'well'}: "
            f"{model.compactions} compactions, {model.summaries} by request, {model.refusals} "
            f"refusals, largest request {model.most:,}, {run.cpu_s:.0f} s CPU, "
            f"{len(run.problems)} problems\n"
        )
        sys.stdout.writelines(f"  {each}\n" for each in run.problems[:10])
        sys.stdout.flush()
        status = status or int(bool(run.problems))
    return status


if __name__ == "__main__":
    sys.exit(main())
