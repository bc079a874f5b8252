"""The process that keeps one job: `LocalCompute.submit` starts it, and it outlives whoever did.

Reads one line of JSON, the request, from standard input; detaches; claims the job's folder; records
the job's process before any code of the job runs; keeps it to its end (`sandbox/supervision.py`);
writes down how it ended. Whoever started it is told `{"started": true}`, `{"started": false}`
(somebody else has the job) or `{"error": ...}`. Signals: TERM ends the job politely, a second one
at once. Standard library only.
"""

import json
import os
import sys
import time
import traceback
from pathlib import Path
from typing import Any, NamedTuple

from ml_intern.compute.job_folder import CLAIM, EXIT, PROCESS, write_document, write_first
from ml_intern.compute.log_files import LogWriter
from ml_intern.sandbox.processes import Identity, identify
from ml_intern.sandbox.supervision import Command, Ending, Keeper, Wishes, prepare_keeper

_WRITE_AGAIN_S = 2.0
_WRITE_ATTEMPTS = 60


class Request(NamedTuple):
    """What is to run; `known` is what the folder is to say about it."""

    command: Command
    folder: str
    known: dict[str, Any]


class _Report:
    """The end of a pipe on which the submitter waits for one line."""

    def __init__(self, fd: int) -> None:
        self._fd: int | None = fd

    @property
    def sent(self) -> bool:
        return self._fd is None

    def send(self, **words: object) -> None:
        """Say it, if nothing was said before."""
        if self._fd is not None:
            os.write(self._fd, json.dumps(words).encode() + b"\n")
            os.close(self._fd)
            self._fd = None


def main() -> None:
    """Detach, then keep the job of the request on standard input."""
    command, folder, known = json.loads(sys.stdin.buffer.readline())
    request = Request(Command(*command), folder, known)
    report = _detach()
    try:
        _keep(request, report)
    except Exception as exc:  # noqa: BLE001  # nobody is above us: it is written down
        (Path(folder) / "runner.log").write_text(traceback.format_exc())
        report.send(error=f"{type(exc).__name__}: {exc}")
        sys.exit(1)


def _detach() -> _Report:
    """Go on in a grandchild that has no terminal, no parent that waits, and none of our
    descriptors.
    """
    report = os.dup(1)
    if os.fork():
        os._exit(0)
    os.setsid()
    if os.fork():
        os._exit(0)
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    return _Report(report)


def _keep(request: Request, report: _Report) -> None:
    wishes = prepare_keeper()
    folder = Path(request.folder)
    runner = identify(os.getpid())
    if not write_first(folder / CLAIM, {**request.known, "runner": runner}):
        report.send(started=False)
        return
    try:
        _keep_claimed(request, report, wishes, runner)
    except Exception:  # `main` writes it down
        if not report.sent:  # nothing has run: the job may be started again
            (folder / CLAIM).unlink(missing_ok=True)
        raise


def _keep_claimed(
    request: Request, report: _Report, wishes: Wishes, runner: Identity | None
) -> None:
    folder = Path(request.folder)
    log = LogWriter(folder)

    def record(pid: int) -> None:
        process = {"process": identify(pid), "runner": runner, "started_at": time.time()}
        write_document(folder / PROCESS, process)
        report.send(started=True)

    ending = Keeper(request.command, log, wishes).run(record)
    log.close()
    _write_down(folder, ending, log)


def _write_down(folder: Path, ending: Ending, log: LogWriter) -> None:
    """The end of the job. A disk that is full now may not be in a minute."""
    document = {
        **ending._asdict(),
        "output_bytes": log.total_bytes,
        "last_line": log.last_line,
        "ended_at": time.time(),
    }
    for attempt in range(_WRITE_ATTEMPTS):
        try:
            write_document(folder / EXIT, document)
        except OSError:
            if attempt == _WRITE_ATTEMPTS - 1:
                raise
            time.sleep(_WRITE_AGAIN_S)
        else:
            return
