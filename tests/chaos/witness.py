"""Who wrote into a session, in the order in which it was done: one line, session and token.

The line is written while the transaction holds the session's row, below the check of the token. So
a token that comes after a greater one was written by somebody who had lost the session.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ml_intern.queue import leases, store


def install(path: Path) -> None:
    """Note every write of this process that is made under a lease."""
    append = store.append_held
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def noted(connection: Any, lease: Any, found: Any, at: str, **how: Any) -> list[int]:
        numbers = append(connection, lease, found, at, **how)
        os.write(file, f"{lease.session_id} {lease.token}\n".encode())
        return numbers

    store.append_held = leases.append_held = noted


def unfenced(path: Path) -> Iterator[str]:
    """Each write of somebody who had lost the session."""
    newest: dict[str, int] = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        session_id, token = line.split()
        before = newest.setdefault(session_id, int(token))
        if int(token) < before:
            yield f"{session_id} was written with lease {token} after {before}"
        newest[session_id] = max(before, int(token))
