"""Jobs of real processes."""

import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from ml_intern.compute.job_folder import PROCESS, read_document
from ml_intern.compute.local import LocalCompute
from ml_intern.compute.protocol import JobSpec, JobState
from ml_intern.messages import JobId
from ml_intern.sandbox.protocol import Access, Sandbox
from tests.sandbox.given import wait_until

DONE = """echo '{"global_step": 3}' > done.part; mv done.part done.json"""


class Jobs:
    """A workspace, a folder for jobs, and the compute that runs them."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.folder = folder
        self.workspace = folder / "workspace"
        self.workspace.mkdir()
        self.sandbox = sandbox
        self.compute = LocalCompute(sandbox)
        self.handles: list[dict[str, Any]] = []

    def spec(self, script: str, *, job_id: str = "call_1", **changes: Any) -> JobSpec:
        access = Access(write=(self.workspace,), **changes.pop("access", {}))
        extra = changes.pop("extra", {})
        spec = JobSpec(
            job_id=JobId(job_id),
            label="train.py",
            argv=("bash", "-c", script),
            cwd=self.workspace,
            folder=self.folder / "jobs" / job_id,
            done_marker=self.workspace / "done.json",
            access=access,
            environment=self.sandbox.environment(self.workspace / ".home", extra),
            timeout_s=60.0,
        )
        return replace(spec, **changes)

    def submit(self, script: str, **changes: Any) -> dict[str, Any]:
        self.handles.append(self.compute.submit(self.spec(script, **changes)))
        return self.handles[-1]

    def end_of(self, handle: dict[str, Any], timeout_s: float = 20.0) -> JobState:
        wait_until(lambda: self.compute.state(handle).status != "running", timeout_s)
        return self.compute.state(handle)

    def run(self, script: str, **changes: Any) -> JobState:
        return self.end_of(self.submit(script, **changes))

    def log(self, handle: dict[str, Any]) -> str:
        return self.compute.log(handle, 0).text

    def clean(self) -> None:
        for handle in self.handles:
            self.compute.cancel(handle, grace_s=0)


def record_of(handle: dict[str, Any]) -> dict[str, Any]:
    found = read_document(Path(handle["folder"]) / PROCESS)
    assert found is not None
    return found


def kill_runner(handle: dict[str, Any]) -> None:
    os.kill(record_of(handle)["runner"][0], signal.SIGKILL)


def python_script(code: str) -> str:
    return f"exec {sys.executable} -c {json.dumps(code)}"
