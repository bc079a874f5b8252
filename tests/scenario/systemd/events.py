"""Prints the journal of a state directory as lines of JSON, for whoever cannot read it as its user.

Runs as the service's user beside the daemon, until its standard input ends.
"""

import json
import select
import sys
from dataclasses import asdict
from pathlib import Path

from ml_intern.clock import SystemClock
from ml_intern.queue.store import Store

LOOK_EVERY_S = 0.1


def main() -> None:
    """Follow the journal of the state directory that is named."""
    store = Store.open(Path(sys.argv[1]) / "ml-intern.db", SystemClock())
    cursor = 0
    while not select.select([sys.stdin], [], [], LOOK_EVERY_S)[0]:
        for recorded in store.follow(cursor, 500):
            cursor = recorded.position
            event = {"session": recorded.session_id, **asdict(recorded.event)}
            sys.stdout.write(json.dumps(event, default=str) + "\n")
        sys.stdout.flush()
    store.close()


if __name__ == "__main__":
    main()
