"""What traces cost: a turn beside the writer, bytes on the disk, and catching up.

    python -m benchmarks.traces [--turns 300] [--events 10000]

The same turns run without and with a trace writer at work in the same process, in alternation.
"""

import argparse
import statistics
import tempfile
import threading
import time
from itertools import pairwise
from pathlib import Path

from benchmarks.run import row, timed
from benchmarks.turns import Clocked, run_session
from ml_intern.clock import SystemClock
from ml_intern.events import Event, ModelReplied, SessionStarted, ToolFinished, UserSaid
from ml_intern.messages import CallId, SessionId, ToolCall, Usage
from ml_intern.ops import UserInput
from ml_intern.queue.rows import Lease
from ml_intern.queue.store import Store
from ml_intern.tracing.writer import TraceWriter

SESSION = SessionId("22222222-2222-4222-8222-222222222222")
ROUNDS = 5
MIB = 1 << 20
AT_ONCE = 500
"""Events that are stored together while a long session is made up."""
FEW = 20
"""Exchanges that a figure is the mean of."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=300, help="of the session that is timed")
    parser.add_argument("--events", type=int, default=10_000, help="that are caught up with")
    chosen = parser.parse_args()
    without, beside = turn_ms(chosen.turns)
    row("turn without a trace writer", f"{without:.2f} ms wall", "")
    row("turn with one at work", f"{beside:.2f} ms wall", "")
    caught_up_s, size_bytes, early, late = long_session(chosen.events)
    row(f"catch up with {chosen.events:,} events", f"{caught_up_s:.2f} s", "")
    row("  as files of", f"{size_bytes / MIB:.1f} MiB", "")
    row("written per exchange, at first", f"{early:,.0f} bytes", "")
    row("written per exchange, at last", f"{late:,.0f} bytes", f"{1.1 * early:,.0f} bytes")


def turn_ms(turns: int, rounds: int = ROUNDS) -> tuple[float, float]:
    """Wall milliseconds of a turn without and with the writer, medians of the rounds."""
    pairs = [
        (_turn_ms(turns, with_writer=False), _turn_ms(turns, with_writer=True))
        for _ in range(rounds)
    ]
    without, beside = zip(*pairs, strict=True)
    return statistics.median(without), statistics.median(beside)


def _turn_ms(turns: int, *, with_writer: bool) -> float:
    """The median turn of one session."""
    with tempfile.TemporaryDirectory(dir=Path.home()) as folder:
        root, stop = Path(folder), threading.Event()
        store = Store.open(root / "ml-intern.db", SystemClock())
        writer = TraceWriter(store, root / "traces")
        thread = threading.Thread(target=writer.run, args=(stop,), name="trace-writer")
        if with_writer:
            thread.start()
        model = Clocked(turns, time.perf_counter)
        run_session(root, store, model)
        stop.set()
        if with_writer:
            thread.join()
        store.close()
    moments = [moment for _, moment in model.marks]
    return statistics.median(b - a for a, b in pairwise(moments)) * 1000


def long_session(events: int) -> tuple[float, int, float, float]:
    """Seconds to catch up with `events`, bytes of the files, and bytes that are written for one
    exchange at the beginning of the session and at its end.
    """
    with tempfile.TemporaryDirectory(dir=Path.home()) as folder:
        root = Path(folder)
        store = Store.open(root / "ml-intern.db", SystemClock())
        lease = _begin(store)
        writer = TraceWriter(store, root / "first")
        writer.catch_up()
        early = _written_per_exchange(store, lease, writer, 0)
        exchanges = range(FEW, events // 2)
        for at in range(0, len(exchanges), AT_ONCE // 2):
            some = exchanges[at : at + AT_ONCE // 2]
            store.append(lease, *(event for number in some for event in _exchange(number)))
        writer.catch_up()
        late = _written_per_exchange(store, lease, writer, events)
        fresh = TraceWriter(store, root / "again")
        caught_up_s = timed(fresh.catch_up)
        size_bytes = sum(path.stat().st_size for path in root.glob("again/sessions/*/*.jsonl"))
        store.close()
    return caught_up_s, size_bytes, early, late


def _begin(store: Store) -> Lease:
    started = SessionStarted(title="t", model="m", workspace="/w", started_in="/", version="0")
    store.create_session(SESSION, started, UserInput(text="go", author="bench"))
    claim = store.claim(1.0)
    assert claim is not None
    store.append(claim.lease, UserSaid(text="go", author="bench"))
    return claim.lease


def _written_per_exchange(store: Store, lease: Lease, writer: TraceWriter, first: int) -> float:
    """Bytes that this process hands to the system while the writer takes up one exchange, mean."""
    written = 0
    for number in range(first, first + FEW):
        store.append(lease, *_exchange(number))
        before = _written_bytes()
        writer.catch_up()
        written += _written_bytes() - before
    return written / FEW


def _written_bytes() -> int:
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(fields["wchar"])


def _exchange(number: int) -> tuple[Event, Event]:
    """An answer with a call, and its 2 kB of output."""
    call_id = CallId(f"call_{number:08}")
    call = ToolCall(call_id=call_id, name="bash", arguments='{"command": "python train.py"}')
    return (
        ModelReplied(
            reply_id=f"reply_{number:08}",
            model="m",
            text="I look at the loss.",
            thinking="",
            tool_calls=(call,),
            usage=Usage(input_tokens=100, output_tokens=20),
            cost_micro_usd=0,
            stop_reason="tool_calls",
            duration_ms=10,
        ),
        ToolFinished(
            call_id=call_id,
            tool="bash",
            ok=True,
            output="step loss accuracy\n" * 105,
            answered_by="tool",
            duration_ms=10,
        ),
    )


if __name__ == "__main__":
    main()
