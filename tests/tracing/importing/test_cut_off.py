"""Imports that are killed, or find no room."""

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ml_intern.tracing.finding import all_files
from ml_intern.transcript import parts
from ml_intern.transcript.problems import Problems
from tests.support.cut import every_cut
from tests.support.nursery import ROOT, Nursery
from tests.tracing.importing.test_importing import SESSION, retired

TAKE = "tests.tracing.importing.take"
LONG = 120_000
"""Characters of an answer; twelve of them make two parts."""


def saved(path: Path, *answers: str) -> Path:
    said = [{"role": "user", "content": "Do it."}]
    said += [{"role": "assistant", "content": text} for text in answers]
    path.write_text(json.dumps(retired(messages=said)))
    return path


@pytest.fixture
def take(nursery: Nursery) -> Callable[[Path, Path], int]:
    """Import a file in a process of its own; how that ends."""

    def take(source: Path, traces: Path) -> int:
        words = (str(source), str(traces))
        return nursery.run(*words, module=TAKE, environment=os.environ, folder=ROOT).returncode

    return take


def shown(traces: Path) -> tuple[bytes, list[str]]:
    """What there is to be read of the session, and what is said to be wrong with it."""
    problems = Problems()
    found = next(all_files(traces), None)
    if found is None:
        return b"", []
    list(parts.read(found, problems))
    read = b"".join(path.read_bytes() for path in parts.files(found))
    return read, [str(problem) for problem in problems.found]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("before", [0, 4, 24])
@pytest.mark.parametrize("after", [4, 24])
def test_killed_at_any_step_no_half_session_looks_whole_and_the_next_import_clears_up(
    tmp_path: Path,
    before: int,
    after: int,
    nursery: Nursery,
    take: Callable[[Path, Path], int],
) -> None:
    traces = tmp_path / "traces"
    old = saved(tmp_path / "old.json", *["old " + "x" * LONG] * before)
    new = saved(tmp_path / "new.json", *["new " + "x" * LONG] * after)
    wholes = [(b"", [])]
    for source in (new, old):
        assert take(source, tmp_path / source.stem) == 0
        wholes.append(shown(tmp_path / source.stem))
    if before:
        assert take(old, traces) == 0
    for _ in every_cut(nursery, traces, TAKE, str(new), str(traces)):
        found, problems = shown(traces)
        assert (found, problems) in wholes or "part 1 of the session is missing" in problems
        if before:
            assert take(old, traces) == 0
    assert shown(traces) == wholes[1]
    files = [path for path in traces.rglob("*") if path.is_file()]
    assert len(files) == (after > 12) + 1


def test_without_room_nothing_is_left_and_what_was_there_stays(
    tmp_path: Path, take: Callable[[Path, Path], int]
) -> None:
    traces = tmp_path / "traces"
    assert take(saved(tmp_path / "old.json", "old"), traces) == 0
    before = sorted(traces.rglob("*")), shown(traces)

    def little_room() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (LONG, LONG))

    new = saved(tmp_path / "new.json", "x" * LONG, "y" * LONG)
    command = (sys.executable, "-m", TAKE, str(new), str(traces))
    done = subprocess.run(command, check=False, capture_output=True, preexec_fn=little_room)
    assert done.returncode == 1
    assert (sorted(traces.rglob("*")), shown(traces)) == before


def test_what_a_killed_import_left_is_removed_by_one_of_another_session(
    tmp_path: Path, take: Callable[[Path, Path], int]
) -> None:
    left = tmp_path / "imported" / "2026-03-01" / f".{SESSION}"
    left.mkdir(parents=True)
    (left / "half.jsonl").write_bytes(b"{")
    other = tmp_path / "other.json"
    other.write_text(json.dumps(retired(session_id="another")))
    assert take(other, tmp_path) == 0
    assert not left.exists()
    assert os.listdir(left.parent) != []  # noqa: PTH208  # names are what matters
