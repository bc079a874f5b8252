"""The log of this process, by structlog: for a foreground command a file of JSON lines in the state
directory and nothing on the terminal; for the service its standard error.

Secrets are taken out as in traces. A log that cannot be written (full disk) is no reason to stop,
and is not complained about.
"""

import logging
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, WrappedLogger

from ml_intern.clock import stamp
from ml_intern.tracing.redaction import Redactor

MOST_BYTES = 10_000_000
OLD_FILES = 3

PRIORITIES = {"critical": 2, "error": 3, "warning": 4, "info": 6, "debug": 7}
"""Of syslog, for the prefix by which journald knows them (sd-daemon(3))."""

Renderer = Callable[[WrappedLogger, str, EventDict], str]


def json_line(_logger: WrappedLogger, _name: str, event: EventDict) -> str:
    """One object per record; what was given as `extra` stands beside the message."""
    told = {name: event.pop(name) for name in ("at", "level", "logger", "event")}
    return str(structlog.processors.JSONRenderer(ensure_ascii=False)(None, "", {**told, **event}))


def journal_line(logger: WrappedLogger, name: str, event: EventDict) -> str:
    """The same, with the priority that journald takes from the front of a line."""
    return f"<{PRIORITIES.get(event['level'], 6)}>" + json_line(logger, name, event)


def coloured_line(logger: WrappedLogger, name: str, event: EventDict) -> str:
    """For a person at a terminal."""
    for field in ("pid", "thread"):
        event.pop(field, None)
    renderer = structlog.dev.ConsoleRenderer(timestamp_key="at", colors=True)
    return str(renderer(logger, name, event))


def plain_line(logger: WrappedLogger, name: str, event: EventDict) -> str:
    """For a person who reads a file."""
    renderer = structlog.dev.ConsoleRenderer(timestamp_key="at", colors=False)
    return str(renderer(logger, name, event))


def formatter(render: Renderer, redactor: Redactor) -> logging.Formatter:
    """Renders the records of the standard library, whoever wrote them."""

    def redact(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
        return {
            key: value
            if key == "_record"
            else redactor.value(str(value), key)
            if key != "pid"
            else value
            for key, value in event.items()
        }

    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.ExtraAdder()],
        processors=[
            _identify,
            structlog.processors.ExceptionRenderer(),
            redact,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            render,
        ],
    )


def _identify(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """When, how grave, by whom. A traceback is rendered as the record has it."""
    record = event["_record"]
    event["at"] = stamp(datetime.fromtimestamp(record.created, UTC))
    event["level"] = record.levelname.lower()
    event["logger"] = record.name
    event["thread"] = record.threadName
    event["pid"] = record.process
    if record.exc_info:
        event["exc_info"] = record.exc_info
    return event


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
        handler.setFormatter(formatter(json_line, redactor))
    _send_to(handlers, debug=debug)
    return trouble


def start_service_log(stream: TextIO, render: Renderer, *, debug: bool, redactor: Redactor) -> None:
    """Send this process's records to `stream`."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter(render, redactor))
    _send_to([handler], debug=debug)


_NOISY = (
    "apscheduler",
    "httpx",
    "httpcore",
    "uvicorn.access",
    "uvicorn.error",
    "LiteLLM",
    "alembic.runtime.plugins",
    "slack_sdk",
)


def _send_to(handlers: list[logging.Handler], *, debug: bool) -> None:
    logging.basicConfig(
        level=logging.DEBUG if debug else logging.INFO, handlers=handlers, force=True
    )
    logging.captureWarnings(capture=True)
    for noisy in _NOISY:
        logging.getLogger(noisy).setLevel(logging.WARNING)
