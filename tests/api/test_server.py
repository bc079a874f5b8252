"""Beginning and end of the service at its socket."""

import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from ml_intern.api.app import build_app
from ml_intern.api.server import ApiServer
from ml_intern.errors import ConfigError, InputError
from ml_intern.messages import ToolSpec
from tests.queue.given import S, new_session
from tests.support.raw_http import RawConnection, answer, parsed, request
from tests.support.serving import served
from tests.support.store_door import StoreDoor
from tests.support.waiting import wait_until


class SlowDoor(StoreDoor):
    """Says what its tools are when it is let."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.asked = threading.Semaphore(0)
        self.let = threading.Event()
        self.mistaken = False

    def tools(self) -> Sequence[ToolSpec]:
        self.asked.release()
        if self.mistaken:
            raise ZeroDivisionError("a mistake of ours")
        self.let.wait()
        return []


@pytest.fixture
def home(tmp_path: Path) -> Iterator[SlowDoor]:
    door = SlowDoor(tmp_path)
    new_session(door.store)
    yield door
    door.let.set()
    door.close()


def started(door: StoreDoor, path: Path) -> ApiServer:
    server = ApiServer(build_app(door), path)
    server.start()
    return server


def test_it_accepts_when_it_has_started_and_is_gone_when_it_has_stopped(
    home: SlowDoor, tmp_path: Path
) -> None:
    path = tmp_path / "s"
    before = set(threading.enumerate())
    for _ in range(2):
        server = started(home, path)
        assert answer(path, request("GET", "/v1"))[0] == 200
        server.stop()
        assert not path.exists()
        server.stop()
    wait_until(lambda: set(threading.enumerate()) <= before)


def test_a_taken_path_is_refused_and_its_owner_untouched(home: SlowDoor, tmp_path: Path) -> None:
    with served(home, tmp_path / "s") as path:
        another = ApiServer(build_app(home), path)
        with pytest.raises(ConfigError, match="listens at"):
            another.start()
        another.stop()
        assert answer(path, request("GET", "/v1"))[0] == 200


def test_an_end_waits_for_the_request_that_is_under_way(home: SlowDoor, tmp_path: Path) -> None:
    server = started(home, tmp_path / "s")
    with RawConnection(tmp_path / "s") as connection:
        connection.send(request("GET", "/v1/tools"))
        home.asked.acquire()
        stopping = threading.Thread(target=server.stop, args=(20.0,))
        stopping.start()
        home.let.set()
        assert parsed(connection.rest()) == (200, {"tools": []})
        stopping.join()


def test_an_end_does_not_wait_beyond_its_time(home: SlowDoor, tmp_path: Path) -> None:
    server = started(home, tmp_path / "s")
    with RawConnection(tmp_path / "s") as connection:
        connection.send(request("GET", "/v1/tools"))
        home.asked.acquire()
        began = time.monotonic()
        server.stop(0.2)
        assert time.monotonic() - began < 10
        assert connection.rest() == b""
    assert not (tmp_path / "s").exists()


def test_an_end_ends_streams_properly(home: SlowDoor, tmp_path: Path) -> None:
    server = started(home, tmp_path / "s")
    with RawConnection(tmp_path / "s") as connection:
        connection.send(request("GET", f"/v1/sessions/{S}/stream"))
        connection.until(b"event: journal")
        wait_until(lambda: all(watch.is_quiet for watch in home.watchers))
        server.stop(10.0)
        assert connection.rest().endswith(b"0\r\n\r\n")
    wait_until(lambda: not home.watchers)


def test_an_end_drops_a_stream_that_is_not_read(home: SlowDoor, tmp_path: Path) -> None:
    server = started(home, tmp_path / "s")
    with RawConnection(tmp_path / "s") as deaf:
        deaf.send(request("GET", f"/v1/sessions/{S}/stream"))
        deaf.until(b"event: journal")
        for _ in range(300):
            home.say(S, "x" * 100_000)
        began = time.monotonic()
        server.stop(0.3)
        assert time.monotonic() - began < 10
        wait_until(lambda: not home.watchers)


def test_a_hundred_slow_requests_do_not_keep_a_client_from_saying_hello(
    home: SlowDoor, tmp_path: Path
) -> None:
    with served(home, tmp_path / "s") as path:
        slow = [RawConnection(path) for _ in range(100)]
        for connection in slow:
            connection.send(request("GET", "/v1/tools"))
        home.asked.acquire()
        assert answer(path, request("GET", "/v1"))[0] == 200
        home.let.set()
        assert [parsed(connection.rest())[0] for connection in slow] == [200] * 100
        for connection in slow:
            connection.socket.close()


def test_a_mistake_of_ours_is_confessed_and_logged(
    home: SlowDoor, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    home.mistaken = True
    with served(home, tmp_path / "s") as path:
        status, problem = answer(path, request("GET", "/v1/tools"))
    assert (status, problem["code"]) == (500, "internal_error")
    assert "a mistake of ours" not in problem["detail"]
    assert "ZeroDivisionError: a mistake of ours" in caplog.text


def test_an_error_of_a_door_is_no_mistake(
    home: SlowDoor, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    home.trouble = InputError("Say it otherwise.")
    with served(home, tmp_path / "s") as path:
        assert answer(path, request("GET", "/v1/sessions"))[0] == 422
    assert "Traceback" not in caplog.text
