"""What every sandbox promises, and what every one but `none` promises beyond."""

import os
import signal
import socket
import subprocess
import threading

import pytest

from ml_intern.errors import SandboxError
from ml_intern.sandbox.bubblewrap import BubblewrapSandbox, bubblewrap_works
from ml_intern.sandbox.confine import landlock_version
from ml_intern.sandbox.process import ProcessSandbox
from ml_intern.sandbox.protocol import Access
from ml_intern.sandbox.unconfined import NoSandbox
from tests.sandbox.given import PYTHON, Bench, running_with

CONFINING = ("process", "bubblewrap")


def sandbox_named(name: str):
    if name == "bubblewrap" and not bubblewrap_works():
        pytest.skip("bubblewrap is not installed, or may not make namespaces here")
    if name == "process" and landlock_version() < 1:
        pytest.skip("this kernel has no Landlock")
    return {"process": ProcessSandbox, "bubblewrap": BubblewrapSandbox, "none": NoSandbox}[name]()


@pytest.fixture(params=[*CONFINING, "none"])
def bench(request, tmp_path):
    return Bench(tmp_path, sandbox_named(request.param))


@pytest.fixture(params=CONFINING)
def confined(request, tmp_path):
    return Bench(tmp_path, sandbox_named(request.param))


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "held_out" / "test.jsonl"
    path.parent.mkdir()
    path.write_text("the labels")
    return path


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


# Every sandbox


def test_a_command_ends_with_its_own_exit_status(bench):
    assert bench.shell("exit 0").exit_code == 0
    assert bench.shell("exit 7").exit_code == 7
    assert bench.shell("kill -SEGV $$").exit_code == 128 + signal.SIGSEGV


def test_a_missing_program_is_said(bench):
    done = bench.run("no-such-program")
    assert done.exit_code == 127
    assert "no-such-program: not found" in done.text


def test_a_command_starts_where_it_is_told_and_may_write_there(bench):
    done = bench.shell(
        "pwd; mkdir a; echo 1 > a/x; mv a/x a/y; mkdir b; mv a/y b/; cat b/y; rm -r a"
    )
    assert done.text == f"{bench.workspace}\n1\n"


def test_standard_input_is_empty_and_output_is_in_order(bench):
    assert bench.shell("cat; echo one; echo two >&2; echo three").text == "one\ntwo\nthree\n"


def test_secrets_of_our_environment_do_not_reach_the_command(bench, monkeypatch):
    for name in ("HF_TOKEN", "OPENAI_API_KEY", "LC_SECRET", "NCCL_PASSWORD", "ANYTHING"):
        monkeypatch.setenv(name, "leaked-value")
    monkeypatch.setenv("HF_ENDPOINT", "https://ada:leaked-value@hub.example")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    done = bench.shell("env")
    assert "leaked-value" not in done.text
    assert "OMP_NUM_THREADS=3" in done.text


def test_what_the_caller_grants_reaches_the_command(bench):
    assert bench.shell("echo $HF_TOKEN", extra={"HF_TOKEN": "granted"}).text == "granted\n"


def test_home_and_temporary_folder_lie_in_the_workspace(bench):
    home = str(bench.workspace / ".home")
    code = "import tempfile, os; print(os.path.realpath(tempfile.mkdtemp()), os.environ['HOME'])"
    temporary, said_home = bench.python(code).text.split()
    assert temporary.startswith(f"{home}/tmp/")
    assert said_home == home


def test_memory_is_limited(bench):
    done = bench.python("b'x' * (1 << 30)", memory_bytes=512 << 20)
    assert done.exit_code == 1
    assert "MemoryError" in done.text


def test_file_size_is_limited(bench):
    done = bench.shell("head -c 1000000 /dev/zero > big", max_file_bytes=100_000)
    assert done.exit_code != 0
    assert (bench.workspace / "big").stat().st_size <= 100_000


def test_a_crowd_of_processes_is_ended(bench):
    mark = f"crowd-{os.getpid()}-{bench.sandbox.name}"
    done = bench.shell(
        "for i in $(seq 80); do sleep 300 & done; wait",
        max_processes=40,
        extra={"TEST_MARK": mark},
    )
    assert done.too_many_processes
    assert running_with(mark) == []


def test_a_process_pool_works_in_a_folder_with_a_long_name(bench):
    """Its sockets lie below TMPDIR, and the kernel takes 107 characters for the name of one."""
    long = bench.workspace / ("very-" * 20)
    code = (
        "import multiprocessing as m\n"
        "with m.get_context('forkserver').Manager() as manager:\n"
        "    shared = manager.list([1, 2])\n"
        "    shared.append(m.Semaphore(1).get_value())\n"
        "    print(shared)"
    )
    long.mkdir()
    bench.workspace = long
    assert bench.python(code).text == "[1, 2, 1]\n"


def test_a_folder_that_is_to_be_written_must_exist(confined):
    confined.workspace.rmdir()
    with pytest.raises(SandboxError, match="before code may write there"):
        confined.sandbox.wrap(["true"], access_to(confined), cwd=confined.folder)


def access_to(bench):
    return Access(write=(bench.workspace,))


# All but `none`: files


