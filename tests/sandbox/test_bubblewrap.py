"""What bubblewrap gives beyond the contract."""

from pathlib import Path

import pytest

from ml_intern.sandbox.bubblewrap import BubblewrapSandbox, bubblewrap_works
from tests.sandbox.given import Bench

pytestmark = pytest.mark.skipif(not bubblewrap_works(), reason="bubblewrap does not work here")


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path, BubblewrapSandbox())


def test_other_processes_and_paths_do_not_exist(bench):
    (bench.folder / "there").touch()
    done = bench.shell("ls -d /proc/[0-9]* | wc -l; test -e ../there || echo gone")
    count, gone = done.text.split()
    assert int(count) < 10
    assert gone == "gone"


def test_processes_of_one_run_find_each_other_without_network(bench):
    code = (
        "import socket\n"
        "server = socket.create_server((socket.gethostbyname(socket.gethostname()), 0))\n"
        "socket.create_connection(server.getsockname())\n"
        "print(socket.gethostname())"
    )
    assert bench.python(code).text == "localhost\n"


def test_the_temporary_folder_of_the_machine_is_not_seen(bench, tmp_path):
    done = bench.shell("echo x > /tmp/only-inside; ls /tmp")
    assert "only-inside" in done.text
    assert not Path("/tmp/only-inside").exists()


def test_a_command_has_time_to_clean_up(bench):
    """TERM goes to the command, not to bubblewrap, which would take it along at once."""
    done = bench.cancel_after("on", "trap 'echo saved; exit 0' TERM; echo on; sleep 300 & wait")
    assert done.cancelled
    assert done.text == "on\nsaved\n"


def test_the_system_outside_cannot_be_written(bench):
    assert bench.shell("touch /new || touch /usr/new || echo refused").text.endswith("refused\n")
