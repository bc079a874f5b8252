"""The journal of the service's sessions, seen by root: its user tells it (`events.py`), so that no
file of the database ever belongs to root.
"""

import json
import subprocess
import threading
from typing import IO, Any

from tests.scenario.systemd.shell import STATE, service_python, wait_until


class Journal:
    """All events since the first."""

    def __init__(self) -> None:
        self._events: list[dict[str, Any]] = []
        self._teller: subprocess.Popen[str] | None = None

    def open(self) -> None:
        """Have them told from now on, also while there is no daemon."""
        self._teller = subprocess.Popen(
            service_python("tests.scenario.systemd.events", str(STATE)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        threading.Thread(target=self._read, args=(self._teller.stdout,), daemon=True).start()

    def close(self) -> None:
        """Nobody tells any more."""
        if self._teller is not None and self._teller.stdin is not None:
            self._teller.stdin.close()
            self._teller.wait()

    def __len__(self) -> int:
        return len(self._events)

    def all(self, kind: str, field: str) -> list[Any]:
        """This field of all events of a kind."""
        return [event[field] for event in self._events if event["kind"] == kind]

    def wait_for(self, kind: str, *, after: int, **fields: str) -> None:
        """Until there is such an event behind the first `after`."""
        wanted = {"kind": kind, **fields}

        def found() -> bool:
            return any(_has(event, wanted) for event in self._events[after:])

        wait_until(found, f"an event with {wanted}")

    def _read(self, told: IO[str]) -> None:
        for line in told:
            self._events.append(json.loads(line))


def _has(event: dict[str, Any], wanted: dict[str, str]) -> bool:
    return all(event.get(name) == value for name, value in wanted.items())
