"""A session of training tools on real folders, sandbox and jobs, without a model or store."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ml_intern.compute.local import LocalCompute
from ml_intern.events import Fact
from ml_intern.messages import CallId, JobId
from ml_intern.tools.data.inspect import InspectDataset
from ml_intern.tools.data.prepare import PrepareDataset
from ml_intern.tools.facts import Facts
from ml_intern.tools.protocol import ToolContext, ToolOutcome, Waiting, Workplace
from ml_intern.tools.router import Prepared, ToolRouter
from ml_intern.tools.training.cancel_job import CancelJob
from ml_intern.tools.training.dummy_forward import DummyForward
from ml_intern.tools.training.estimate_memory import EstimateMemory
from ml_intern.tools.training.evaluate import Evaluate
from ml_intern.tools.training.launch_training import LaunchTraining
from ml_intern.tools.training.publish import Publish
from ml_intern.tools.training.smoke_test import SmokeTest
from ml_intern.tools.training.survey_hardware import SurveyHardware
from ml_intern.tools.training.watch_job import WatchJob
from ml_intern.tools.training.write_model_card import WriteModelCard
from ml_intern.tools.training.write_recipe import WriteRecipe
from ml_intern.tools.training.write_reproduce_bundle import WriteReproduceBundle
from ml_intern.tools.untrusted import unmarked
from tests.support.places import confined_place

PREPARED = {
    "source": "reviews.csv",
    "fingerprint": "sha256:1",
    "task": "text-classification",
    "train": "data/data/train.jsonl",
    "validation": "data/data/validation.jsonl",
    "test": "data",
    "labels": ["no", "yes"],
    "rows": {"train": 8, "validation": 1, "test": 1},
}


def router() -> ToolRouter:
    """The tools that training needs."""
    return ToolRouter(
        [
            InspectDataset(),
            PrepareDataset(),
            SurveyHardware(),
            EstimateMemory(),
            WriteRecipe(),
            DummyForward(),
            SmokeTest(),
            LaunchTraining(),
            WatchJob(),
            CancelJob(),
            Evaluate(),
            WriteModelCard(),
            WriteReproduceBundle(),
            Publish(),
        ]
    )


class Session:
    """Calls tools one after the other and remembers the facts that they establish."""

    def __init__(self, place: Workplace, facts: list[Fact] | None = None) -> None:
        self.place = place
        self.facts = facts or []
        self.router = router()
        self.calls = 0

    def context(self, call_id: str | None = None) -> ToolContext:
        """For the next call, or the call of that id."""
        self.calls += 1
        name = CallId(call_id or f"call_{len(self.facts)}_{self.calls}")
        return ToolContext(place=self.place, call_id=name, facts=Facts(self.facts))

    def call(self, tool: str, **arguments: Any) -> ToolOutcome | Waiting:
        """One call through the router."""
        prepared = self.router.prepare(tool, arguments)
        assert isinstance(prepared, Prepared), prepared
        outcome = self.router.run(prepared, self.context(), threading.Event())
        self.facts += getattr(outcome, "facts", ())
        return outcome

    def recover(self, tool: str, call_id: str, **arguments: Any) -> dict[str, Any]:
        """What a call that was cut off is answered."""
        prepared = self.router.prepare(tool, arguments)
        assert isinstance(prepared, Prepared), prepared
        outcome = self.router.recover(prepared, self.context(call_id), threading.Event())
        assert isinstance(outcome, ToolOutcome)
        self.facts += outcome.facts
        assert outcome.ok, outcome.output
        return json.loads(unmarked(outcome.output))

    def answer(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The answer of a call that works."""
        outcome = self.call(tool, **arguments)
        assert isinstance(outcome, ToolOutcome)
        assert outcome.ok, outcome.output
        return json.loads(unmarked(outcome.output))

    def refusal(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The answer of a call that does not."""
        outcome = self.call(tool, **arguments)
        assert isinstance(outcome, ToolOutcome)
        assert not outcome.ok, outcome.output
        return json.loads(unmarked(outcome.output))

    def reason(self, tool: str, **arguments: Any) -> str:
        """What a person is asked."""
        case = self.router.case(self.settled(tool, **arguments), self.context())
        return self.router.judge(case).reason

    def settled(self, tool: str, **arguments: Any) -> Prepared:
        """The call with what the tool chooses before anybody is asked."""
        prepared = self.router.prepare(tool, arguments)
        assert isinstance(prepared, Prepared), prepared
        return self.router.settle(prepared, self.context())

    def write(self, name: str, text: str) -> Path:
        """A file in the workspace."""
        path = self.place.workspace / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def launch(self, name: str, text: str, output_dir: str = "out") -> dict[str, Any]:
        """Write a script, pass its checks and launch it."""
        self.write(name, text)
        self.answer("dummy_forward", path=name)
        self.answer("smoke_test", path=name)
        return self.answer("launch_training", path=name, output_dir=output_dir)

    def watch(self, job_id: str) -> dict[str, Any]:
        """The summary of a job, once it has ended."""
        self.wait_for(job_id)
        return self.answer("watch_job", job_id=job_id)

    def stop(self) -> None:
        """Leave no job behind."""
        for fact in self.facts:
            if fact.kind == "job" and self.is_running(fact.data["job_id"]):
                self.answer("cancel_job", job_id=fact.data["job_id"])

    def wait_for(self, job_id: str) -> None:
        """Until the job has ended."""
        wait_until(lambda: not self.is_running(job_id))

    def is_running(self, job_id: str) -> bool:
        handle = self.place.compute.find(JobId(job_id), self.place.jobs / job_id)
        return handle is not None and self.place.compute.state(handle).status == "running"


def start(folder: Path, *, prepared: bool = True, **changes: Any) -> Session:
    """A session below `folder`; with a prepared dataset, but without its files."""
    place = confined_place(folder, **changes)
    place = replace(place, compute=LocalCompute(place.sandbox))
    known = [
        Fact(kind="dataset_inspected", data={"source": "reviews.csv"}),
        Fact(kind="dataset_prepared", data=PREPARED),
    ]
    return Session(place, known if prepared else [])


def wait_until(condition: Callable[[], bool], timeout_s: float = 150.0) -> None:
    """Look until it holds. Raises AssertionError when it does not come."""
    deadline = time.monotonic() + timeout_s
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        pause.wait(0.02)
