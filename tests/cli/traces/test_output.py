"""What `--output` of `traces export` and `traces open` writes: the whole file, or nothing."""

import os
import shutil
import stat
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from ml_intern.cli import exits
from ml_intern.cli.traces import exporting, opening
from ml_intern.cli.traces.output import writing
from ml_intern.errors import InputError
from tests.support.waiting import wait_until

EXAMPLE = next(Path("traces/examples").glob("ee27*.jsonl")).absolute()


def export(trace: Path, output: str) -> int:
    return exporting.export(
        [str(trace)], output, finished=False, target_met=False, allow_hits=True, as_json=False
    )


def make_page(trace: Path, output: str) -> int:
    return opening.open_trace(str(trace), output=output, browser=False)


@pytest.fixture(params=[export, make_page])
def write(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Path, str], int]:
    monkeypatch.setenv("ML_INTERN_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    return Path(shutil.copy(EXAMPLE, tmp_path))


def test_a_file_is_put_where_it_was_named_and_leaves_others_alone(write, trace, tmp_path):
    (tmp_path / "out.new").write_text("a file of the person's")
    (tmp_path / "link").symlink_to("out")
    assert write(trace, "link") == exits.DONE
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o600
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "out.new").read_text() == "a file of the person's"
    names = sorted(path.name for path in tmp_path.iterdir() if path.name != "state")
    assert names == sorted([trace.name, "link", "out", "out.new"])


def test_a_pipe_is_written_to_and_stays_one(write, trace, tmp_path):
    pipe, read = tmp_path / "pipe", list[bytes]()
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    assert write(trace, str(pipe)) == exits.DONE
    reader.join(20)
    assert read[0].rstrip().endswith((b"}", b"</html>"))
    assert pipe.is_fifo()


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("", "--output is empty"),
        (".", "Is a directory"),
        ("~nosuchuser/x", "~nosuchuser/x cannot be written: No such file"),
        ("missing/out", "No such file"),
        ("/dev/full", "No space left"),
        ("{trace}", "is the trace itself"),
        ("link", "is the trace itself"),
        ("state/traces/sessions/2026-01-01/x.jsonl", "among the traces"),
        ("state/traces/imported/2026-01-01/x.jsonl", "among the traces"),
    ],
)
def test_where_nothing_can_be_written_nothing_is_changed(write, trace, tmp_path, output, words):
    (tmp_path / "link").symlink_to(trace)
    (tmp_path / "state/traces/sessions/2026-01-01").mkdir(parents=True)
    before = trace.read_bytes(), sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match=words):
        write(trace, output.format(trace=trace))
    assert (trace.read_bytes(), sorted(tmp_path.rglob("*"))) == before
    assert stat.S_ISCHR(Path("/dev/full").stat().st_mode)


def test_whoever_interrupts_finds_what_was_there(tmp_path):
    out = tmp_path / "out"
    out.write_bytes(b"before")
    with pytest.raises(KeyboardInterrupt):
        interrupt_in_the_middle(str(out))
    assert [(path, path.read_bytes()) for path in tmp_path.iterdir()] == [(out, b"before")]


def interrupt_in_the_middle(output: str) -> None:
    with writing(output) as file:
        file.write(b"half")
        raise KeyboardInterrupt


def test_an_export_that_is_killed_leaves_the_file_before_and_the_next_one_clears_up(tmp_path):
    day = tmp_path / "state/traces/sessions/2026-11-20"
    day.mkdir(parents=True)
    text = EXAMPLE.read_text()
    for _ in range(300):
        name = str(uuid.uuid4())
        (day / f"{name}.jsonl").write_text(text.replace(EXAMPLE.stem, name))
    out, fresh = tmp_path / "out.jsonl", tmp_path / ".out.jsonl.new"
    out.write_bytes(b"before")
    command = (sys.executable, "-m", "ml_intern.cli.main", "traces", "export", "-o", str(out))
    env = {**os.environ, "ML_INTERN_STATE_DIR": str(tmp_path / "state")}
    process = subprocess.Popen(command, env=env)
    wait_until(lambda: fresh.exists() and fresh.stat().st_size > 0, 60)
    process.kill()
    assert process.wait() == -9
    assert out.read_bytes() == b"before"

    subprocess.run([*command, str(next(day.iterdir()))], env=env, check=True)
    assert len(out.read_bytes().splitlines()) == 1
    assert not fresh.exists()
