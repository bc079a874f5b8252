"""Commands in real sandboxes, for the tests of this folder and of the contract."""

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ml_intern.sandbox.processes import marked
from ml_intern.sandbox.protocol import Access, Sandbox
from ml_intern.sandbox.run import Completed, run_confined

PYTHON = sys.executable


class Bench:
    """A workspace, and a shell in it."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.folder = folder
        self.workspace = folder / "workspace"
        self.workspace.mkdir()
        self.sandbox = sandbox
        self.cancelled = threading.Event()

    def shell(self, command: str, **more: Any) -> Completed:
        return self.run("bash", "-c", command, **more)

    def python(self, code: str, **more: Any) -> Completed:
        return self.run(PYTHON, "-c", code, **more)

    def run(
        self,
        *argv: str,
        timeout_s: float = 20.0,
        limit_bytes: int = 1 << 20,
        extra: dict[str, str] | None = None,
        **access: Any,
    ) -> Completed:
        return run_confined(
            self.sandbox,
            argv,
            access=Access(write=(self.workspace,), **access),
            cwd=self.workspace,
            environment=self.sandbox.environment(self.workspace / ".home", extra or {}),
            timeout_s=timeout_s,
            cancelled=self.cancelled,
            output=self.folder / "output.txt",
            limit_bytes=limit_bytes,
        )

    def cancel_after(self, words: str, command: str, **more: Any) -> Completed:
        """Run a command, and cancel it once it has printed `words`."""
        output = self.folder / "output.txt"
        canceller = threading.Thread(target=self._cancel_after, args=(words, output))
        canceller.start()
        done = self.shell(command, **more)
        canceller.join()
        return done

    def _cancel_after(self, words: str, output: Path) -> None:
        wait_until(lambda: output.exists() and words in output.read_text(), timeout_s=20)
        self.cancelled.set()


def wait_until(holds: Callable[[], object], timeout_s: float = 10.0) -> None:
    """Wait for a fact, not for a time."""
    end = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


def running_with(mark: str) -> list[int]:
    """Processes that run with `TEST_MARK=mark` in their environment."""
    return marked("TEST_MARK", mark)
