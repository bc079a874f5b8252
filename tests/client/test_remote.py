"""Finding a daemon, losing it, and what its door does then. What doors have in common: contract."""

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_intern.api.journal import PAGE_BYTES
from ml_intern.client.door import NewSession
from ml_intern.client.problems import ApiRefusal
from ml_intern.client.remote import RemoteDoor, connect
from ml_intern.errors import ApiError, DaemonGone, InputError, StoreUnavailable
from ml_intern.events import Hinted, UnknownResolved
from ml_intern.messages import SessionId
from ml_intern.ops import Undo, UserInput
from tests.queue.given import (
    S,
    answered,
    asked,
    claimed,
    ended,
    kinds,
    new_session,
    replied,
)
from tests.support.lost import LOST, lose_call
from tests.support.serving import served
from tests.support.store_door import StoreDoor
from tests.support.wires import Breaking, Stranger, http

ABOUT = {"name": "ml-intern", "version": "9.0", "api": ["v1"], "pid": 7}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[StoreDoor]:
    """A store whose session waits for approval a1."""
    door = StoreDoor(tmp_path)
    new_session(door.store)
    claim = claimed(door.store)
    door.store.append(claim.lease, replied("c1"), asked())
    door.store.finish(claim, ended("waiting", "approval:a1"))
    yield door
    door.close()


@pytest.fixture
def wire(home: StoreDoor, tmp_path: Path) -> Iterator[Breaking]:
    """A wire to a daemon, and where to break it."""
    with served(home, tmp_path / "d") as path, Breaking(tmp_path / "w", path) as wire:
        yield wire


# Finding


def test_a_daemon_is_found(home: StoreDoor, tmp_path: Path) -> None:
    with served(home, tmp_path / "s") as path:
        door = connect(path)
        assert door is not None
        with door:
            assert door.health() == home.health()


def test_where_nobody_listens_there_is_no_door(tmp_path: Path) -> None:
    assert connect(tmp_path / "missing") is None
    assert connect(tmp_path / "missing" / "folder") is None
    assert connect(tmp_path / ("s" * 300)) is None
    (tmp_path / "file").touch()
    assert connect(tmp_path / "file") is None
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "dead"))
    assert connect(tmp_path / "dead") is None


def test_a_daemon_that_lets_nobody_in_is_there_all_the_same(tmp_path: Path) -> None:
    with (
        socket.socket(socket.AF_UNIX) as full,
        socket.socket(socket.AF_UNIX) as waiting,
    ):
        full.bind(str(tmp_path / "s"))
        full.listen(0)
        waiting.connect(str(tmp_path / "s"))
        with pytest.raises(DaemonGone):
            connect(tmp_path / "s")


@pytest.mark.parametrize(
    "answer",
    [
        b"220 mail.example ESMTP\r\n",
        b"",
        http("200 OK", b"<html>hello</html>", "text/html"),
        http("200 OK", json.dumps({**ABOUT, "name": "other"}).encode()),
    ],
)
def test_a_stranger_is_told_apart(tmp_path: Path, answer: bytes) -> None:
    with (
        Stranger(tmp_path / "s", answer),
        pytest.raises(ApiError, match=r"not the daemon of ml-intern.*another `socket`"),
    ):
        connect(tmp_path / "s")


def test_a_stranger_that_refuses_is_quoted(tmp_path: Path) -> None:
    answer = http("404 Not Found", b"no such page", "text/plain")
    with Stranger(tmp_path / "s", answer), pytest.raises(ApiError, match="no such page"):
        connect(tmp_path / "s")


def test_a_daemon_of_another_api_says_what_to_install(tmp_path: Path) -> None:
    newer = http("200 OK", json.dumps({**ABOUT, "api": ["v2", "v3"]}).encode())
    with (
        Stranger(tmp_path / "s", newer),
        pytest.raises(ApiError, match=r"ml-intern 9.0\) speaks API v2, v3, not v1; install"),
    ):
        connect(tmp_path / "s")


def test_a_daemon_that_dropped_our_api_has_the_last_word(tmp_path: Path) -> None:
    problem = {
        "code": "unknown_api_version",
        "title": "",
        "status": 404,
        "detail": "Upgrade the client.",
        "new": 1,
    }
    answer = http("404 Not Found", json.dumps(problem).encode(), "application/problem+json")
    with Stranger(tmp_path / "s", answer), pytest.raises(ApiRefusal) as caught:
        connect(tmp_path / "s")
    assert (str(caught.value), caught.value.code) == ("Upgrade the client.", "unknown_api_version")


def test_answers_may_say_more_than_we_know(tmp_path: Path) -> None:
    about = http("200 OK", json.dumps({**ABOUT, "mood": "fine"}).encode())
    row = {"won": True, "approval": None, "mood": "fine"}
    with Stranger(tmp_path / "s", about, http("200 OK", json.dumps(row).encode())):
        door = connect(tmp_path / "s")
        assert door is not None
        with door, pytest.raises(ApiError, match=r"cannot be read.*same version"):
            door.decide("a1", "approve", decided_by="ada")


