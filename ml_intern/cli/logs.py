"""The log of this process: JSON lines in the state directory, nothing on the terminal.

Secrets are taken out as in traces. A log that cannot be written (full disk) is no reason to stop,
and is not complained about.
"""

import json
import logging
import os
import sys
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from ml_intern.clock import stamp
from ml_intern.tracing.redact import Redactor

MOST_BYTES = 10_000_000
OLD_FILES = 3

_OWN_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """One object per record; what was given as `extra` stands beside the message."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        document: dict[str, Any] = {
            "at": stamp(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": self._redactor.text(record.getMessage()),
            "thread": record.threadName,
            "pid": record.process,
        }
        for name, value in vars(record).items():
            if name not in _OWN_FIELDS:
                document[name] = self._redactor.text(str(value))
        if record.exc_info:
            document["traceback"] = self._redactor.text(self.formatException(record.exc_info))
        return json.dumps(document, ensure_ascii=False)


class PrivateFile(RotatingFileHandler):
    """Only its owner may read it."""

    def _open(self) -> Any:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace")

    def handleError(self, record: logging.LogRecord) -> None:
        """Be silent: the terminal belongs to the person."""


class StoreTrouble(logging.Handler):
    """Remembers that a worker could not reach the store: nothing moves until a person acts."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.words: str | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage() == "store_unavailable" and record.exc_info:
            self.words = str(record.exc_info[1])


def start_log(
    state_dir: Path, *, debug: bool, redactor: Redactor, most_bytes: int = MOST_BYTES
) -> StoreTrouble:
    """Send this process's records to `state_dir/logs/ml-intern.log`; with `debug` also to stderr.

    Where the file cannot be opened, there is no log.
    """
    trouble = StoreTrouble()
    handlers: list[logging.Handler] = [trouble]
    folder = state_dir / "logs"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handlers.append(
            PrivateFile(folder / "ml-intern.log", maxBytes=most_bytes, backupCount=OLD_FILES)
        )
    except OSError:
        handlers.append(logging.NullHandler())
    if debug:
        handlers.append(logging.StreamHandler(sys.stderr))
    for handler in handlers[1:]:
        handler.setFormatter(JsonLines(redactor))
    logging.basicConfig(
        level=logging.DEBUG if debug else logging.INFO, handlers=handlers, force=True
    )
    logging.captureWarnings(capture=True)
    return trouble
