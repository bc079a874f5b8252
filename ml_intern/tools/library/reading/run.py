"""Start the package beside this file, under a name that no installed package has.

`python -I run.py REQUEST` prints one line of JSON; see `answers.main`.
"""

import importlib.util
import sys
from pathlib import Path

NAME = "ml_intern_reading"


def main() -> None:
    """Load the package without putting its folder where others would be found by it."""
    folder = Path(__file__).parent
    spec = importlib.util.spec_from_file_location(
        NAME, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules[NAME] = package
    spec.loader.exec_module(package)
    importlib.import_module(f"{NAME}.answers").main(sys.argv[1:])


if __name__ == "__main__":
    main()
