"""bash: real commands in the real floor sandbox."""

import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from ml_intern.sandbox.choose import choose_sandbox
from ml_intern.tools.bash import Bash, BashArguments
from tests.support.contexts import a_context


@pytest.fixture
def ctx(tmp_path):
    for name in ("workspace", "started_in", "state/held_out", "state/jobs"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "state/held_out/test.jsonl").write_text("secret labels")
    prefixes = [Path(sys.prefix), Path(sys.base_prefix)]
    return a_context(tmp_path, sandbox=choose_sandbox("process", prefixes))


def run(ctx, command: str, **more):
    return Bash().run(BashArguments(command=command, **more), ctx)


def test_output_comes_with_the_exit_code(ctx):
    outcome = run(ctx, "echo out; echo err >&2; exit 3")
    assert not outcome.ok
    assert outcome.output == "out\nerr\n[exit code 3]"


def test_it_starts_in_the_workspace_and_may_write_there(ctx):
    assert run(ctx, "echo hi > a.txt && pwd").ok
    assert (ctx.place.workspace / "a.txt").read_text() == "hi\n"


def test_held_out_data_cannot_be_read_or_written(ctx):
    held_out = ctx.place.held_out
    outcome = run(ctx, f"cat {held_out}/test.jsonl; echo x > {held_out}/new")
    assert not outcome.ok
    assert "secret labels" not in outcome.output
    assert not (held_out / "new").exists()


def test_a_command_that_prints_100_megabytes_is_cut(ctx):
    outcome = run(ctx, "head -c 100000000 /dev/zero | tr '\\0' x; echo end")
    assert outcome.ok
    assert len(outcome.output) < 300_000
    assert outcome.output.endswith("end\n[exit code 0]")


def test_a_command_that_hangs_is_killed_with_its_children(ctx):
    outcome = run(ctx, "sleep 300 & sleep 300", timeout_s=0.5)
    assert not outcome.ok
    assert "timed out" in outcome.output


def test_an_interrupt_ends_the_command(ctx):
    threading.Timer(0.3, ctx.cancelled.set).start()
    assert "interrupted" in run(ctx, "sleep 300").output


def test_secrets_of_the_environment_are_not_there(ctx, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_not_a_real_token")
    assert "hf_not_a_real_token" not in run(ctx, "env").output


def test_the_whole_of_a_longer_output_is_answered(ctx):
    """The router puts it in a file; here nothing is lost."""
    outcome = run(ctx, "seq 30000")
    assert outcome.output.splitlines() == [*map(str, range(1, 30_001)), "[exit code 0]"]


def test_no_output_is_only_the_exit_code(ctx):
    assert run(ctx, "true").output == "[exit code 0]"
    assert run(ctx, "printf x").output == "x\n[exit code 0]"


def test_the_time_that_was_over_is_said(ctx):
    outcome = run(ctx, "sleep 300", timeout_s=0.5)
    assert outcome.output == "[timed out after 0.5 s; the process group was killed]"


def test_a_crowd_of_processes_is_ended(ctx):
    outcome = run(ctx, "for i in $(seq 530); do sleep 300 & done; wait")
    assert not outcome.ok
    assert "too many processes" in outcome.output


def test_its_time_limit_leaves_room_to_end(ctx):
    args = BashArguments(command="true", timeout_s=100)
    assert Bash().time_limit_s(args) > 100


def test_what_a_command_did_before_a_crash_cannot_be_known(ctx):
    assert Bash().recover(BashArguments(command="true"), ctx) is None


def test_python_is_that_of_the_training_environment(ctx):
    place = replace(ctx.place, training_python=Path(sys.executable))
    outcome = run(replace(ctx, place=place), "python -c 'import sys; print(sys.prefix)'")
    assert outcome.output.splitlines()[0] == sys.prefix


@pytest.mark.parametrize("command", ["touch ~", "mkfifo ~", "ln -s /nowhere ~"])
def test_a_command_that_spoils_its_home_does_not_stop_the_next_one(ctx, command):
    assert run(ctx, f"rm -rf ~; {command}").ok
    assert run(ctx, "test -d ~ && test ! -L ~").ok
