"""One table: what ml-intern itself costs, with the machine's own figures for scale.

    python -m benchmarks.run [--demo]

Medians of several runs. CPU seconds are the steadier figure on a shared machine.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.attach import text_latency_ms
from benchmarks.lookups import lookup_s
from benchmarks.service import op_to_model_s, ready_cpu_s
from benchmarks.sessions import hosted_turns_per_cpu_s, own_turns_per_cpu_s
from benchmarks.turns import cpu_per_turn

HELP_LIMIT = 8.0
TURN_LIMIT_MS = 10.0
READY_LIMIT_S = 1.5
OP_LIMIT_MS = 20.0
ATTACH_LIMIT_MS = 50.0
LOOKUP_LIMIT_S = 1.0
LEAST_TURNS = 200.0
DEMO_LIMIT_S = 90.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--demo", action="store_true", help="also time the whole demo (a minute)")
    chosen = parser.parse_args()
    bare = wall([sys.executable, "-c", "pass"])
    row("bare interpreter", f"{bare * 1000:.1f} ms", "")
    row("fdatasync of 4 kB", f"{fdatasync_s() * 1000:.2f} ms", "")
    started = wall([sys.executable, "-m", "ml_intern.cli.main", "--help"])
    took = f"{started * 1000:.1f} ms = {started / bare:.1f} x bare"
    row("ml-intern --help", took, f"{HELP_LIMIT:.0f} x")
    for turns in (1, 300):
        own_ms, commit_ms = cpu_per_turn(turns)
        row(f"our CPU, turn {turns}", f"{own_ms:.2f} ms", f"{TURN_LIMIT_MS:.0f} ms")
        row(f"commits to disk, turn {turns}", f"{commit_ms:.2f} ms wall", "")
    median, slowest = lookup_s()
    figures = f"{median:.2f} s CPU, slowest {slowest:.2f} s"
    row("look into installed packages", figures, f"{LOOKUP_LIMIT_S:.0f} s")
    service()
    if chosen.demo:
        row("demo, second run", f"{demo_s():.0f} s", f"{DEMO_LIMIT_S:.0f} s")


def service() -> None:
    """What runs overnight."""
    row("serve until ready", f"{ready_cpu_s():.2f} s CPU", f"{READY_LIMIT_S} s")
    median, p99 = (seconds * 1000 for seconds in op_to_model_s())
    row("op to model asked", f"{median:.1f} ms, p99 {p99:.1f} ms", f"{OP_LIMIT_MS:.0f} ms (p99)")
    median, p99 = text_latency_ms()
    row(
        "text to who is attached", f"{median:.1f} ms, p99 {p99:.1f} ms", f"{ATTACH_LIMIT_MS:.0f} ms"
    )
    own = own_turns_per_cpu_s()
    print(
        f"{'20 sessions, our CPU':32} {own:20.0f} turns/s   at least {LEAST_TURNS:.0f}", flush=True
    )
    row("20 sessions, LiteLLM in it", f"{hosted_turns_per_cpu_s():.0f} turns/s", "")


def row(name: str, figure: str, limit: str) -> None:
    """One line of the table."""
    print(f"{name:32} {figure:>28}   {('at most ' + limit) if limit else ''}", flush=True)


def wall(command: list[str], times: int = 9) -> float:
    """Seconds of the median run."""
    return statistics.median(
        timed(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))
        for _ in range(times)
    )


def timed(act: Callable[[], object]) -> float:
    """Wall seconds of one call."""
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def fdatasync_s(times: int = 50) -> float:
    """Seconds that the disk takes for a small durable write, median."""
    with tempfile.TemporaryDirectory(dir=Path.home()) as folder:
        descriptor = os.open(Path(folder) / "probe", os.O_CREAT | os.O_WRONLY)

        def write() -> None:
            os.write(descriptor, b"x" * 4096)
            os.fdatasync(descriptor)

        figure = statistics.median(timed(write) for _ in range(times))
        os.close(descriptor)
    return figure


def demo_s() -> float:
    """Seconds of the demo, on an empty state directory, the second time."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "ML_INTERN_STATE_DIR": folder}
        command = [sys.executable, "-m", "ml_intern.cli.main", "demo", "--yes", "--quiet"]
        figures = [
            timed(
                lambda: subprocess.run(
                    command, check=True, env=environment, stdout=subprocess.DEVNULL
                )
            )
            for _ in range(2)
        ]
    return figures[-1]


if __name__ == "__main__":
    main()