def test_files_of_others_cannot_be_read_or_listed(confined, secret):
    done = confined.shell(f"cat {secret}; ls {secret.parent}; ls ~root; ls {confined.folder}")
    assert "the labels" not in done.text
    assert secret.name not in done.text.replace(str(secret), "")


def test_a_link_in_the_workspace_does_not_lead_out_of_it(confined, secret):
    (confined.workspace / "link").symlink_to(secret)
    (confined.workspace / "up").symlink_to(secret.parent)
    done = confined.shell("cat link; cat up/*; echo x > up/new; ln link hard; cat hard")
    assert done.exit_code != 0
    assert "the labels" not in done.text
    assert list(secret.parent.iterdir()) == [secret]


def test_nothing_outside_can_be_written_removed_or_replaced(confined, secret):
    confined.shell(
        f"echo x > {secret.parent}/new; rm {secret}; mv {secret} {secret}2; "
        f"truncate -s 0 {secret}; echo x >> {secret}; mkdir {confined.folder}/new"
    )
    assert secret.read_text() == "the labels"
    assert list(secret.parent.iterdir()) == [secret]
    assert not (confined.folder / "new").exists()


def test_programs_of_the_system_cannot_be_changed(confined):
    done = confined.shell("touch /usr/bin/new-program || touch /etc/new-file || echo refused")
    assert done.text.endswith("refused\n")


def test_what_may_be_read_can_be_read_but_not_written(confined, secret):
    done = confined.shell(f"cat {secret}; echo x > {secret}", read=(secret.parent,))
    assert "the labels" in done.text
    assert done.exit_code != 0
    assert secret.read_text() == "the labels"


def test_passwords_of_the_system_cannot_be_read(confined):
    done = confined.shell("cat /etc/shadow /etc/ssl/private/* /proc/kcore | head -c 10")
    assert "root:" not in done.text
    assert done.output_bytes > 0


def test_device_files_cannot_be_made(confined):
    assert confined.shell("mknod disk b 8 0").exit_code != 0


# All but `none`: other processes


@pytest.fixture
def neighbour():
    environment = {**os.environ, "SOME_TOKEN": "the-neighbours-token"}
    with subprocess.Popen(["sleep", "300"], env=environment) as process:
        yield process
        process.kill()


def test_other_processes_cannot_be_looked_into(confined, neighbour):
    done = confined.shell(
        f"cat /proc/{neighbour.pid}/environ /proc/{os.getppid()}/environ; "
        f"ls /proc/{neighbour.pid}/root/ /proc/{neighbour.pid}/fd; cat /proc/*/environ"
    )
    assert "the-neighbours-token" not in done.text


def test_other_processes_cannot_be_signalled(confined, neighbour):
    if confined.sandbox.name == "process" and landlock_version() < 6:
        pytest.skip("Landlock scopes signals from version 6 on")
    assert confined.shell(f"kill -9 {neighbour.pid}").exit_code != 0
    assert confined.shell("kill -9 -1; echo alone").exit_code is not None
    assert neighbour.poll() is None


def test_root_keeps_only_its_powers_over_files(confined):
    if os.geteuid() != 0:
        pytest.skip("only root has powers to lose")
    held = int(confined.shell("grep CapEff /proc/self/status").text.split()[1], 16)
    assert held & ~0b11011 == 0
    assert confined.shell("mount -t tmpfs none .").exit_code != 0


# All but `none`: the network


CONNECT = """
import socket, sys
try:
    connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=2)
    print("connected")
except OSError as error:
    print("refused", error)
"""
SEND = """
import socket, sys
try:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", int(sys.argv[1])))
except OSError as error:
    print("refused", error)
"""


def test_without_network_nobody_can_be_connected_to(confined, listener):
    port = str(listener.getsockname()[1])
    assert confined.run(PYTHON, "-c", CONNECT, port).text.startswith("refused")


def test_without_network_no_packet_leaves(confined):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.setblocking(False)
        confined.run(PYTHON, "-c", SEND, str(receiver.getsockname()[1]))
        with pytest.raises(BlockingIOError):
            receiver.recv(1)


def test_with_network_a_connection_is_made(confined, listener):
    port = str(listener.getsockname()[1])
    assert confined.run(PYTHON, "-c", CONNECT, port, network=True).text == "connected\n"


def test_without_network_abstract_sockets_of_others_are_out_of_reach(confined):
    if confined.sandbox.name == "process" and landlock_version() < 6:
        pytest.skip("Landlock scopes abstract sockets from version 6 on")
    name = f"\0ml-intern-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(name)
        server.listen()
        code = f"import socket; socket.socket(socket.AF_UNIX).connect({name!r})"
        assert confined.python(code).exit_code == 1


def test_several_commands_run_side_by_side(confined):
    """Nothing is shared between them but the class."""
    results = []
    benches = [confined, *(_beside(confined, n) for n in range(3))]
    threads = [
        threading.Thread(target=lambda b=bench: results.append(b.shell("pwd; sleep 0.2").text))
        for bench in benches
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == sorted(f"{bench.workspace}\n" for bench in benches)


def _beside(bench, number):
    folder = bench.folder / str(number)
    folder.mkdir()
    return Bench(folder, bench.sandbox)
