"""A training script as a file: its bytes and hash, whether it parses, and its checks by a flag.

A script stands alone: `PYTHONSAFEPATH` keeps modules beside it from being imported, because the job
runs a copy of this one file, and the hash of its bytes is all that a passed check vouches for.
"""

import ast
import hashlib
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml_intern.errors import InputError
from ml_intern.events import Exhibit
from ml_intern.sandbox.run import Completed
from ml_intern.tools.event_lines import last_event
from ml_intern.tools.library.keywords import check_keywords
from ml_intern.tools.protocol import ToolContext, ToolOutcome, Workplace, fail
from ml_intern.tools.run_script import run_python
from ml_intern.tools.tracebacks import last_words, traceback_tail

CHECK_TIMEOUT_S = 300.0
_LARGEST_BYTES = 4 << 20
_LARGEST_OWN_EXIT_CODE = 128
"""Above it, it is the number of a signal."""


@dataclass(frozen=True, kw_only=True)
class Script:
    """A script at one moment."""

    path: Path
    name: str
    """The path as the session writes it: relative to the workspace."""
    source: bytes

    def exhibit(self) -> Exhibit:
        """The script as a person reads it before it runs."""
        return Exhibit(title=self.name, kind="python", text=self.source.decode("utf-8", "replace"))

    @property
    def sha256(self) -> str:
        """Of its bytes: what every check is bound to."""
        return hashlib.sha256(self.source).hexdigest()


def read_script(place: Workplace, path: str) -> Script:
    """The script at `path` in the workspace. Raises InputError when there is none to be read."""
    found = place.writable(path)
    if not found.is_file():
        raise InputError(f"There is no file {path} in the workspace; write the script first.")
    if found.stat().st_size > _LARGEST_BYTES:
        raise InputError(f"{path} is larger than 4 MiB; that is no training script.")
    return Script(path=found, name=relative(place, found), source=found.read_bytes())


def relative(place: Workplace, path: Path) -> str:
    """`path`, which lies in the workspace, as the session writes it."""
    return path.relative_to(place.workspace.resolve()).as_posix()


def syntax_error(source: bytes) -> str | None:
    """Why the source does not parse, with the line; None when it does."""
    try:
        ast.parse(source)
    except SyntaxError as exc:
        line = f", at {exc.text.strip()!r}" if exc.text else ""
        where = f"line {exc.lineno}: " if exc.lineno is not None else ""
        return f"{where}{exc.msg}{line}"
    except (ValueError, RecursionError, MemoryError) as exc:
        return f"{type(exc).__name__}: {exc}"
    return None


def run_environment(place: Workplace, threads: int) -> dict[str, str]:
    """What every run of a script finds in its environment, so that it can be repeated exactly."""
    fixed = {
        "OMP_NUM_THREADS": str(threads),
        "PYTHONHASHSEED": "0",
        "PYTHONSAFEPATH": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    return fixed if place.network else {**fixed, "HF_HUB_OFFLINE": "1"}


def threads_for(parameters: int | None, place: Workplace) -> int:
    """Threads that a run computes with: those that are set, one for a small model, else all.

    Below some millions of parameters threads cost more than they bring, and vary the results.
    """
    if place.threads is not None:
        return place.threads
    return 1 if parameters is not None and parameters < 5_000_000 else place.cpus


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A script that has done what its flag asks of it."""

    report: dict[str, Any]
    """The line that it printed."""
    cautions: tuple[str, ...]
    """Arguments that work and should not be given any more, in the libraries' own words."""

    def told(self) -> dict[str, Any]:
        """The cautions for the model, where there are any."""
        return {"cautions": list(self.cautions)} if self.cautions else {}


def check(
    ctx: ToolContext,
    script: Script,
    flag: str,
    *,
    threads: int,
    timeout_s: float = CHECK_TIMEOUT_S,
) -> Checked | ToolOutcome:
    """Run the script with `--flag`; what came of it, or the failure to answer with.

    The line is `{"event": flag, ...}`. A script that changes while it runs has not passed, and one
    whose calls would end in a TypeError is not run.
    """
    keywords = check_keywords(ctx, script.path, script.source)
    if keywords.wrong:
        return _not_run(script, keywords.wrong)
    completed = run_python(
        ctx,
        [str(script.path), f"--{flag}"],
        cwd=ctx.place.workspace,
        timeout_s=timeout_s,
        environment=run_environment(ctx.place, threads),
    )
    output = output_end(completed)
    if completed.exit_code != 0:
        return fail(
            _reason(f"{script.name} --{flag}", completed, output),
            traceback=traceback_tail(output),
            exit_code=completed.exit_code,
        )
    report = last_event(output, flag)
    if report is None:
        return fail(
            f'{script.name} ended well, but printed no line of JSON with "event": "{flag}". '
            f"It must understand --{flag}; write_recipe gives scripts that do.",
            traceback=None,
            exit_code=0,
        )
    if read_script(ctx.place, script.name).source != script.source:
        return fail(f"{script.name} changed while it ran; leave it as it is and check it again.")
    return Checked(report=report, cautions=keywords.leaving)


def _not_run(script: Script, wrong: Sequence[str]) -> ToolOutcome:
    return fail(
        f"{script.name} was not run, because it gives arguments that the installed packages do not "
        f"take. {' '.join(wrong)}",
        traceback=None,
        exit_code=None,
    )


def output_end(completed: Completed, limit_bytes: int = 1 << 20) -> str:
    """The end of what a command printed; more of it than `Completed` carries."""
    try:
        with completed.output_path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - limit_bytes))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return completed.text


def _reason(command: str, completed: Completed, output: str) -> str:
    words = last_words(output)
    if completed.timed_out:
        return (
            f"{command} took longer than {completed.duration_s:.0f} s and was stopped. "
            "It is to do one step and end."
        )
    if completed.too_many_processes:
        return f"{command} started more processes than it may, and was stopped."
    if completed.cancelled:
        return f"{command} was interrupted."
    if completed.exit_code is not None and completed.exit_code > _LARGEST_OWN_EXIT_CODE:
        return _describe_signal(completed.exit_code - _LARGEST_OWN_EXIT_CODE, words)
    return words or f"{command} ended with exit code {completed.exit_code}."


def _describe_signal(number: int, words: str | None) -> str:
    cause = "; the system does that when memory runs out" if number == signal.SIGKILL else ""
    said = f" Its last words: {words}" if words else ""
    return f"Killed by signal {number}{cause}.{said}"
