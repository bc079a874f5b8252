"""read, write and edit: what they answer, what they refuse, what they do after a crash."""

import json
from pathlib import Path

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


def put(ctx, name: str, content: bytes) -> Path:
    path = ctx.place.workspace / name
    path.write_bytes(content)
    return path


def edit(ctx, old: str, new: str):
    return Edit().run(EditArguments(path="a.py", old=old, new=new), ctx)


def test_read_numbers_the_lines_and_says_how_to_go_on(ctx):
    put(ctx, "a.txt", b"one\r\ntwo\nthree\n")
    assert Read().run(ReadArguments(path="a.txt", offset=2, limit=1), ctx).output.split("\n") == [
        "     2  two",
        "[more; read on with offset=3]",
    ]
    assert "1  one" in Read().run(ReadArguments(path="a.txt"), ctx).output


def test_read_cuts_long_lines_and_long_answers(ctx):
    put(ctx, "a.txt", b"x" * 5000 + b"\n" + b"y" * 1500 * 100 + b"\n" + b"short\n" * 10_000)
    output = Read().run(ReadArguments(path="a.txt", limit=2000), ctx).output
    assert "3000 characters cut" in output
    assert len(output) < 25_000


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [("a.bin", b"PNG\0\0", "not text"), ("missing.txt", None, "no file"), ("", None, "a folder")],
)
def test_read_refuses_what_is_no_text_file(ctx, name, content, words):
    if content is not None:
        put(ctx, name, content)
    outcome = Read().run(ReadArguments(path=name or "."), ctx)
    assert not outcome.ok
    assert words in outcome.output


def test_write_makes_folders_and_replaces_whole_files(ctx):
    for content in ("a long first version", "short"):
        outcome = Write().run(WriteArguments(path="deep/er/a.txt", content=content), ctx)
        assert outcome.ok
    assert (ctx.place.workspace / "deep/er/a.txt").read_text() == "short"


def test_write_leaves_the_workspace_alone_when_told_to_go_outside(ctx):
    (ctx.place.workspace / "link").symlink_to(ctx.place.started_in)
    for path in ("../a", "/tmp/never-written-here", "link/a"):
        with pytest.raises(InputError):
            Write().run(WriteArguments(path=path, content="x"), ctx)
    assert list(ctx.place.started_in.iterdir()) == []


def test_edit_changes_one_place_and_shows_the_difference(ctx):
    path = put(ctx, "a.py", b"lr = 10.0\r\nseed = 1\r\n")
    outcome = edit(ctx, "lr = 10.0", "lr = 1.0")
    assert path.read_bytes() == b"lr = 1.0\r\nseed = 1\r\n"
    difference = json.loads(outcome.output)["diff"].splitlines()
    assert "-lr = 10.0" in difference
    assert "+lr = 1.0" in difference


def test_edit_refuses_a_text_that_is_there_twice_or_not_at_all(ctx):
    path = put(ctx, "a.py", b"a = 1\na = 1\nlearning_rate = 2\n")
    assert "occurs 2 times" in edit(ctx, "a = 1", "a = 2").output
    assert "3: learning_rate = 2" in edit(ctx, "learning_rate = 3", "x").output
    assert path.read_bytes() == b"a = 1\na = 1\nlearning_rate = 2\n"


def test_edit_after_a_crash_is_done_once(ctx):
    path = put(ctx, "a.py", b"n = 32\nm = 1\n")
    args = EditArguments(path="a.py", old="n = 32", new="n = 16")
    assert Edit().recover(args, ctx).ok
    assert path.read_bytes() == b"n = 16\nm = 1\n"
    again = Edit().recover(args, ctx)
    assert "+n = 16" in json.loads(again.output)["diff"]
    assert path.read_bytes() == b"n = 16\nm = 1\n"


def test_edit_after_a_crash_says_unknown_where_it_cannot_know(ctx):
    put(ctx, "a.py", b"x = 12\n")
    assert Edit().recover(EditArguments(path="a.py", old="x = 1", new="x = 12"), ctx) is None


def test_edit_refuses_what_is_not_utf8(ctx):
    put(ctx, "a.py", b"caf\xe9 = 1\n")
    assert "byte 3" in edit(ctx, "= 1", "= 2").output
