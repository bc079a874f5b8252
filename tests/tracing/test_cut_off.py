"""A writer that is killed at each of its steps: while it cuts parts, and while it writes anew."""

import shutil
from pathlib import Path

import pytest

from ml_intern.transcript import parts
from ml_intern.transcript.problems import Problems
from tests.support.cut import every_cut
from tests.support.nursery import Nursery
from tests.tracing.write_long import BECAME_SECRET, main

pytestmark = pytest.mark.timeout(120)
MODULE = "tests.tracing.write_long"


def files(traces: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in traces.glob("sessions/*/*")}


@pytest.fixture
def whole(tmp_path: Path) -> dict[str, bytes]:
    main(str(tmp_path / "whole"), "write")
    found = files(tmp_path / "whole")
    assert len(found) > 2
    return found


def test_killed_at_any_step_the_next_writer_makes_the_same_files(
    tmp_path: Path, whole: dict[str, bytes], nursery: Nursery
) -> None:
    traces = tmp_path / "traces"
    for _ in every_cut(nursery, traces, MODULE, str(traces), "write"):
        for name, data in files(traces).items():
            assert whole[name].startswith(data)
        main(str(traces), "write")
        assert files(traces) == whole
        shutil.rmtree(traces)
    assert files(traces) == whole


def test_killed_while_it_writes_anew_each_file_is_the_old_or_the_new_one(
    tmp_path: Path, whole: dict[str, bytes], nursery: Nursery
) -> None:
    traces = tmp_path / "traces"
    shutil.copytree(tmp_path / "whole", tmp_path / "new")
    main(str(tmp_path / "new"), "rewrite")
    anew = files(tmp_path / "new")
    assert all(BECAME_SECRET.encode() in data for data in whole.values())
    assert not any(BECAME_SECRET.encode() in data for data in anew.values())

    shutil.copytree(tmp_path / "whole", traces)
    for _ in every_cut(nursery, traces, MODULE, str(traces), "rewrite"):
        for name, data in files(traces).items():
            assert name.endswith(".new") or data in (whole[name], anew[name])
        problems = Problems()
        assert list(parts.read(next(traces.glob("sessions/*/*.jsonl")), problems))
        assert problems.found == []
        main(str(traces), "write")
        assert not list(traces.rglob("*.new")), "the next writer clears up"
    assert files(traces) == anew
