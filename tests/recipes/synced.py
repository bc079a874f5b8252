"""`python -m tests.recipes.synced TOLD SCRIPT ...` runs a recipe and tells what reaches the disk.

The file TOLD has, in their order, a line `synced PATH` for each file that was written through to
the disk, and `saves PATH` before the state of a trainer is saved, which makes a checkpoint whole.
"""

import os
import runpy
import sys
from pathlib import Path
from typing import Any

from transformers import TrainerState


def main(told: Path, script: str) -> None:
    fsync, save = os.fsync, TrainerState.save_to_json
    with told.open("w", buffering=1) as lines:

        def synced(descriptor: int) -> None:
            fsync(descriptor)
            lines.write(f"synced {Path(f'/proc/self/fd/{descriptor}').readlink()}\n")

        def saved(self: Any, path: str) -> None:
            lines.write(f"saves {path}\n")
            save(self, path)

        os.fsync, TrainerState.save_to_json = synced, saved
        runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    _, told, *sys.argv = sys.argv
    main(Path(told), sys.argv[0])