def test_a_proxy_in_the_environment_is_not_asked(
    home: StoreDoor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with served(home, tmp_path / "s") as path, RemoteDoor(path) as door:
        assert door.health() == home.health()


# Losing


def test_a_request_whose_answer_is_lost_is_stored_once(wire: Breaking, home: StoreDoor) -> None:
    with RemoteDoor(wire.path) as door:
        wire.lost = 1
        session_id = door.start_session(NewSession(task="x", started_in="/", author="ada"))
        assert [row.session_id for row in home.store.sessions(10)] == [session_id, S]
        wire.lost = 1
        assert door.submit(session_id, UserInput(text="go", author="ada")) is None
        assert door.submit(session_id, UserInput(text="go", author="ada")) == 3


def test_a_decision_whose_answer_is_lost_is_still_ours(wire: Breaking, home: StoreDoor) -> None:
    with RemoteDoor(wire.path) as door:
        wire.lost = 1
        assert door.decide("a1", "approve", decided_by="ada")
        assert kinds(home.store).count("approval_decided") == 1
        wire.lost = 1
        assert not door.decide("a1", "deny", decided_by="ada")


def test_a_word_on_a_lost_call_is_still_ours_when_its_answer_is_lost(
    wire: Breaking, home: StoreDoor
) -> None:
    home.store.submit(S, UserInput(text="go", author="ada"))
    lose_call(home.store, "bash", command="ls")
    with RemoteDoor(wire.path) as door:
        assert door.resolve(S, LOST, "skip", resolved_by="ada", note="no")
        claim = claimed(home.store)
        said = UnknownResolved(call_id=LOST, choice="skip", resolved_by="ada", note="no")
        home.store.finish(claim, said, answered(LOST))
        wire.lost = 1
        assert door.resolve(S, LOST, "skip", resolved_by="ada", note="no")
        wire.lost = 1
        assert not door.resolve(S, LOST, "retry", resolved_by="bob")


def test_a_question_whose_answer_is_lost_is_asked_again(wire: Breaking, home: StoreDoor) -> None:
    with RemoteDoor(wire.path) as door:
        wire.lost = 1
        assert door.sessions(5) == home.store.sessions(5)


def test_a_wire_that_breaks_twice_is_reported_as_such(wire: Breaking) -> None:
    with RemoteDoor(wire.path) as door:
        wire.lost = 2
        with pytest.raises(DaemonGone, match=r"left before it answered.*may have been accepted"):
            door.submit(S, Undo(asked_by="ada"))
        assert wire.broken == 2


def test_a_daemon_that_leaves_with_the_answer_leaves_it_open_what_it_did(wire: Breaking) -> None:
    wire.leaves = True
    with RemoteDoor(wire.path) as door:
        wire.lost = 1
        with pytest.raises(DaemonGone, match="may have been accepted"):
            door.submit(S, Undo(asked_by="ada"))


def test_who_only_asked_has_nothing_to_look_after(wire: Breaking) -> None:
    with RemoteDoor(wire.path) as door:
        wire.lost = 2
        with pytest.raises(DaemonGone) as caught:
            door.sessions(1)
    assert "accepted" not in str(caught.value)


def test_a_daemon_that_is_not_there_is_not_waited_for(tmp_path: Path) -> None:
    with (
        RemoteDoor(tmp_path / "s") as door,
        pytest.raises(DaemonGone, match=r"Nobody answers.*ml-intern serve"),
    ):
        door.sessions(1)


def test_a_door_outlives_its_daemon(home: StoreDoor, tmp_path: Path) -> None:
    with RemoteDoor(tmp_path / "s") as door:
        for _ in range(3):
            with served(home, tmp_path / "s"):
                assert door.session(S) == home.store.session(S)
            with pytest.raises(DaemonGone):
                door.session(S)


# Bounds


def test_a_body_beyond_the_bound_is_the_persons_to_mend(home: StoreDoor, tmp_path: Path) -> None:
    with (
        served(home, tmp_path / "s") as path,
        RemoteDoor(path) as door,
        pytest.raises(InputError, match=r"more than 1,048,576 bytes.*file"),
    ):
        door.submit(S, UserInput(text="x" * 50_000_000, author="ada"))


def test_events_of_many_pages_come_whole(home: StoreDoor, tmp_path: Path) -> None:
    home.store.submit(S, UserInput(text="go on", author="ada"))
    claim = claimed(home.store)
    home.store.append(claim.lease, *(Hinted(text="x" * (PAGE_BYTES // 2)) for _ in range(5)))
    with served(home, tmp_path / "s") as path, RemoteDoor(path) as door:
        assert door.events(S) == home.store.events(S)


def test_a_store_in_trouble_is_told_as_such(home: StoreDoor, tmp_path: Path) -> None:
    home.trouble = StoreUnavailable("The disk is full; free space.")
    with served(home, tmp_path / "s") as path, RemoteDoor(path) as door:
        with pytest.raises(StoreUnavailable, match="disk is full"):
            door.submit(SessionId("x"), Undo(asked_by="ada"))
        assert door.health().state == "degraded"


def test_no_thread_stays_behind(home: StoreDoor, tmp_path: Path) -> None:
    before = threading.active_count()
    with served(home, tmp_path / "s") as path, RemoteDoor(path) as door:
        door.sessions(1)
    assert threading.active_count() <= before + 1  # one of the daemon's may be ending
