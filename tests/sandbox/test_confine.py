"""The launcher itself; also as a plain user, and without the rest of the product."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ml_intern.sandbox import confine
from ml_intern.sandbox.system_paths import with_link_targets

needs_landlock = pytest.mark.skipif(
    confine.landlock_version() < 1, reason="this kernel has no Landlock"
)
INTERPRETER = with_link_targets([Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable)])
SYSTEM = ["/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache", "/proc"]


def confined(folder: Path, *argv: str, python: str = sys.executable, **how):
    """Run the launcher as a file, the way the sandboxes do."""
    specification = confine.specification(
        "landlock",
        cwd=str(folder),
        write=[str(folder)],
        read=[*SYSTEM, *INTERPRETER],
        devices=["/dev/null"],
        network=False,
    )
    command = [python, "-I", "-S", confine.__file__, *specification, *argv]
    return subprocess.run(command, capture_output=True, text=True, check=False, **how)


@pytest.fixture
def plain_user(tmp_path):
    """A Python that a user without any rights can start, and a folder that is theirs."""
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    for python in (sys.executable, "/usr/bin/python3"):
        try:
            subprocess.run([python, "-I", "-c", "1"], user=65534, group=65534, check=True)
        except (OSError, subprocess.SubprocessError):
            continue
        folder = Path("/tmp") / f"ml-intern-test-{os.getpid()}"
        folder.mkdir()
        os.chown(folder, 65534, 65534)
        yield {"python": python, "folder": folder}
        subprocess.run(["rm", "-r", str(folder)], check=True)
        return
    pytest.skip("no interpreter here that a plain user may start")


@needs_landlock
def test_a_plain_user_can_confine_itself(plain_user, tmp_path):
    folder, python = plain_user["folder"], plain_user["python"]
    tmp_path.chmod(0o755)
    (tmp_path / "open-to-all").write_text("anybody may read this")
    code = f"id -u; echo 1 > mine; cat mine; cat {tmp_path}/open-to-all; echo x > /tmp/never-here"
    done = confined(
        folder, "sh", "-c", code, python=python, user=65534, group=65534, extra_groups=[]
    )
    assert done.stdout == "65534\n1\n"
    assert "ermission denied" in done.stderr
    assert not Path("/tmp/never-here").exists()


@needs_landlock
def test_a_plain_user_can_start_only_so_many_processes(plain_user):
    specification = confine.specification(
        "landlock",
        cwd=str(plain_user["folder"]),
        write=[str(plain_user["folder"])],
        read=SYSTEM,
        devices=["/dev/null"],
        max_processes=10,
    )
    code = "i=0; while [ $i -lt 2000 ]; do sleep 2 > /dev/null 2>&1 & i=$((i+1)); done"
    done = subprocess.run(
        [plain_user["python"], "-I", "-S", confine.__file__, *specification, "sh", "-c", code],
        user=65534,
        group=65534,
        extra_groups=[],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "annot fork" in done.stderr


def test_a_specification_of_any_length_fits_the_arguments(tmp_path):
    many = [f"{tmp_path}/{'long' * 10}{number}" for number in range(3_000)]
    specification = confine.specification(
        "landlock",
        cwd="/",
        read=[*SYSTEM, *INTERPRETER, *many],
        write=[],
        devices=["/dev/null"],
    )
    assert len(specification) > 2
    command = [sys.executable, "-I", "-S", confine.__file__, *specification, "echo", "ran"]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b"ran\n"


def test_what_cannot_be_confined_does_not_run(tmp_path):
    done = confined(tmp_path / "missing", "echo", "ran")
    assert done.returncode == confine.CANNOT_CONFINE
    assert "cannot confine the command" in done.stderr
    assert done.stdout == ""


def test_what_is_no_program_is_said(tmp_path):
    (tmp_path / "text").write_text("not a program")
    (tmp_path / "text").chmod(0o755)
    assert confined(tmp_path, "./text").returncode == confine.CANNOT_EXECUTE
    assert confined(tmp_path, "./missing").returncode == confine.NOT_FOUND


@needs_landlock
def test_descriptors_of_ours_are_not_passed_on(tmp_path):
    with (tmp_path / "open").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        done = confined(tmp_path, "ls", "/proc/self/fd", close_fds=False)
    assert str(file.fileno() if not file.closed else "") in "0 1 2 3"
    assert done.stdout.split() == ["0", "1", "2", "3"]  # the last is `ls` reading the folder


@needs_landlock
def test_signals_that_python_ignores_work_again(tmp_path):
    done = confined(tmp_path, "grep", "SigIgn", "/proc/self/status")
    ignored = int(done.stdout.split()[1], 16)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        assert not ignored & 1 << (number - 1)


@needs_landlock
def test_kernel_key_rings_are_closed(tmp_path):
    code = "import ctypes; print(ctypes.CDLL(None, use_errno=True).syscall(250, 0, -4, 0))"
    if os.uname().machine != "x86_64":
        pytest.skip("the number of keyctl is that of x86_64")
    assert confined(tmp_path, sys.executable, "-c", code).stdout == "-1\n"
