"""What the end of a job means, in words for people.

The done-marker decides: with it the training is complete, whatever happened to the process
afterwards; without it nothing is, whatever the exit code says.
"""

import signal
from collections.abc import Mapping
from typing import Any

from ml_intern.compute.protocol import JobState

_MEMORY_WORDS = ("MemoryError", "annot allocate memory", "can't allocate memory", "bad_alloc")
_CUDA_MEMORY_WORDS = ("CUDA out of memory", "OutOfMemoryError")
_SIGNAL_WORDS = {
    signal.SIGKILL: "the usual cause is that the machine ran out of memory",
    signal.SIGSEGV: "a library crashed",
    signal.SIGABRT: "a library gave up",
    signal.SIGBUS: "the disk or the shared memory is full",
    signal.SIGXFSZ: "it wrote a larger file than it may",
    signal.SIGSYS: "it made a system call that the sandbox refuses",
    signal.SIGTERM: "somebody ended it",
}
_LONGEST_LINE = 300


def describe_end(
    claim: Mapping[str, Any],
    end: Mapping[str, Any] | None,
    *,
    done: dict[str, Any] | None,
    cancelled: bool,
) -> JobState:
    """The state of a job that runs no more.

    `claim`: its record. `end`: its exit status, None when its runner did not live to write one.
    `done`: its done-marker, if it wrote one. `cancelled`: somebody asked for its end.
    """
    exit_code = None if end is None else int(end["exit_code"])
    if done is not None and (exit_code == 0 or not cancelled):
        return JobState(status="succeeded", exit_code=exit_code, reason=_blemish(end), done=done)
    if cancelled:
        return JobState(status="cancelled", exit_code=exit_code, reason="cancelled")
    if end is None:
        reason = (
            "its process and the process that kept it are gone (killed, or the machine restarted)"
        )
        return JobState(status="lost", reason=reason)
    return JobState(status="failed", exit_code=exit_code, reason=_why(claim, end))


def _blemish(end: Mapping[str, Any] | None) -> str:
    if end is None:
        return "its done-marker is complete, but its end was not seen"
    if end["exit_code"] != 0:
        return f"its done-marker is complete, but it then ended with exit code {end['exit_code']}"
    return ""


def _why(claim: Mapping[str, Any], end: Mapping[str, Any]) -> str:
    if end["cause"] == "time":
        return f"stopped at its time limit of {_duration(claim['timeout_s'])}"
    if end["cause"] == "processes":
        return f"ended because it ran more than {claim['max_processes']} processes at once"
    if end["cause"] == "stopped":
        return "stopped by a signal to the process that kept it"
    number = end["signal"] or _shell_signal(end["exit_code"])
    if number is not None:
        name = signal.Signals(number).name
        words = _SIGNAL_WORDS.get(signal.Signals(number), "")
        return f"killed by signal {number} ({name})" + (f"; {words}" if words else "")
    if end["exit_code"] == 0:
        return "ended with exit code 0 but wrote no done-marker"
    return f"ended with exit code {end['exit_code']}{_last_words(claim, end['last_line'])}"


def _last_words(claim: Mapping[str, Any], line: str) -> str:
    if any(words in line for words in _CUDA_MEMORY_WORDS):
        return f": the GPU's memory was not enough ({line[:_LONGEST_LINE]})"
    if any(words in line for words in _MEMORY_WORDS):
        limit = claim.get("memory_bytes")
        bound = f" of {limit / 1e9:.1f} GB per process" if limit else ""
        return f": the memory{bound} was not enough ({line[:_LONGEST_LINE]})"
    return f": {line[:_LONGEST_LINE]}" if line else ""


def _shell_signal(exit_code: int) -> int | None:
    """The signal that 128 + N stands for, as shells and bubblewrap report it."""
    number = exit_code - 128
    return number if number in signal.valid_signals() else None


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:g} s"
    return f"{seconds / 60:g} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
