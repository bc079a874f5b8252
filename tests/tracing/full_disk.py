"""A process whose files may not grow beyond a size: what a full disk looks like from inside.

`python -m tests.tracing.full_disk TRACES LIMIT_BYTES` writes the long session of `test_writer`,
first under the limit, then without it, and prints a line of JSON for each.
"""

import json
import logging
import resource
import signal
import sys
from pathlib import Path

from ml_intern.tracing.writer import RETRY_AFTER_S, TraceWriter
from tests.tracing.fakes import FakeClock, FakeJournal, recorded, replied, session_id


def main() -> None:
    traces, limit_bytes = Path(sys.argv[1]), int(sys.argv[2])
    logging.disable()
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, hard))
    journal, clock = FakeJournal(), FakeClock()
    writer = TraceWriter(journal, traces, clock=clock)
    for one in recorded("full", *[replied("x" * 200) for _ in range(20)]):
        journal.put(one)
        writer.catch_up()
    report(writer)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    clock.seconds += RETRY_AFTER_S
    writer.catch_up()
    writer.close()
    report(writer)


def report(writer: TraceWriter) -> None:
    path = writer.path(session_id("full"))
    sys.stdout.write(json.dumps(path.read_text() if path.exists() else None) + "\n")


if __name__ == "__main__":
    main()
