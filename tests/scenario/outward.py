"""`ml-intern`, whose sessions have one more tool: `send` reaches outside and cannot be looked up.

What it has sent stands in `$TESTS_OUTSIDE/sent.txt`; it does not come back while
`$TESTS_OUTSIDE/hold` exists.
"""

import os
import time
from pathlib import Path

from ml_intern import tool
from ml_intern.cli.main import main
from ml_intern.daemon import service
from ml_intern.tools.catalogue import with_own

LOOK_EVERY_S = 0.05


@tool(effect="external")
def send(to: str) -> str:
    """Send the results to somebody."""
    outside = Path(os.environ["TESTS_OUTSIDE"])
    with (outside / "sent.txt").open("a") as sent:
        sent.write(f"{to}\n")
    while (outside / "hold").exists():
        time.sleep(LOOK_EVERY_S)
    return f"sent to {to}"


if __name__ == "__main__":
    service.all_tools = lambda: with_own([send])
    main()
