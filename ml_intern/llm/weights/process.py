"""The process that holds a model, seen from ours: its start, the frames to and fro, its end.

Belongs to one `Host`, which lets one thread at a time speak to it. A thread of its own waits for
its end, so that none is left behind as a zombie.
"""

import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

START = Path(__file__).parent / "child" / "start.py"
END_S = 5.0
"""What a process that was told to end gets before it is killed."""
SEND_S = 30.0
"""What it gets to take an order."""
LAST_BYTES = 4_000
"""Of what it wrote at the end, in which its last words are looked for."""
_PASSED = (
    *("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "XDG_CACHE_HOME", "LD_LIBRARY_PATH"),
    *("HF_HOME", "HF_HUB_CACHE", "HF_ENDPOINT", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("http_proxy", "https_proxy", "no_proxy", "all_proxy", "REQUESTS_CA_BUNDLE"),
    *("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"),
)
_PASSED_KINDS = ("OMP_", "MKL_", "PYTORCH_", "CUDA_", "NVIDIA_")
"""What begins so says how to compute."""

Frame = dict[str, Any]


class Died(Exception):
    """The process has ended; `words`: how, and what it said last."""

    def __init__(self, words: str, *, is_idle: bool = False) -> None:
        super().__init__(words)
        self.words = words
        self.is_idle = is_idle
        """It ended by itself, because nobody had asked it anything."""


def environment_of(
    ours: Mapping[str, str], *, is_offline: bool, token: str | None, endpoint: str | None
) -> dict[str, str]:
    """What a model's process gets of our environment: no key, and the Hub's token only for it."""
    given = {
        name: value
        for name, value in ours.items()
        if name in _PASSED or name.startswith(_PASSED_KINDS)
    }
    given |= {
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    if is_offline:
        return {**given, "HF_HUB_OFFLINE": "1"}
    if endpoint is not None:
        given["HF_ENDPOINT"] = endpoint
    if token is None:
        return {**given, "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"}
    return {**given, "HF_TOKEN": token}


class Child:
    """A process, from its start to its end."""

    def __init__(self, python: Path, name: str, environment: Mapping[str, str]) -> None:
        """Start it. Raises OSError where `python` cannot be run."""
        self._name = name
        self._said = b""
        """Received, and not yet a whole line."""
        self._is_idle = False
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 closed in `_watch`
        self._socket, theirs = socket.socketpair()
        try:
            with theirs:
                self._process = subprocess.Popen(
                    [python, "-I", START, str(theirs.fileno()), name],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=self._words,
                    stderr=self._words,
                    env=dict(environment),
                    cwd="/",
                    start_new_session=True,  # Ctrl-C in a terminal is for us
                )
        except OSError:
            self._socket.close()
            self._words.close()
            raise
        self.pid = self._process.pid
        self._watcher = threading.Thread(target=self._process.wait, name=f"ends-{self.pid}")
        self._watcher.daemon = True
        self._watcher.start()

    def send(self, frame: Frame) -> None:
        """Give an order. Raises Died."""
        try:
            self._socket.settimeout(SEND_S)
            self._socket.sendall(json.dumps(frame).encode() + b"\n")
        except OSError as exc:
            raise self._died() from exc

    def receive(self, timeout_s: float) -> Frame | None:
        """The next frame; None when none came in time. Raises Died."""
        while b"\n" not in self._said:
            self._socket.settimeout(timeout_s)
            try:
                more = self._socket.recv(1 << 16)
            except TimeoutError:
                return None
            except OSError:
                more = b""
            if not more:
                raise self._died()
            self._said += more
        line, _, self._said = self._said.partition(b"\n")
        frame: Frame = json.loads(line)
        self._is_idle = frame["kind"] == "idle"
        return frame

    def close(self) -> None:
        """Tell it to end; it is killed if it does not."""
        with contextlib.suppress(OSError):  # it has hung up already
            self._socket.shutdown(socket.SHUT_RDWR)  # also wakes who waits for a frame
        self._watcher.join(END_S)
        if self._watcher.is_alive():
            self._process.kill()
            self._watcher.join(END_S)
        self._socket.close()
        self._words.close()

    def _died(self) -> Died:
        self._hear_last()
        self._watcher.join(END_S)
        if self._watcher.is_alive():  # it closed its socket, and lives
            self._process.kill()
            self._watcher.join(END_S)
        return Died(self._last_words(), is_idle=self._is_idle)

    def _hear_last(self) -> None:
        """What it sent before it ended, and nobody has received: whether it was idle."""
        with contextlib.suppress(OSError):  # the connection broke: no more was received
            while more := self._socket.recv(1 << 16):
                self._said += more
        last = self._said.splitlines()[-1:]
        self._is_idle = self._is_idle or any(json.loads(line)["kind"] == "idle" for line in last)

    def _last_words(self) -> str:
        how = _ended(self._process.returncode)
        try:
            size = os.fstat(self._words.fileno()).st_size
            text = os.pread(self._words.fileno(), LAST_BYTES, max(0, size - LAST_BYTES))
        except (OSError, ValueError):  # closed
            text = b""
        lines = [line for line in text.decode(errors="replace").splitlines() if line.strip()]
        return f"{how}: {lines[-1].strip()}" if lines else how


def _ended(status: int | None) -> str:
    if status is None:
        return "it was given up"
    if status >= 0:
        return f"it ended with status {status}"
    name = signal.Signals(-status).name if -status in set(signal.Signals) else str(-status)
    more = ", as a machine does that has no memory left" if -status == signal.SIGKILL else ""
    return f"it was ended by {name}{more}"
