"""What the commands on traces take of a large one: seconds, CPU, and memory at its peak.

    python -m benchmarks.large_traces [--mb 100] [--kind turns compacted one-turn long-line]

Each command runs as a person runs it, on a state directory of its own. Medians would take too long:
on a busy machine, CPU seconds are the figure to compare.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.support import long_traces

MB = 1_000_000
MIB = 1 << 20
NAME = f"{long_traces.SESSION}.jsonl"
COMMANDS = (
    ("list",),
    ("show", "FILE"),
    ("open", "FILE", "-o", "page.html"),
    ("export", "FILE", "-o", "train.jsonl"),
    ("import", "FILE"),
    ("fork", "FILE", "--at", "1", "--no-wait"),
    ("replay", "FILE", "--tools", "recorded", "--quiet"),
)
"""What is too long for one of them is refused, with status 1 or 2."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=int, default=100, help="of the file")
    parser.add_argument(
        "--kind", nargs="+", choices=long_traces.KINDS, default=["turns", "compacted"]
    )
    chosen = parser.parse_args()
    for kind in chosen.kind:
        with tempfile.TemporaryDirectory(dir=Path.home()) as folder:
            file, day = Path(folder, NAME), Path(folder, "state/traces/imported/2026-01-01")
            day.mkdir(parents=True)
            exchanges = long_traces.write(file, kind, chosen.mb * MB)
            (day / NAME).hardlink_to(file)
            print(f"{chosen.mb} MB, {kind}: {exchanges:,} exchanges", flush=True)
            for command in COMMANDS:
                _measure(Path(folder), file, command)


def _measure(home: Path, file: Path, command: tuple[str, ...]) -> None:
    """Run one command and print its line of the table."""
    arguments = [str(file) if one == "FILE" else one for one in command]
    began = time.perf_counter()
    with (home / "said.txt").open("wb") as said:
        run = subprocess.Popen(
            [sys.executable, "-m", "ml_intern.cli.main", "traces", *arguments],
            env={**os.environ, "ML_INTERN_STATE_DIR": str(home / "state")},
            cwd=home, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
        )  # fmt: skip
        _, status, used = os.wait4(run.pid, 0)
    run.returncode = os.waitstatus_to_exitcode(status)
    took = time.perf_counter() - began
    cpu_s = used.ru_utime + used.ru_stime
    peak = used.ru_maxrss * 1024 / MIB
    print(
        f"  {' '.join(command):42} status {run.returncode}  {took:7.1f} s wall  {cpu_s:6.1f} s CPU"
        f"  {peak:6.0f} MiB",
        flush=True,
    )


if __name__ == "__main__":
    main()
