"""Jobs on this machine: each below a runner process of its own, which outlives us.

All that is known of a job lies in its folder (`job_folder.py`); a handle only names that folder, so
that any later process can look at, follow or cancel the job. A job has succeeded when its own
done-marker says so, never because of an exit code. A job whose runner was killed is killed with it
(`lost`), and `cancel` removes what may be left. Below a systemd service a job gets a unit of its
own where that can be had (`transient.py`).
"""

import json
import logging
import os
import select
import signal
import socket
import stat
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from ml_intern.compute.ending import describe_end
from ml_intern.compute.job_folder import CANCEL, CLAIM, EXIT, PROCESS, read_document, write_document
from ml_intern.compute.log_files import read_log
from ml_intern.compute.protocol import JobSpec, JobState, LogChunk
from ml_intern.compute.runner import Request
from ml_intern.compute.transient import PATIENCE_S, find_manager, launch_in_unit
from ml_intern.errors import ComputeError, SandboxError
from ml_intern.messages import JobId
from ml_intern.sandbox.own_process import module_command, module_environment
from ml_intern.sandbox.processes import Identity, is_alive, kill_all, marked
from ml_intern.sandbox.protocol import Sandbox
from ml_intern.sandbox.supervision import RUN_VARIABLE, Command

log = logging.getLogger(__name__)

TIMEOUT_GRACE_S = 30.0
"""Between TERM and KILL for a job whose time is over: enough to write a checkpoint."""
_START_PATIENCE_S = 60.0
_RUNNER_PATIENCE_S = 15.0
_MARKER_BYTES = 1 << 20


class LocalCompute:
    """Runs jobs below runners, in the given sandbox. Holds no state: safe from any thread."""

    name = "local"

    def __init__(self, sandbox: Sandbox, *, own_units: bool = False) -> None:
        """`own_units`: we are a systemd service, and jobs leave it where they can."""
        self._sandbox = sandbox
        self._own_units = own_units

    def submit(self, spec: JobSpec) -> dict[str, Any]:
        """Start it, or find that it was started before. Raises ComputeError; then nothing runs."""
        try:
            spec.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            known = self.find(spec.job_id, spec.folder)
            if known is None:
                _start(_request(spec, self._sandbox), own_unit=self._own_units)
        except (OSError, SandboxError) as exc:
            raise ComputeError(f"{spec.label} could not be started: {exc}") from exc
        return known or _handle(spec.job_id, spec.folder)

    def find(self, job_id: JobId, folder: Path) -> dict[str, Any] | None:
        """The handle of a job that was started. Raises ComputeError when the folder is another
        job's.
        """
        claim = _read(folder / CLAIM)
        if claim is None:
            return None
        if claim["job_id"] != job_id:
            raise ComputeError(f"{folder} belongs to the job {claim['job_id']}, not to {job_id}.")
        return _handle(job_id, folder)

    def state(self, handle: Mapping[str, Any]) -> JobState:
        """Read from the job's folder. Raises ComputeError when the folder cannot be understood."""
        folder = _folder(handle)
        end = _read(folder / EXIT)
        if end is None and _runs(folder):
            return JobState(status="running")
        return _ended(folder, end or _read(folder / EXIT))  # it may have ended while we looked

    def log(self, handle: Mapping[str, Any], offset: int, limit_bytes: int = 1 << 20) -> LogChunk:
        """Its output from `offset` bytes on. Raises ComputeError when its folder is gone."""
        folder = _folder(handle)
        ended = (folder / EXIT).exists() or not _runs(folder)
        try:
            text, next_offset = read_log(folder, max(0, offset), max(1, limit_bytes), ended=ended)
        except OSError as exc:
            raise ComputeError(f"The log of job {handle['job_id']} cannot be read: {exc}") from exc
        return LogChunk(text=text, next_offset=next_offset)

    def cancel(self, handle: Mapping[str, Any], grace_s: float = 5.0) -> JobState:
        """End it and wait until nothing of it runs; a job that has ended stays as it ended."""
        folder = _folder(handle)
        if self.state(handle).status == "running":
            with suppress(OSError):  # a full disk does not keep a job running
                write_document(folder / CANCEL, {"grace_s": grace_s})
            _end_runner(folder, grace_s)
        _remove_leftovers(handle)
        return self.state(handle)


def _request(spec: JobSpec, sandbox: Sandbox) -> Request:
    run_id = uuid4().hex  # a job's id is unique in its session only
    command = Command(
        argv=sandbox.wrap(spec.argv, spec.access, cwd=spec.cwd),
        cwd="/",  # the confined side enters `cwd` itself
        environment=dict(spec.environment),
        run_id=run_id,
        timeout_s=spec.timeout_s,
        grace_s=TIMEOUT_GRACE_S,
        max_processes=spec.access.max_processes,
    )
    known = {
        "job_id": spec.job_id,
        "run_id": run_id,
        "machine": _machine(),
        "label": spec.label,
        "done_marker": str(spec.done_marker),
        "timeout_s": spec.timeout_s,
        "memory_bytes": spec.access.memory_bytes,
        "max_processes": spec.access.max_processes,
    }
    return Request(command, str(spec.folder), known)


