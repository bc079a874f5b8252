"""Which sandbox a machine gets, and what people are told when it has none."""

import sys
from pathlib import Path

import pytest

from ml_intern.errors import SandboxError
from ml_intern.sandbox.choose import Machine, choose_sandbox
from ml_intern.sandbox.system_paths import interpreter_folders, with_link_targets


def machine(*, installed: bool = False, works: bool = False, landlock: int = 0) -> Machine:
    return Machine(
        has_bubblewrap=lambda: installed,
        bubblewrap_works=lambda: works,
        landlock_version=lambda: landlock,
    )


@pytest.mark.parametrize(
    ("has", "chosen"),
    [
        (machine(installed=True, works=True, landlock=7), "bubblewrap"),
        (machine(installed=True, landlock=7), "process"),
        (machine(landlock=1), "process"),
    ],
)
def test_auto_takes_the_strongest_that_works(has, chosen):
    assert choose_sandbox("auto", machine=has).name == chosen


@pytest.mark.parametrize(
    ("name", "has", "words"),
    [
        ("auto", machine(), "apt install bubblewrap"),
        ("auto", machine(installed=True), "Landlock"),
        ("process", machine(installed=True, works=True), "Landlock"),
        ("bubblewrap", machine(landlock=7), "apt install bubblewrap"),
        ("bubblewrap", machine(installed=True, landlock=7), "user namespaces"),
    ],
)
def test_a_machine_without_it_is_told_what_to_do(name, has, words):
    with pytest.raises(SandboxError, match=words):
        choose_sandbox(name, machine=has)


def test_no_sandbox_only_by_name():
    assert choose_sandbox("none", machine=machine()).name == "none"


def test_an_interpreter_says_where_it_lives():
    folders = interpreter_folders(Path(sys.executable))
    assert Path(sys.prefix) in folders
    assert Path(sys.base_prefix) in folders


def test_links_of_an_interpreter_are_followed_to_the_end(tmp_path):
    real = tmp_path / "real"
    real.mkdir()
    (tmp_path / "second").symlink_to("real")
    (tmp_path / "first").symlink_to(tmp_path / "second")
    (tmp_path / "ring").symlink_to("ring")
    found = with_link_targets([tmp_path / "first", tmp_path / "missing"])
    assert found == [str(tmp_path / name) for name in ("first", "second", "real")]
