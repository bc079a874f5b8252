"""A process that is killed at a step of its own.

`python -m tests.support.cut STEP FOLDER MODULE ARGUMENT...` runs a module, and sends itself SIGKILL
before the STEP-th file below FOLDER that it opens to write, moves, removes or makes a folder of.
"""

import os
import runpy
import signal
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from tests.support.nursery import ROOT, Nursery

_MOVES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir")


def every_cut(nursery: Nursery, folder: Path, module: str, *arguments: str) -> Iterator[int]:
    """Each step before which it was killed, from 1; at last it comes to its end by itself."""
    for step in count(1):
        words = (str(step), str(folder), module, *arguments)
        done = nursery.run(*words, module=__name__, environment=os.environ, folder=ROOT)
        if done.returncode != -signal.SIGKILL:
            assert done.returncode == 0, done.stderr
            assert step > 1, "it did nothing at all"
            return
        yield step


def main() -> None:
    step, folder, *sys.argv = sys.argv[1:]
    left = int(step)

    def watch(event: str, given: tuple[object, ...]) -> None:
        nonlocal left
        if _is_step(event, given) and str(given[0]).startswith(folder):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def _is_step(event: str, given: tuple[object, ...]) -> bool:
    if event == "open":
        return isinstance(given[2], int) and bool(given[2] & (os.O_WRONLY | os.O_RDWR))
    return event in _MOVES


if __name__ == "__main__":
    main()
