"""The process between us and one short command: `run.py` starts it, it keeps the command
(`supervision.py`).

Reads one line of JSON from standard input, the request. The end of standard input means that nobody
waits for the command any more: it was cancelled, or we were killed. Answers with one line of JSON
when nothing of the command is left. Standard library only.
"""

import json
import sys
from pathlib import Path
from typing import NamedTuple

from ml_intern.sandbox.capture import Capture
from ml_intern.sandbox.supervision import Command, Keeper, prepare_keeper


class Request(NamedTuple):
    """What is to run and where its output goes."""

    command: Command
    output: str
    limit_bytes: int


def main() -> None:
    """Keep the command of the request on standard input."""
    wishes = prepare_keeper()
    command, output, limit_bytes = json.loads(sys.stdin.buffer.readline())
    capture = Capture(Path(output), limit_bytes)
    keeper = Keeper(Command(*command), capture, wishes, lifeline=sys.stdin.fileno())
    ending = keeper.run(lambda _pid: None)
    capture.close()
    answer = {
        **ending._asdict(),
        "output_bytes": capture.total_bytes,
        "truncated": capture.truncated,
    }
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
