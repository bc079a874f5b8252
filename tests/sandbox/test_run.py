"""Commands that print without end, hang, ignore TERM, detach; and callers that go away."""

import os
import signal
import subprocess
import sys
import textwrap
from contextlib import suppress
from pathlib import Path

import pytest

import ml_intern
from ml_intern.errors import SandboxError
from ml_intern.sandbox import run as run_module
from ml_intern.sandbox.process import ProcessSandbox
from ml_intern.sandbox.run import SHOWN_BYTES
from ml_intern.sandbox.unconfined import NoSandbox
from tests.sandbox.given import Bench, running_with, wait_until

ROOT = Path(ml_intern.__file__).parents[1]


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path, NoSandbox())


@pytest.fixture
def mark(request):
    """In the environment of everything that one test starts."""
    return f"{request.node.name}-{os.getpid()}"


def test_short_output_is_kept_whole(bench):
    done = bench.shell("printf 'one\\ntwo'")
    assert (done.text, done.head, done.tail) == ("one\ntwo", "one\ntwo", "")
    assert (done.output_bytes, done.truncated) == (7, False)
    assert done.output_path.read_text() == "one\ntwo"


def test_of_100_megabytes_the_ends_are_kept(bench):
    done = bench.shell("echo first; head -c 100000000 /dev/zero | tr '\\0' x; echo; echo last")
    assert done.ok
    assert done.output_bytes == 100_000_000 + len("first\n\nlast\n")
    assert done.truncated
    assert done.text.startswith("first\nxxx")
    assert done.text.endswith("xxx\nlast\n")
    assert "bytes left out" in done.text
    assert done.output_path.stat().st_size < 1_100_000
    assert len(done.text) < 3 * SHOWN_BYTES


def test_endless_output_fills_neither_disk_nor_memory(bench):
    done = bench.shell("cat /dev/zero", timeout_s=1.5)
    assert done.timed_out
    assert done.output_bytes > 2 << 20
    assert done.output_path.stat().st_size < 1_100_000


def test_output_that_is_not_text_can_be_read_all_the_same(bench):
    assert bench.shell("printf 'caf\\351 \\0 ok'").text == "caf\ufffd \ufffd ok"


def test_a_command_that_closes_its_output_is_waited_for(bench):
    done = bench.shell("exec >&- 2>&-; sleep 0.3; touch done")
    assert done.ok
    assert (bench.workspace / "done").exists()


def test_time_over_ends_even_what_ignores_term(bench, mark, monkeypatch):
    monkeypatch.setattr(run_module, "GRACE_S", 0.3)
    done = bench.shell(
        "trap '' TERM; (trap '' TERM; sleep 300; sleep 300) & sleep 300; sleep 300",
        timeout_s=0.3,
        extra={"TEST_MARK": mark},
    )
    assert done.timed_out
    assert done.exit_code is None
    assert running_with(mark) == []


def test_a_command_has_time_to_clean_up(bench):
    done = bench.cancel_after("on", "trap 'echo saved; exit 0' TERM; echo on; sleep 300 & wait")
    assert done.cancelled
    assert done.text == "on\nsaved\n"


@pytest.mark.parametrize(
    "detached",
    [
        "sleep {s} &",
        "(setsid sleep {s} > /dev/null 2>&1 < /dev/null &)",
        "(setsid env -i sleep {s} &)",
        "(trap '' TERM; setsid bash -c 'setsid sleep {s} & sleep {s}' &)",
    ],
)
def test_what_was_left_behind_is_ended_with_the_command(bench, detached):
    """Whatever it did to its session, group, environment and output."""
    seconds = f"300.{os.getpid()}"
    done = bench.shell(f"{detached.format(s=seconds)}\nsleep 0.2\necho started")
    assert (done.exit_code, done.text) == (0, "started\n")
    assert processes_with_argument(seconds) == []


def processes_with_argument(argument: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if argument in path.read_text().split("\0"):
                found.append(path.parent.name)
    return found


def test_a_process_is_found_by_its_argument():
    """The proof above is worth nothing if nobody would be found."""
    with subprocess.Popen(["sleep", "299.5"]) as sleeper:
        wait_until(lambda: processes_with_argument("299.5") == [str(sleeper.pid)])
        sleeper.kill()


def test_cancelling_ends_it(bench, mark):
    done = bench.cancel_after(
        "on", "echo on; sleep 300 & sleep 300; sleep 300", extra={"TEST_MARK": mark}
    )
    assert done.cancelled
    assert done.exit_code is None
    assert running_with(mark) == []


def test_what_was_cancelled_before_does_not_run_for_long(bench):
    bench.cancelled.set()
    assert bench.shell("sleep 300").cancelled


CALLER = """
import sys, threading
from pathlib import Path
sys.path.insert(0, {root!r})
from ml_intern.sandbox.protocol import Access
from ml_intern.sandbox.run import run_confined
from ml_intern.sandbox.process import ProcessSandbox
folder = Path({folder!r})
run_confined(
    ProcessSandbox(), ["bash", "-c", "setsid sleep 300 & sleep 300; sleep 300"],
    access=Access(write=(folder,)), cwd=folder,
    environment=ProcessSandbox().environment(folder, {{"TEST_MARK": {mark!r}}}),
    timeout_s=300, cancelled=threading.Event(), output=folder / "output",
)
"""


def test_nothing_outlives_a_caller_that_was_killed(tmp_path, mark):
    code = CALLER.format(root=str(ROOT), folder=str(tmp_path), mark=mark)
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)]) as caller:
        wait_until(lambda: len(running_with(mark)) >= 3)
        caller.send_signal(signal.SIGKILL)
    wait_until(lambda: not running_with(mark))


def test_a_supervisor_that_dies_is_an_error_not_an_answer(bench):
    (bench.folder / "output.txt").mkdir()
    with pytest.raises(SandboxError, match="supervisor"):
        bench.shell("true")


def test_a_command_that_has_killed_its_supervisor_is_ended_all_the_same(bench, mark):
    """Only without a sandbox, or below Landlock 6, can it do that."""
    with pytest.raises(SandboxError, match="supervisor of a command died"):
        bench.shell("(setsid sleep 300 &); kill -9 $PPID", extra={"TEST_MARK": mark})
    assert running_with(mark) == []


def test_a_command_cannot_end_its_supervisor(tmp_path):
    bench = Bench(tmp_path, ProcessSandbox())
    done = bench.shell("kill -9 $PPID; echo still here")
    assert done.text.endswith("still here\n")
    assert done.ok
