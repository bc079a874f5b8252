"""The folder of one job: all that is known of it, so that any later process can find it again.

| file          | written by | when |
|---------------|------------|------|
| `claim.json`  | runner     | first of all; who has this file has the job, a second runner goes
away |
| `process.json`| runner     | before any code of the job runs: the process, by id, start and boot |
| `log.txt`, `log.N.txt` | runner | the output, see `log_files.py` |
| `cancel.json` | whoever cancels | before the first signal |
| `exit.json`   | runner     | last, when nothing of the job runs any more |

Every JSON file appears whole or not at all. Standard library only.
"""

import json
import os
from pathlib import Path
from typing import Any

CLAIM = "claim.json"
PROCESS = "process.json"
CANCEL = "cancel.json"
EXIT = "exit.json"


def write_document(path: Path, document: dict[str, Any]) -> None:
    """Put it there atomically, in place of what there was. Raises OSError."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    _write_through(draft, document)
    draft.replace(path)


def write_first(path: Path, document: dict[str, Any]) -> bool:
    """Put it there if nobody was there before; whether we were the first. Raises OSError."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    _write_through(draft, document)
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True


def read_document(path: Path) -> dict[str, Any] | None:
    """What is there; None when there is nothing. Raises ValueError when it is not ours."""
    try:
        document = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not isinstance(document, dict):
        raise ValueError(f"{path} does not hold a JSON object")  # noqa: TRY004  # the file is wrong
    return document


def _write_through(path: Path, document: dict[str, Any]) -> None:
    with path.open("w", encoding="utf-8") as file:
        json.dump(document, file)
        file.flush()
        os.fsync(file.fileno())
