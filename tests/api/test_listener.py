"""Who may listen where, and what becomes of the file."""

import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from ml_intern.api.listener import LONGEST_PATH_BYTES, Listener
from ml_intern.errors import ConfigError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s"


def reachable(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


def leave_behind(path: Path) -> None:
    """The socket of a process that was killed."""
    script = (
        "import os, signal, socket, sys\n"
        "s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen()\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    assert killed.returncode == -signal.SIGKILL


def test_only_this_user_may_use_the_socket_whatever_the_umask(path: Path) -> None:
    """In a process of its own: the umask belongs to all threads."""
    script = (
        "import os, sys; from pathlib import Path\n"
        "from ml_intern.api.listener import Listener\n"
        "os.umask(0)\n"
        "os.chmod = os.fchmodat = Path.chmod = None\n"  # the mode is right from the beginning
        "Listener.open(Path(sys.argv[1])); os._exit(0)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(path)], check=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_missing_folder_is_made_for_this_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "s"
    listener = Listener.open(path)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert reachable(path)
    listener.close()


def test_the_file_goes_with_its_listener(path: Path) -> None:
    listener = Listener.open(path)
    listener.close()
    assert not path.exists()
    listener.close()


def test_a_file_that_is_no_longer_ours_stays(path: Path) -> None:
    listener = Listener.open(path)
    path.unlink()
    successor = Listener.open(path)
    listener.close()
    assert reachable(path)
    successor.close()


def test_the_socket_of_a_dead_process_is_replaced(path: Path) -> None:
    leave_behind(path)
    assert path.is_socket()
    assert not reachable(path)
    listener = Listener.open(path)
    assert reachable(path)
    listener.close()


def test_the_socket_of_a_living_process_stays_and_is_named(path: Path) -> None:
    listener = Listener.open(path)
    with pytest.raises(ConfigError, match=rf"Process {os.getpid()} listens at .*ML_INTERN_SOCKET"):
        Listener.open(path)
    assert reachable(path)
    listener.close()


def test_a_listener_that_accepts_nobody_lives_all_the_same(path: Path) -> None:
    full = socket.socket(socket.AF_UNIX)
    full.bind(str(path))
    full.listen(0)
    waiting = socket.socket(socket.AF_UNIX)
    waiting.connect(str(path))
    with pytest.raises(ConfigError, match=r"cannot listen|listens"):
        Listener.open(path)
    assert path.is_socket()
    waiting.close()
    full.close()


@pytest.mark.parametrize("kind", ["file", "folder", "link", "pipe"])
def test_what_is_no_socket_is_never_taken_away(path: Path, tmp_path: Path, kind: str) -> None:
    precious = tmp_path / "precious"
    precious.write_text("work of weeks")
    {
        "file": lambda: path.write_text("work of weeks"),
        "folder": path.mkdir,
        "link": lambda: path.symlink_to(precious),
        "pipe": lambda: os.mkfifo(path),
    }[kind]()
    before = path.lstat()
    with pytest.raises(ConfigError, match="is no socket: it stays as it is"):
        Listener.open(path)
    assert path.lstat() == before
    assert precious.read_text() == "work of weeks"


def test_the_longest_path_serves(tmp_path: Path) -> None:
    room = LONGEST_PATH_BYTES - len(os.fsencode(tmp_path)) - 1
    listener = Listener.open(tmp_path / ("s" * room))
    assert reachable(listener.path)
    listener.close()
    with pytest.raises(ConfigError, match=r"has 108 bytes.*shorter"):
        Listener.open(tmp_path / ("s" * (room + 1)))


def test_letters_count_as_the_bytes_that_they_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="at most 107"):
        Listener.open(tmp_path / ("ü" * 60))


@pytest.mark.parametrize("where", ["/proc/s", "/dev/null/s"])
def test_a_folder_that_cannot_hold_it_is_named(where: str) -> None:
    with pytest.raises(ConfigError, match=rf"cannot listen at {where} .*ML_INTERN_SOCKET"):
        Listener.open(Path(where))


def test_of_many_that_want_one_path_one_gets_it(path: Path) -> None:
    for _ in range(25):
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(path))
        winners = raced(path, 4)
        assert len(winners) == 1
        assert reachable(path)
        winners[0].close()


def raced(path: Path, many: int) -> list[Listener]:
    """Those of `many` threads that got the path."""
    start = threading.Barrier(many)
    found: list[Listener] = []

    def open_one() -> None:
        start.wait()
        with suppress(ConfigError):
            found.append(Listener.open(path))

    threads = [threading.Thread(target=open_one) for _ in range(many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found
