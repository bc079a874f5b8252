"""A process that has all imports in memory, and makes the processes that tests start and kill.

Importing is most of the second or two (five with LiteLLM or PyTorch) that a start takes, and a run
of the tests takes a thousand starts. Each process is a fork of the nursery that then runs a module
as `python -m MODULE` does, in a session, folder and environment of its own.

`python -m tests.support.nursery WARM` is the nursery, which calls `WARM.warm()` to have in memory
what its processes need. It has no thread, so that what is forked is whole.
"""

import gc
import importlib
import json
import os
import runpy
import select
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn, Self

ROOT = Path(__file__).resolve().parents[2]
START_S = 60.0


class Nursery:
    """A nursery, seen from the tests; safe from any thread."""

    def __init__(self, warm: str = "tests.support.warm_daemon", **environment: str) -> None:
        """`warm`: the module that imports; `environment`: what else it is to find there."""
        own = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.nursery", warm],
            cwd=ROOT,
            env={**os.environ, **own},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        # One birth at a time: answers carry no name.
        self._births = threading.Lock()
        # Protects what is below, and says when it has changed.
        self._news = threading.Condition()
        self._born: list[int] = []
        self._ended: dict[int, int] = {}
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Make no more, and end those that live."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        self._listener.join()

    def bear(
        self,
        module: str,
        *words: str,
        environment: Mapping[str, str],
        folder: Path,
        output: Path,
        errors: Path | None = None,
    ) -> int:
        """Start `python -m module words...`; its process number.

        Standard error goes to `errors`, or to `output` too.
        """
        wanted = {
            "module": module,
            "words": words,
            "environment": dict(environment),
            "folder": str(folder),
            "output": str(output),
            "errors": str(errors or output),
        }
        assert self._process.stdin is not None
        with self._births, self._news:
            before = len(self._born)
            self._process.stdin.write(json.dumps(wanted).encode() + b"\n")
            self._process.stdin.flush()
            assert self._news.wait_for(lambda: len(self._born) > before, START_S)
            return self._born[-1]

    def child(self, module: str, *words: str, **place: Any) -> "Child":
        """As `bear`, to be handled as one that `subprocess` has started."""
        return Child(self, self.bear(module, *words, **place))

    def run(
        self,
        *words: str,
        module: str = "ml_intern.cli.main",
        environment: Mapping[str, str],
        folder: Path,
        within_s: float = 60.0,
    ) -> subprocess.CompletedProcess[str]:
        """`ml-intern words...`, without a terminal and seen through. Raises TimeoutExpired."""
        with tempfile.TemporaryDirectory() as kept:
            output, errors = Path(kept, "output"), Path(kept, "errors")
            process = self.child(
                module,
                *words,
                environment=environment,
                folder=folder,
                output=output,
                errors=errors,
            )
            try:
                status = process.wait(within_s)
            finally:
                process.kill()
            return subprocess.CompletedProcess(
                words, status, output.read_text(), errors.read_text()
            )

    def ended(self, number: int, within_s: float | None = 0.0) -> int | None:
        """Exit status of a process, negative for a signal; None while it lives."""
        with self._news:
            self._news.wait_for(lambda: number in self._ended, within_s)
            return self._ended.get(number)

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            word, *numbers = line.decode().split()
            with self._news:
                if word == "started":
                    self._born.append(int(numbers[0]))
                    # The system gives numbers again, and this one has not ended.
                    self._ended.pop(int(numbers[0]), None)
                else:
                    self._ended[int(numbers[0])] = int(numbers[1])
                self._news.notify_all()


class Child:
    """One process of a nursery, to be handled as a `subprocess.Popen` is."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self._nursery = nursery
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """How it ended; None while it lives."""
        if self.returncode is None:
            self.returncode = self._nursery.ended(self.pid)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """How it ended. Raises TimeoutExpired."""
        if self.returncode is None:
            self.returncode = self._nursery.ended(self.pid, timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        """One that has ended hears nothing."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


# The nursery itself


def main() -> None:
    """A process for each line: `{"module", "words", "environment", "folder", "output", "errors"}`.

    Says `started NUMBER`, and `ended NUMBER STATUS` of each that has ended. At the end of input it
    ends the others.
    """
    _warm(sys.argv[1])
    heard = ""
    living: set[int] = set()
    while True:
        ready, _, _ = select.select([0], [], [], 0.02)
        if ready:
            piece = os.read(0, 1 << 16).decode()
            if not piece:
                return _end(living)
            heard += piece
        while "\n" in heard:
            line, _, heard = heard.partition("\n")
            number = _born(json.loads(line))
            living.add(number)
            _tell("started", number)
        _bury(living)


def _warm(module: str) -> None:
    importlib.import_module(module).warm()
    gc.collect()
    gc.freeze()  # a look for garbage would copy the pages that all share
    assert threading.active_count() == 1, "a nursery must not fork beside threads"


def _born(wanted: dict[str, Any]) -> int:
    number = os.fork()
    if number == 0:
        _be(wanted)
    return number


def _be(wanted: dict[str, Any]) -> NoReturn:
    os.setsid()
    for standard, path, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, wanted["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND),
        (2, wanted["errors"], os.O_WRONLY | os.O_CREAT | os.O_APPEND),
    ):
        opened = os.open(path, flags, 0o600)
        os.dup2(opened, standard)
        os.close(opened)
    os.environ.clear()
    os.environ.update(wanted["environment"])
    os.chdir(wanted["folder"])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = [wanted["module"], *wanted["words"]]
    sys.modules.pop(wanted["module"], None)  # as `python -m` has it, which has not imported it
    runpy.run_module(wanted["module"], run_name="__main__", alter_sys=True)
    raise SystemExit


def _end(living: set[int]) -> None:
    """Whoever asked for them is gone."""
    for number in living:
        os.kill(number, signal.SIGKILL)


def _bury(living: set[int]) -> None:
    while True:
        try:
            number, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not number:
            return
        living.discard(number)
        _tell("ended", number, os.waitstatus_to_exitcode(status))


def _tell(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


if __name__ == "__main__":
    main()