def _start(request: Request, *, own_unit: bool) -> None:
    """Start the runner and wait until it has recorded the job. Raises ComputeError."""
    runner, environment = module_command("ml_intern.compute.runner"), module_environment()
    said = _start_in_unit(runner, environment, request) if own_unit else b""
    words = ""
    if not said:  # no runner has run; if one has all the same, it has the job and ours goes away
        said, words = _talk(runner, environment, request, _START_PATIENCE_S)
    answer = json.loads(said) if said else {"error": words}
    if "error" in answer:
        raise ComputeError(f"The runner of the job could not start it: {answer['error']}")


def _start_in_unit(runner: list[str], environment: dict[str, str], request: Request) -> bytes:
    """What a runner in a unit of its own has said; nothing when it does not come to that."""
    label = request.known["label"]
    manager = find_manager(os.environ, os.geteuid())
    if manager is None:
        said, words = b"", "there is no systemd manager for this user (loginctl enable-linger)"
    else:
        launch = launch_in_unit(
            manager,
            runner,
            environment,
            run_id=request.command.run_id,
            description=f"ml-intern: {label}",
        )
        said, words = _talk(launch.argv, launch.environment, request, PATIENCE_S)
    if not said:
        log.info("job_without_own_unit", extra={"label": label, "reason": words})
    return said


def _talk(
    argv: list[str], environment: dict[str, str], request: Request, patience_s: float
) -> tuple[bytes, str]:
    """Start a runner and give it the request: its answer, and what else it had to say."""
    with subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        cwd="/",
        start_new_session=True,
    ) as runner:
        try:
            said, words = runner.communicate(
                json.dumps(request).encode() + b"\n", timeout=patience_s
            )
        except subprocess.TimeoutExpired:
            runner.kill()
            return b"", f"{argv[0]} does not answer within {patience_s:g} s"
    return said, words.decode(errors="replace").strip()[-500:]


def _handle(job_id: JobId, folder: Path) -> dict[str, Any]:
    return {"job_id": job_id, "folder": str(folder)}


def _folder(handle: Mapping[str, Any]) -> Path:
    return Path(handle["folder"])


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return read_document(path)
    except (OSError, ValueError) as exc:
        raise ComputeError(f"{path} cannot be read: {exc}") from exc


def _machine() -> str:
    """This machine, among those that share a folder of sessions."""
    return socket.gethostname()


def runs_here(handle: Mapping[str, Any]) -> bool:
    """Whether the job is one of this machine and has not ended, as far as its folder tells.

    Its folder may lie at another site. Raises ComputeError.
    """
    claim = _read(_folder(handle) / CLAIM)
    return claim is not None and claim.get("machine") == _machine() and _runs(_folder(handle))


def _runs(folder: Path) -> bool:
    """Whether its runner or its process is there; a runner may not have recorded it yet."""
    claim = _read(folder / CLAIM) or {}
    if claim.get("machine", _machine()) != _machine():
        return True  # as far as can be told from here: its own machine says when it has ended
    record = _read(folder / PROCESS) or claim
    who = (record.get("runner"), record.get("process"))
    return any(is_alive(Identity(*process)) for process in who if process)


def _ended(folder: Path, end: dict[str, Any] | None) -> JobState:
    claim = _read(folder / CLAIM)
    if claim is None:
        raise ComputeError(f"There was never a job in {folder}, or its records are gone.")
    started = folder / PROCESS
    done = _done(Path(claim["done_marker"]), started) if started.exists() else None
    state = describe_end(claim, end, done=done, cancelled=(folder / CANCEL).exists())
    return replace(state, cost_micro_usd=0)  # nobody bills for one's own machine


def _done(marker: Path, started: Path) -> dict[str, Any] | None:
    """The done-marker, if the job wrote it. The job may have put anything in its place."""
    try:
        opened = os.open(marker, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        found = os.fstat(opened)
        if not stat.S_ISREG(found.st_mode) or found.st_mtime_ns < started.stat().st_mtime_ns:
            return None
        document = json.loads(os.read(opened, _MARKER_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    finally:
        os.close(opened)
    steps = document.get("global_step") if isinstance(document, dict) else None
    return document if isinstance(steps, int) and not isinstance(steps, bool) else None


def _end_runner(folder: Path, grace_s: float) -> None:
    """Ask the runner to end the job; after `grace_s`, to end it at once; then end the runner."""
    record = _read(folder / PROCESS) or _read(folder / CLAIM) or {}
    runner = Identity(*record["runner"]) if record.get("runner") else None
    if runner is None:
        return
    try:
        handle = os.pidfd_open(runner.pid)
    except ProcessLookupError:
        return
    try:
        if not is_alive(runner):
            return
        for number, patience_s in (
            (signal.SIGTERM, grace_s),
            (signal.SIGTERM, _RUNNER_PATIENCE_S),
            (signal.SIGKILL, _RUNNER_PATIENCE_S),
        ):
            with suppress(ProcessLookupError):  # it has ended already
                signal.pidfd_send_signal(handle, number)
            if _has_ended(handle, patience_s):
                return
    finally:
        os.close(handle)


def _has_ended(handle: int, patience_s: float) -> bool:
    waiting = select.poll()
    waiting.register(handle, select.POLLIN)
    return bool(waiting.poll(patience_s * 1000))


def _remove_leftovers(handle: Mapping[str, Any]) -> None:
    """What a killed runner could not end any more. A living one leaves nothing."""
    run_id = (_read(_folder(handle) / CLAIM) or {}).get("run_id")
    left = kill_all(lambda: marked(RUN_VARIABLE, run_id)) if run_id else 0
    if left:
        raise ComputeError(f"{left} processes of job {handle['job_id']} do not end, even by KILL.")
