"""Run one confined command and wait for its end.

The command runs below a supervisor process. What is guaranteed when `run_confined` has returned, or
when this process was killed in the middle: nothing that the command started runs any more, also
what ignores TERM, was detached, changed its session or closed its output (only what hangs in the
kernel, or, without a sandbox and below Landlock 6, what has killed its own supervisor first, can
escape). However much is printed, the output file and our memory stay small.
"""

import json
import os
import select
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from ml_intern.errors import SandboxError
from ml_intern.sandbox.capture import gap_note
from ml_intern.sandbox.own_process import module_command, module_environment
from ml_intern.sandbox.processes import kill_all, marked
from ml_intern.sandbox.protocol import Access, Sandbox
from ml_intern.sandbox.supervision import RUN_VARIABLE, Command
from ml_intern.sandbox.supervisor import Request

SHOWN_BYTES = 64 * 1024
"""Of the head, and of the tail."""
GRACE_S = 5.0
"""Between TERM and KILL."""
_POLL_MS = 50
_SUPERVISOR_PATIENCE_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Completed:
    """How a command ended and what it printed, standard output and error together."""

    exit_code: int | None
    """128 + N when signal N killed it, as in a shell. None: time was over, or it was cancelled."""
    timed_out: bool
    cancelled: bool
    output_path: Path
    """At most `limit_bytes` of the output: first and last part, with a note where the middle was.
    """
    output_bytes: int
    """All that was printed, kept or not."""
    truncated: bool
    """Whether the file holds less than what was printed."""
    head: str
    """The whole output, when it is short."""
    tail: str
    """The end of it; empty when `head` is the whole."""
    duration_s: float
    too_many_processes: bool = False
    """It was ended because it had started more than it may."""

    @property
    def ok(self) -> bool:
        return self.exit_code == 0

    @property
    def text(self) -> str:
        """Head and tail as one, with a note between them when something was left out."""
        if not self.tail:
            return self.head
        return f"{self.head}{gap_note(self.output_bytes - 2 * SHOWN_BYTES)}{self.tail}"

    def kept_text(self) -> str:
        """All that was kept of the output. Raises OSError when `output_path` is gone."""
        return _readable(self.output_path.read_bytes())


def run_confined(
    sandbox: Sandbox,
    argv: Sequence[str],
    *,
    access: Access,
    cwd: Path,
    environment: Mapping[str, str],
    timeout_s: float,
    cancelled: threading.Event,
    output: Path,
    limit_bytes: int = 1 << 20,
) -> Completed:
    """Run `argv` confined, to its end, `timeout_s` seconds, or `cancelled`.

    `output`: a file outside of what `access` lets be written; made anew. Raises SandboxError when
    the command cannot be confined, or its supervisor does not do its work; a command that fails is
    no error.
    """
    started = time.monotonic()
    output.parent.mkdir(parents=True, exist_ok=True)
    command = Command(
        argv=sandbox.wrap(argv, access, cwd=cwd),
        cwd="/",  # the confined side enters `cwd` itself
        environment=dict(environment),
        run_id=uuid4().hex,
        timeout_s=timeout_s,
        grace_s=GRACE_S,
        max_processes=access.max_processes,
    )
    try:
        answer = _supervise(Request(command, str(output), limit_bytes), cancelled)
    except SandboxError:
        kill_all(lambda: marked(RUN_VARIABLE, command.run_id))  # its supervisor cannot any more
        raise
    head, tail = _ends(output)
    stopped = answer["cause"] in ("time", "stopped")
    return Completed(
        exit_code=None if stopped else answer["exit_code"],
        timed_out=answer["cause"] == "time",
        cancelled=answer["cause"] == "stopped",
        too_many_processes=answer["cause"] == "processes",
        output_path=output,
        output_bytes=answer["output_bytes"],
        truncated=answer["truncated"],
        head=head,
        tail=tail,
        duration_s=time.monotonic() - started,
    )


def _supervise(request: Request, cancelled: threading.Event) -> dict[str, Any]:
    with subprocess.Popen(
        module_command("ml_intern.sandbox.supervisor"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=module_environment(),
        cwd="/",
        start_new_session=True,
    ) as supervisor:
        try:
            return _wait(supervisor, request, cancelled)
        finally:
            _let_go(supervisor)


def _wait(
    supervisor: subprocess.Popen[bytes], request: Request, cancelled: threading.Event
) -> dict[str, Any]:
    assert supervisor.stdin is not None
    assert supervisor.stdout is not None
    with suppress(BrokenPipeError):  # it died early: its words on stderr say why
        supervisor.stdin.write(json.dumps(request).encode() + b"\n")
        supervisor.stdin.flush()
    answered = select.poll()
    answered.register(supervisor.stdout, select.POLLIN)
    last_resort = time.monotonic() + request.command.timeout_s + GRACE_S + _SUPERVISOR_PATIENCE_S
    while not answered.poll(_POLL_MS):
        if cancelled.is_set() and not supervisor.stdin.closed:
            supervisor.stdin.close()
            last_resort = time.monotonic() + GRACE_S + _SUPERVISOR_PATIENCE_S
        if time.monotonic() > last_resort:
            raise SandboxError("The supervisor of a command does not answer; it was killed.")
    return _parse(supervisor)


def _parse(supervisor: subprocess.Popen[bytes]) -> dict[str, Any]:
    assert supervisor.stdout is not None
    assert supervisor.stderr is not None
    line = supervisor.stdout.readline()
    if not line:
        words = supervisor.stderr.read().decode(errors="replace").strip()
        raise SandboxError(f"The supervisor of a command died: {words[-500:] or 'without a word'}")
    answer: dict[str, Any] = json.loads(line)
    return answer


def _let_go(supervisor: subprocess.Popen[bytes]) -> None:
    """Nobody waits for the command any more; it ends, and its supervisor after it."""
    assert supervisor.stdin is not None
    with suppress(BrokenPipeError):  # it has ended already
        supervisor.stdin.close()
    try:
        supervisor.wait(GRACE_S + _SUPERVISOR_PATIENCE_S)
    except subprocess.TimeoutExpired:
        supervisor.kill()


def _ends(output: Path) -> tuple[str, str]:
    with output.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        if size <= 2 * SHOWN_BYTES:
            return _readable(file.read()), ""
        head = file.read(SHOWN_BYTES)
        file.seek(size - SHOWN_BYTES)
        return _readable(head), _readable(file.read())


def _readable(output: bytes) -> str:
    """As text; zero bytes, which neither models nor databases can read, are replaced like wrong
    UTF-8.
    """
    return output.decode(errors="replace").replace("\0", "\ufffd")
