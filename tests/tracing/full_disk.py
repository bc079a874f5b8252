"""A process whose files may not grow beyond a size: what a full disk looks like from inside.

`python -m tests.tracing.full_disk TRACES PART_BYTES FIRST LIMIT_BYTES` writes the long session of
`test_writer` in parts of that size: its first events without the limit, the others under it, then
without it again, and prints a line of JSON for the last two: the text of each file by its name.
"""

import json
import logging
import resource
import signal
import sys
from pathlib import Path

from ml_intern.tracing.writer import RETRY_AFTER_S, TraceWriter
from tests.tracing.fakes import FakeClock, FakeJournal, recorded, replied

EVENTS = recorded("full", *[replied("x" * 200) for _ in range(20)])


def main() -> None:
    traces = Path(sys.argv[1])
    part_bytes, first, limit_bytes = map(int, sys.argv[2:])
    logging.disable()
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    journal, clock = FakeJournal(), FakeClock()
    writer = TraceWriter(journal, traces, clock=clock, part_bytes=part_bytes)
    for number, one in enumerate(EVENTS):
        if number == first:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, hard))
        journal.put(one)
        writer.catch_up()
    report(traces)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    clock.seconds += RETRY_AFTER_S
    writer.catch_up()
    writer.close()
    report(traces)


def report(traces: Path) -> None:
    files = {path.name: path.read_text() for path in traces.rglob("*.jsonl")}
    sys.stdout.write(json.dumps(files) + "\n")


if __name__ == "__main__":
    main()
