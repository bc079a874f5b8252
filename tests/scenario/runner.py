"""`ml-intern`, whose sessions have one more tool: `run_outside` runs a script where it likes.

Each script that it has begun stands as a file in `$TESTS_OUTSIDE`; it does not come back while
`$TESTS_OUTSIDE/hold` exists.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

from ml_intern import tool
from ml_intern.cli.main import main
from ml_intern.daemon import service
from ml_intern.tools.catalogue import with_own

LOOK_EVERY_S = 0.02


@tool(effect="external")
def run_outside(script: str) -> str:
    """Run a Python script without any confinement."""
    outside = Path(os.environ["TESTS_OUTSIDE"])
    number = len(list(outside.glob("*.py")))
    (outside / f"{number}.py").write_text(script)
    while (outside / "hold").exists():
        time.sleep(LOOK_EVERY_S)
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout


if __name__ == "__main__":
    service.all_tools = lambda: with_own([run_outside])
    main()
