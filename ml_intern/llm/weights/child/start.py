"""Begins the process: `python -I start.py FD MODEL`, where FD is the socket to whoever started it.

Makes a package of the folder that it lies in, whatever else this Python has.
"""

import importlib.util
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
NAME = "weights_child"


def begin() -> None:
    """Import the package by its place, and work until told to end."""
    spec = importlib.util.spec_from_file_location(
        NAME, FOLDER / "__init__.py", submodule_search_locations=[str(FOLDER)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{FOLDER} cannot be read")
    package = importlib.util.module_from_spec(spec)
    sys.modules[NAME] = package
    spec.loader.exec_module(package)
    work = importlib.import_module(f"{NAME}.work")
    work.work(int(sys.argv[1]))


if __name__ == "__main__":
    begin()
