"""read, write and edit on what a model or a training run may put before them."""

import json
import os

import pytest

from ml_intern.errors import InputError
from ml_intern.tools.files.edit import Edit, EditArguments
from ml_intern.tools.files.read import Read, ReadArguments
from ml_intern.tools.files.write import Write, WriteArguments
from tests.support.contexts import a_context


@pytest.fixture
def ctx(tmp_path):
    (tmp_path / "workspace").mkdir()
    (tmp_path / "started_in").mkdir()
    return a_context(tmp_path)


def read(ctx, path, **more):
    return Read().run(ReadArguments(path=str(path), **more), ctx)


def edit(ctx, path, old, new):
    return Edit().run(EditArguments(path=path, old=old, new=new), ctx)


def test_the_next_lines_of_a_long_file_are_asked_for_by_number(ctx):
    path = ctx.place.workspace / "long.txt"
    path.write_text("".join(f"line {number}\n" for number in range(1, 5_001)))
    seen, offset = [], 1
    while offset:
        lines = read(ctx, "long.txt", offset=offset, limit=1_000).output.splitlines()
        more = lines[-1].startswith("[more;")
        seen += [line[8:] for line in (lines[:-1] if more else lines)]
        offset = int(lines[-1].split("offset=")[1].rstrip("]")) if more else 0
    assert seen == [f"line {number}" for number in range(1, 5_001)]


def test_an_answer_stays_short_whatever_the_lines(ctx):
    (ctx.place.workspace / "wide.txt").write_text(f"{'x' * 1_900}\n" * 500)
    assert len(read(ctx, "wide.txt", limit=5_000).output) < 25_000


def test_a_line_of_many_megabytes_is_cut_and_the_next_is_found(ctx):
    path = ctx.place.workspace / "wide.json"
    with path.open("wb") as file:
        file.truncate(0)
        file.write(b"x" * 5_000_000 + b"\nsecond\n")
    lines = read(ctx, "wide.json").output.splitlines()
    assert "it has 5000001 bytes" in lines[0]
    assert lines[1] == "     2  second"


def test_an_empty_file_and_an_offset_behind_the_end_are_said(ctx):
    (ctx.place.workspace / "empty").touch()
    (ctx.place.workspace / "three").write_text("1\n2\n3")
    assert "is empty" in read(ctx, "empty").output
    assert "has 3 lines" in read(ctx, "three", offset=4).output


def test_a_missing_file_is_answered_with_what_lies_beside_it(ctx):
    (ctx.place.workspace / "train.py").touch()
    assert json.loads(read(ctx, "trian.py").output)["beside_it"] == ["train.py"]


def test_names_of_closed_folders_are_not_told(ctx):
    ctx.place.held_out.mkdir(parents=True)
    (ctx.place.held_out / "test.jsonl").touch()
    for path in ("../state/held_out/tset.jsonl", str(ctx.place.held_out / "tset.jsonl")):
        with pytest.raises(InputError):
            read(ctx, path)


def test_a_folder_is_answered_with_what_it_holds(ctx):
    (ctx.place.workspace / "data" / "train").mkdir(parents=True)
    assert json.loads(read(ctx, "data").output)["entries"] == ["train/"]


def test_binary_files_are_refused_by_name_and_size(ctx):
    (ctx.place.workspace / "model.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 92)
    outcome = read(ctx, "model.png")
    assert not outcome.ok
    assert "100 bytes" in outcome.output
    assert "PNG" in outcome.output


@pytest.mark.timeout(10)
def test_pipes_and_devices_are_refused(ctx):
    os.mkfifo(ctx.place.started_in / "pipe")
    with pytest.raises(InputError, match="pipe"):
        read(ctx, ctx.place.started_in / "pipe")


def test_an_interrupt_ends_reading(ctx):
    (ctx.place.workspace / "long.txt").write_text("x\n" * 100_000)
    ctx.cancelled.set()
    assert "interrupted" in read(ctx, "long.txt", offset=99_999).output


@pytest.mark.parametrize("path", ["a\0b", "x" * 5_000, "ring/file"])
def test_impossible_paths_are_the_models_mistake_not_ours(ctx, path):
    (ctx.place.workspace / "ring").symlink_to("ring")
    for act in (
        lambda: read(ctx, path),
        lambda: Write().run(WriteArguments(path=path, content="x"), ctx),
        lambda: edit(ctx, path, "a", "b"),
    ):
        try:
            outcome = act()
        except (InputError, OSError):
            continue
        assert not outcome.ok


def test_a_link_within_the_workspace_is_followed(ctx):
    (ctx.place.workspace / "real.txt").write_text("old\n")
    (ctx.place.workspace / "link.txt").symlink_to("real.txt")
    assert edit(ctx, "link.txt", "old", "new").ok
    assert (ctx.place.workspace / "link.txt").is_symlink()
    assert read(ctx, "link.txt").output == "     1  new"


def test_a_folder_cannot_be_written_over(ctx):
    (ctx.place.workspace / "data").mkdir()
    for path in ("data", "."):
        assert "a folder" in Write().run(WriteArguments(path=path, content="x"), ctx).output


def test_write_after_a_crash_writes_the_same_again(ctx):
    args = WriteArguments(path="a.txt", content="text\r\n")
    first = Write().run(args, ctx)
    assert Write().recover(args, ctx) == first
    assert (ctx.place.workspace / "a.txt").read_bytes() == b"text\r\n"


def test_edit_keeps_windows_line_ends_over_several_lines(ctx):
    path = ctx.place.workspace / "a.py"
    path.write_bytes(b"a = 1\r\nb = 2\r\nc = 3\r\n")
    assert edit(ctx, "a.py", "a = 1\nb = 2", "a = 1\nx = 9\nb = 2").ok
    assert path.read_bytes() == b"a = 1\r\nx = 9\r\nb = 2\r\nc = 3\r\n"


def test_edit_says_on_which_lines_a_text_stands(ctx):
    (ctx.place.workspace / "a.py").write_text("x = 1\ny = 2\nx = 1\n")
    assert json.loads(edit(ctx, "a.py", "x = 1", "x = 2").output)["lines"] == [1, 3]


def test_an_edit_that_changes_nothing_is_refused(ctx):
    (ctx.place.workspace / "a.py").write_text("x = 1\n")
    assert "the same" in edit(ctx, "a.py", "x = 1", "x = 1").output


def test_edit_can_take_text_out(ctx):
    (ctx.place.workspace / "a.py").write_text("keep\ndrop\n")
    assert edit(ctx, "a.py", "drop\n", "").ok
    assert (ctx.place.workspace / "a.py").read_text() == "keep\n"
