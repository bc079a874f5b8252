"""Every command that reads a trace, on long ones: its memory does not grow with the file."""

import io
import json
import tracemalloc
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from ml_intern.cli import exits
from ml_intern.cli.foreground import Manner
from ml_intern.cli.traces import exporting, importing, showing
from ml_intern.cli.traces.replay import replay
from ml_intern.errors import ConfigError, InputError
from ml_intern.llm.replay import replay_model
from ml_intern.session import forking
from ml_intern.tracing.exporting import choosing
from ml_intern.tracing.importing import formats
from ml_intern.transcript import conversation, recording
from ml_intern.transcript.problems import Problems
from tests.support import long_traces

MIB = 1 << 20
SHORT, LONG = 2 * MIB, 8 * MIB
MOST_GROWTH = (LONG - SHORT) // 4
"""Whoever holds the text itself takes that much, and more."""


def export(path: Path) -> None:
    output = str(path.with_name("train.jsonl"))
    exporting.export(
        [str(path)], output,
        finished=True, target_met=True, thoughts="", allow_hits=False, as_json=False,
    )  # fmt: skip


COMMANDS: dict[str, Callable[[Path], object]] = {
    "show": lambda path: showing.show(str(path), showing.Wanted(), as_json=False),
    "show --json": lambda path: showing.show(str(path), showing.Wanted(), as_json=True),
    "export": export,
    "import": lambda path: importing.import_files([path], as_json=False),
    "fork": lambda path: forking.of_file(path, 1, Problems()),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A short session and a long one, both summed up now and then."""
    folder = tmp_path_factory.mktemp("long")
    paths = [folder / f"{size}.jsonl" for size in (SHORT, LONG)]
    for path, size in zip(paths, (SHORT, LONG), strict=True):
        long_traces.write(path, "compacted", size, exchanges_per_compaction=48)
    return paths


@pytest.mark.timeout(120)
@pytest.mark.parametrize("command", COMMANDS)
def test_memory_does_not_grow_with_the_file(
    command: str, files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ML_INTERN_STATE_DIR", str(tmp_path))
    run = COMMANDS[command]
    peak_bytes(run, files[0])  # what is imported then, and kept, is not counted
    short, long = (peak_bytes(run, path) for path in files)
    assert long - short < MOST_GROWTH


def test_a_conversation_that_no_model_is_given_is_left_out_and_the_others_exported(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ML_INTERN_STATE_DIR", str(tmp_path))
    monkeypatch.setattr(conversation, "MOST_CHARS", SHORT)
    whole, output = tmp_path / "whole.jsonl", tmp_path / "train.jsonl"
    long_traces.write(whole, "one-turn", 2 * SHORT)
    told = io.StringIO()
    with redirect_stdout(told):
        status = exporting.export(
            [str(whole), str(files[0])], str(output),
            finished=False, target_met=False, thoughts="", allow_hits=False, as_json=True,
        )  # fmt: skip
    report = json.loads(told.getvalue())
    assert (status, report["left_out"]) == (exits.DONE, {"whole": choosing.TOO_LONG})
    assert report["size_bytes"] == output.stat().st_size
    assert len(output.read_text().splitlines()) == report["examples"] > 1
    with pytest.raises(InputError, match="Name an earlier turn with --at"):
        forking.of_file(whole, 1, Problems())


def test_a_session_that_a_replay_cannot_hold_is_named_before_it_is_played(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ML_INTERN_STATE_DIR", str(tmp_path))
    monkeypatch.setattr(recording, "MOST_CHARS", SHORT)
    path = tmp_path / "long.jsonl"
    long_traces.write(path, "one-turn", 2 * SHORT)
    manner = Manner(as_json=False, quiet=True, yes=True, debug=False)
    with pytest.raises(InputError, match="A replay holds all of them in memory"):
        replay(str(path), manner, tools="recorded")
    with pytest.raises(ConfigError, match="A replay holds all of them in memory"):
        replay_model(f"replay/{path}")


def test_one_json_object_is_imported_only_as_far_as_it_fits_into_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ML_INTERN_STATE_DIR", str(tmp_path))
    monkeypatch.setattr(formats, "MAX_JSON_BYTES", MIB)
    messages = [{"role": "user", "content": "x" * 100}] * 20_000
    path = tmp_path / "session.json"
    path.write_text(json.dumps({"session_id": "a", "messages": messages}, indent=1))
    assert importing.import_files([path], as_json=False) == exits.FAILED
    assert "more than 1 MiB" in capsys.readouterr().err


def peak_bytes(run: Callable[[Path], object], path: Path) -> int:
    """What Python had in memory at most; it is the same each time."""
    with Path("/dev/null").open("w") as nowhere, redirect_stdout(nowhere):
        tracemalloc.start()
        try:
            run(path)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
