"""What systemd hears from us, over real datagram sockets."""

import logging
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO
from uuid import uuid4

import pytest

from ml_intern.clock import SystemClock
from ml_intern.daemon.systemd import (
    Heartbeat,
    Notifier,
    runs_under_systemd,
    watchdog_interval_s,
)

ROOT = Path(__file__).parents[2]


class Manager:
    """The side of systemd: a datagram socket, in the file system or abstract."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(10)
        self._socket.bind(address.replace("@", "\0", 1) if address[0] == "@" else address)

    def hears(self) -> str:
        return self._socket.recv(4096).decode()

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["file", "abstract"])
def manager(request, tmp_path):
    named = {"file": str(tmp_path / "notify"), "abstract": f"@ml-intern-test-{uuid4()}"}
    manager = Manager(named[request.param])
    yield manager
    manager.close()


class SteppedClock(SystemClock):
    """Time stands still until it is moved."""

    def __init__(self) -> None:
        self.time = 100.0

    def monotonic(self) -> float:
        return self.time


# Notifier


@pytest.mark.parametrize(
    ("say", "heard"),
    [
        (lambda notifier: notifier.ready(), "READY=1"),
        (lambda notifier: notifier.stopping(), "STOPPING=1"),
        (lambda notifier: notifier.alive(), "WATCHDOG=1"),
        (lambda notifier: notifier.extend(90.5), "EXTEND_TIMEOUT_USEC=90500000"),
        (lambda notifier: notifier.status("2 running, 1 queued"), "STATUS=2 running, 1 queued"),
    ],
)
def test_each_word_is_one_datagram(manager, say, heard):
    say(Notifier.of({"NOTIFY_SOCKET": manager.address}))
    assert manager.hears() == heard


def test_a_status_of_several_lines_cannot_say_anything_else(manager):
    Notifier(manager.address).status("busy\nREADY=1")
    assert manager.hears() == "STATUS=busy READY=1"


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": ""}])
def test_without_a_socket_nothing_is_said_nor_complained_of(environment, caplog):
    Notifier.of(environment).ready()
    assert caplog.records == []


@pytest.mark.parametrize("address", ["/nonexistent/notify", "x" * 200, "@nobody-is-here", "\0"])
def test_a_systemd_that_does_not_listen_is_logged_once(address, caplog):
    notifier = Notifier(address)
    for _ in range(3):
        notifier.alive()
    assert [(record.levelno, record.message) for record in caplog.records] == [
        (logging.WARNING, "systemd_not_told")
    ]


def test_a_systemd_that_does_not_read_holds_nobody_up_for_ever(tmp_path, caplog):
    manager = Manager(str(tmp_path / "notify"))
    notifier = Notifier(manager.address)
    sending = threading.Thread(target=lambda: [notifier.alive() for _ in range(2000)], daemon=True)
    sending.start()
    while not caplog.records and sending.is_alive():
        sending.join(0.01)
    manager.close()
    assert [record.message for record in caplog.records] == ["systemd_not_told"]


# What the environment says


@pytest.mark.parametrize(
    ("environment", "interval_s"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "-5"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_fed_twice_in_its_time(environment, interval_s):
    assert watchdog_interval_s(environment) == interval_s


@pytest.mark.parametrize(
    ("environment", "is_service"),
    [
        ({"SYSTEMD_EXEC_PID": str(os.getpid())}, True),
        ({"SYSTEMD_EXEC_PID": str(os.getppid()), "INVOCATION_ID": "9"}, False),
        ({}, False),
    ],
)
def test_only_the_process_that_systemd_started_is_its_service(environment, is_service):
    assert runs_under_systemd(environment) is is_service


@pytest.mark.parametrize(
    ("names", "is_journal"),
    [
        (lambda found: f"{found.st_dev}:{found.st_ino}", True),
        (lambda found: f"{found.st_dev}:{found.st_ino + 1}", False),
        (lambda _found: "nonsense", False),
        (lambda _found: "", False),
    ],
)
def test_the_journal_is_known_by_device_and_inode(tmp_path, names, is_journal):
    with (tmp_path / "stream").open("w") as stream:
        said = names(os.fstat(stream.fileno()))
        assert takes_for_journal(said, stderr=stream) is is_journal


def test_a_closed_standard_error_is_not_the_journal():
    assert not takes_for_journal("8:1", stderr=None)


def takes_for_journal(said: str, *, stderr: IO[str] | None) -> bool:
    """What a process whose standard error is this takes it for."""
    program = (
        "import os, sys\nfrom ml_intern.daemon.systemd import journal_stream\n"
        "print(journal_stream(os.environ))"
    )
    close = "exec 2>&-; " if stderr is None else ""
    answer = subprocess.run(
        ["sh", "-c", close + 'exec "$0" -c "$1"', sys.executable, program],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "JOURNAL_STREAM": said},
        stdout=subprocess.PIPE,
        stderr=stderr,
        check=True,
        text=True,
    )
    return answer.stdout == "True\n"


# Heartbeat


def test_a_loop_is_late_when_it_has_not_beaten_within_its_time():
    clock = SteppedClock()
    heart = Heartbeat(clock)
    heart.expect("writer", within_s=10)
    heart.expect("claim", within_s=2)
    clock.time += 5
    assert heart.late(clock.monotonic()) == ["claim"]
    clock.time += 6
    assert heart.late(clock.monotonic()) == ["claim", "writer"]


def test_a_beat_starts_the_time_anew():
    clock = SteppedClock()
    heart = Heartbeat(clock)
    heart.expect("claim", within_s=2)
    for _ in range(3):
        clock.time += 2
        assert heart.late(clock.monotonic()) == []
        heart.beat("claim")


def test_a_loop_that_nobody_expects_is_never_late_even_if_it_beats():
    clock = SteppedClock()
    heart = Heartbeat(clock)
    heart.beat("worker-1")
    clock.time += 100
    assert heart.late(clock.monotonic()) == []


def test_nothing_is_late_before_anything_is_expected():
    assert Heartbeat(SteppedClock()).late(1e9) == []
