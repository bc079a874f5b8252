"""Scripts in the training environment, confined."""

import pytest

from ml_intern.tools.run_script import run_python
from tests.support.places import confined_place, context_in


@pytest.fixture
def ctx(tmp_path):
    return context_in(confined_place(tmp_path))


def run(ctx, code, **more):
    return run_python(ctx, ["-c", code], cwd=ctx.place.workspace, timeout_s=30, **more)


def test_a_script_runs_in_the_training_environment(ctx):
    done = run(ctx, "import sys, shutil; print(sys.prefix, shutil.which('python'))")
    prefix, found = done.text.split()
    assert done.ok
    assert str(ctx.place.training_python).startswith(prefix)
    assert found.startswith(str(ctx.place.training_python.parent))


def test_a_script_reads_and_writes_what_it_is_given_besides(ctx, tmp_path):
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "in").write_text("input")
    (tmp_path / "out").mkdir()
    code = f"open('{tmp_path}/out/x', 'w').write(open('{tmp_path}/given/in').read())"
    assert not run(ctx, code).ok
    assert run(ctx, code, extra_read=[tmp_path / "given"], extra_write=[tmp_path / "out"]).ok
    assert (tmp_path / "out" / "x").read_text() == "input"


def test_a_script_sees_neither_held_out_data_nor_where_the_task_was_typed(ctx):
    for folder in (ctx.place.held_out, ctx.place.jobs, ctx.place.started_in):
        (folder / "file").write_text("secret")
        assert "secret" not in run(ctx, f"print(open('{folder}/file').read())").text


def test_variables_are_added_to_the_environment(ctx):
    done = run(ctx, "import os; print(os.environ['SEED'])", environment={"SEED": "42"})
    assert done.text == "42\n"


def test_the_memory_of_the_settings_bounds_it(tmp_path):
    ctx = context_in(confined_place(tmp_path, memory_bytes=512 << 20))
    assert "MemoryError" in run(ctx, "b'x' * (1 << 30)").text


def test_each_output_has_a_file_of_its_own(ctx):
    first, second = (run(ctx, f"print({number})") for number in (1, 2))
    assert first.output_path != second.output_path
    assert first.output_path.read_text() == "1\n"
    assert first.output_path.is_relative_to(ctx.place.jobs)
