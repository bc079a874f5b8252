"""The Hub from within the daemon: each request goes to a process that speaks to the Hub.

So nothing that the Hub does, or does not do, holds anybody up for longer than `PATIENCE_S`, and
nothing at all once `stop` is set: the process is ended then. What it had sent may have been done.
"""

import json
import os
import select
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, Self

from ml_intern.clock import Clock, SystemClock
from ml_intern.errors import HubAway, HubOvertaken, HubRefused
from ml_intern.hub.protocol import (
    Change,
    Changed,
    Fetched,
    Outgoing,
    Ref,
    RemoteFile,
    Repository,
    Wanted,
    Who,
)

PATIENCE_S = 300.0
"""For one request, uploads of many files too."""
START_S = 60.0
LOOK_S = 0.1
"""How often one looks whether to stop."""
READ_BYTES = 1 << 16
TAIL_BYTES = 2_000
_ROOT = Path(__file__).parents[2]
_CLIENT = "ml_intern.hub.client"


def _nobody(_size: int) -> None:
    """Is told."""


class HubAbroad:
    """See `Hub`. The process starts with the first request. Belongs to one thread."""

    def __init__(
        self,
        endpoint: str,
        token: str | None,
        *,
        stop: threading.Event | None = None,
        clock: Clock | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """`token`: None reads what everybody may."""
        self._endpoint = endpoint
        self._token = token
        self._stop = stop or threading.Event()
        self._clock = clock or SystemClock()
        self._patience_s = patience_s
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process; the next request starts another."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()  # it holds nothing that could be lost
        process.wait()
        for end in (process.stdin, process.stdout, self._errors):
            if end is not None:
                with suppress(BrokenPipeError):  # of a request that it did not live to read
                    end.close()

    # Requests

    def who(self) -> Who:
        """See `Hub.who`."""
        found = self._ask("who")
        return Who(user=found["user"], orgs=tuple(found["orgs"]), role=found["role"])

    def look(self, repo_id: str) -> Repository:
        """See `Hub.look`."""
        return Repository(**self._ask("look", repo_id=repo_id))

    def files(self, repo_id: str, commit: str) -> Sequence[RemoteFile]:
        """See `Hub.files`."""
        return [RemoteFile(**one) for one in self._ask("files", repo_id=repo_id, commit=commit)]

    def text(self, repo_id: str, commit: str, path: str) -> str:
        """See `Hub.text`."""
        return str(self._ask("text", repo_id=repo_id, commit=commit, path=path))

    def create(self, repo_id: str) -> None:
        """See `Hub.create`."""
        self._ask("create", repo_id=repo_id)

    def commit(
        self,
        repo_id: str,
        parent: str,
        files: Sequence[Outgoing],
        texts: Mapping[str, str],
        message: str,
    ) -> str:
        """See `Hub.commit`."""
        made = self._ask(
            "commit",
            repo_id=repo_id,
            parent=parent,
            files=[{**asdict(one), "source": str(one.source)} for one in files],
            texts=dict(texts),
            message=message,
        )
        return str(made)

    def set_private(self, repo_id: str, private: bool) -> None:
        """See `Hub.set_private`."""
        self._ask("set_private", repo_id=repo_id, private=private)

    def make(self, kind: str, repo_id: str, private: bool) -> None:
        """See `Hub.make`."""
        self._ask("make", kind=kind, repo_id=repo_id, private=private)

    def change(self, change: Change) -> Changed:
        """See `Hub.change`."""
        files = [{**asdict(one), "source": str(one.source)} for one in change.files]
        return Changed(**self._ask("change", **{**asdict(change), "files": files}))

    def mark(self, ref: Ref) -> None:
        """See `Hub.mark`."""
        self._ask("mark", **asdict(ref))

    def download(self, wanted: Wanted, tell: Callable[[int], None] = _nobody) -> Fetched:
        """See `Hub.download`. The patience is that between two pieces."""
        given = {**asdict(wanted), "cache": str(wanted.cache)}
        found = self._ask("download", tell, **given)
        return Fetched(**{**found, "path": Path(found["path"])})

    def _ask(self, act: str, tell: Callable[[int], None] = _nobody, /, **given: Any) -> Any:
        try:
            self._run()
            self._say({"act": act, "given": given})
            while "progress" in (answer := json.loads(self._line(self._patience_s))):
                tell(answer["progress"])
        except OSError as exc:
            self.close()
            raise HubAway(f"the process that speaks to the Hub failed: {exc}") from exc
        except BaseException:
            # Also a stop: what it still says would be taken for the answer to the next question.
            self.close()
            raise
        match answer:
            case {"value": value}:
                return value
            case {"refused": words, "reason": reason}:
                raise HubRefused(words, reason=reason)
            case {"overtaken": words}:
                raise HubOvertaken(words)
            case _:
                raise HubAway(answer["away"], retry_after_s=answer["retry_after_s"])

    # The process

    def _run(self) -> None:
        """Raises OSError, HubAway."""
        if self._process is None:
            self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - `close` closes it
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", _CLIENT],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env=self._environment(),
                start_new_session=True,  # a Ctrl-C in the terminal is for us alone
            )
            self._say({"endpoint": self._endpoint, "token": self._token})
            self._line(START_S)

    def _environment(self) -> dict[str, str]:
        path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH", ""))))
        return {
            **os.environ,
            "PYTHONPATH": path,
            "HF_ENDPOINT": self._endpoint,
            "HF_HUB_DISABLE_XET": "1",  # a client of its own, without a time limit
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
        }

    def _say(self, words: Mapping[str, Any]) -> None:
        """Raises OSError."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(words).encode() + b"\n")
        self._process.stdin.flush()

    def _line(self, within_s: float) -> bytes:
        """The next one of the process. Raises OSError, HubAway."""
        assert self._process is not None
        assert self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        until = self._clock.monotonic() + within_s
        line = bytearray()
        while not line.endswith(b"\n"):
            if self._stop.is_set():
                raise HubAway("it was to stop")
            if self._clock.monotonic() > until:
                raise HubAway(f"the Hub did not answer within {within_s:.0f} s")
            if select.select([pipe], [], [], LOOK_S)[0]:
                piece = os.read(pipe, READ_BYTES)
                if not piece:
                    raise HubAway(f"the process that speaks to the Hub broke: {self._last_words()}")
                line += piece
        return bytes(line)

    def _last_words(self) -> str:
        assert self._errors is not None
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - TAIL_BYTES))
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"
