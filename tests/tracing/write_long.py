"""`python -m tests.tracing.write_long TRACES write|rewrite`: the long session, in small parts.

When it is written anew, a word of it has become a secret.
"""

import sys
from pathlib import Path

from ml_intern.tracing.redaction import Redactor
from ml_intern.tracing.writer import TraceWriter
from tests.tracing.fakes import FakeClock, FakeJournal
from tests.tracing.full_disk import EVENTS

PART_BYTES = 4_000
BECAME_SECRET = "Train something small."


def main(traces: str, act: str) -> None:
    journal = FakeJournal()
    for one in EVENTS:
        journal.put(one)
    secrets = {"MY_KEY": BECAME_SECRET} if act == "rewrite" else {}
    writer = TraceWriter(
        journal,
        Path(traces),
        clock=FakeClock(),
        redactor=Redactor(secrets),
        part_bytes=PART_BYTES,
    )
    if act == "rewrite":
        writer.rewrite(EVENTS[0].session_id)
    else:
        writer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
