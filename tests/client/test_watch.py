"""A watch over the socket: broken streams, slow takers, daemons that come back or do not."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ml_intern.client.door import TextPiece
from ml_intern.client.remote import RemoteDoor
from ml_intern.client.watch import MOST_WAITING
from ml_intern.errors import (
    ApiError,
    DaemonGone,
    MLInternError,
    StoreUnavailable,
    UnknownSession,
)
from ml_intern.events import Hinted
from ml_intern.messages import SessionId
from tests.queue.given import HandClock, S, claimed, new_session, stop
from tests.support.serving import Follower, served
from tests.support.store_door import StoreDoor
from tests.support.waiting import wait_until
from tests.support.wires import Stranger, http, stream


@pytest.fixture
def home(tmp_path: Path) -> Iterator[StoreDoor]:
    door = StoreDoor(tmp_path)
    new_session(door.store)
    yield door
    door.close()


def follow(door: RemoteDoor, session_id: SessionId = S, after: int = 0) -> Follower:
    return Follower(lambda wake: door.watch(session_id, after, wake))


def seqs(heard: list[Any]) -> list[int]:
    return [piece.seq for piece in heard if not isinstance(piece, TextPiece)]


def error_of(follower: Follower) -> Exception:
    """What the watch raises in the end."""
    caught: list[Exception] = []

    def raises() -> bool:
        follower.rung.wait(0.05)
        try:
            follower.watch.take()
        except MLInternError as exc:
            caught.append(exc)
        return bool(caught)

    wait_until(raises)
    return caught[0]


def test_a_daemon_that_comes_back_is_followed_from_where_it_left(
    home: StoreDoor, tmp_path: Path
) -> None:
    with RemoteDoor(tmp_path / "s") as door:
        with served(home, tmp_path / "s"):
            follower = follow(door)
            follower.until(lambda heard: seqs(heard) == [1])
        home.store.submit(S, stop())
        with served(home, tmp_path / "s"):
            home.store.submit(S, stop())
            expected = [recorded.seq for recorded in home.store.events(S)]
            follower.until(lambda heard: seqs(heard) == expected)
            home.say(S, "still here")
            follower.until(lambda heard: isinstance(heard[-1], TextPiece))
            follower.watch.close()


def test_a_daemon_that_stays_away_is_given_up_and_the_session_is_kept(
    home: StoreDoor, tmp_path: Path
) -> None:
    with RemoteDoor(tmp_path / "s", HandClock()) as door:
        with served(home, tmp_path / "s"):
            follower = follow(door)
            follower.until(bool)
        for _ in range(2):
            error = error_of(follower)
            assert isinstance(error, DaemonGone)
            assert "the session is kept" in str(error)
            assert "ml-intern serve" in str(error)


def test_a_store_whose_trouble_lasts_is_the_reason_given(home: StoreDoor, tmp_path: Path) -> None:
    with served(home, tmp_path / "s") as path, RemoteDoor(path, HandClock()) as door:
        follower = follow(door)
        follower.until(bool)
        home.trouble = StoreUnavailable("The disk is full; free space.")
        watch = next(iter(home.watchers))
        watch.trouble = home.trouble
        home.say(S, "anything")
        error = error_of(follower)
    assert isinstance(error, StoreUnavailable)
    assert str(error) == "The disk is full; free space."


def test_a_store_whose_trouble_passes_is_not_mentioned(home: StoreDoor, tmp_path: Path) -> None:
    with served(home, tmp_path / "s") as path, RemoteDoor(path) as door:
        follower = follow(door)
        follower.until(bool)
        home.trouble = StoreUnavailable("The disk is full; free space.")
        next(iter(home.watchers)).trouble = home.trouble
        home.store.submit(S, stop())
        wait_until(lambda: home.refused > 1)
        home.trouble = None
        follower.until(lambda heard: len(seqs(heard)) == len(home.store.events(S)))
        follower.watch.close()


def test_what_no_waiting_mends_comes_at_once(home: StoreDoor, tmp_path: Path) -> None:
    with served(home, tmp_path / "s") as path, RemoteDoor(path) as door:
        follower = follow(door)
        follower.until(bool)
        home.trouble = UnknownSession("No session aaaa-1.")
        next(iter(home.watchers)).trouble = home.trouble
        home.say(S, "anything")
        assert isinstance(error_of(follower), UnknownSession)


def test_an_event_of_a_newer_version_is_no_riddle(tmp_path: Path) -> None:
    entry = (
        b'id: 1\nevent: journal\ndata: {"position":1,"session_id":"s","seq":1,'
        b'"at":"2026-01-31T12:00:00.000Z","event":{"kind":"danced"}}\n\n'
    )
    with Stranger(tmp_path / "s", stream(entry)), RemoteDoor(tmp_path / "s") as door:
        error = error_of(follow(door))
    assert isinstance(error, ApiError)
    assert "Upgrade ml-intern" in str(error)


def test_a_message_of_a_newer_kind_is_passed_over(tmp_path: Path) -> None:
    messages = (
        b": hello\n\nretry: 1\n\nevent: weather\ndata: {}\n\n",
        b"event: te",
        b'xt\ndata: {"session_id":"s","te',
        b'xt":"hi"}\n\n',
    )
    refusal = http(
        "404 Not Found", b'{"code":"unknown_session","title":"","status":404,"detail":"x"}'
    )
    with Stranger(tmp_path / "s", stream(*messages), refusal), RemoteDoor(tmp_path / "s") as door:
        follower = follow(door)
        heard = follower.until(bool)
        follower.watch.close()
    assert heard == [TextPiece(session_id=SessionId("s"), text="hi")]


def test_a_taker_that_is_far_behind_loses_no_event(home: StoreDoor, tmp_path: Path) -> None:
    claim = claimed(home.store)
    for _ in range(3):
        home.store.append(claim.lease, *(Hinted(text="x" * 100) for _ in range(MOST_WAITING)))
    with served(home, tmp_path / "s") as path, RemoteDoor(path) as door:
        rung = threading.Semaphore(0)
        watch = door.watch(S, 0, rung.release)
        for _ in range(MOST_WAITING):
            assert rung.acquire(timeout=20)
        first = list(watch.take())
        assert len(first) == MOST_WAITING
        heard = first
        while len(heard) < 3 * MOST_WAITING + 1:
            assert rung.acquire(timeout=20)
            heard += watch.take()
        assert seqs(heard) == list(range(1, 3 * MOST_WAITING + 2))
        watch.close()


@pytest.mark.parametrize("untaken", [True, False])
def test_a_closed_watch_ends_its_thread_and_its_stream(
    home: StoreDoor, tmp_path: Path, untaken: bool
) -> None:
    if untaken:
        claim = claimed(home.store)
        many = [Hinted(text="x") for _ in range(2 * MOST_WAITING)]
        home.store.append(claim.lease, *many)
    with served(home, tmp_path / "s") as path, RemoteDoor(path) as door:
        rung = threading.Event()
        watch = door.watch(S, 0, rung.set)
        assert rung.wait(20)
        watch.close()
        watch.close()
        wait_until(lambda: all(thread.name != "watch" for thread in threading.enumerate()))
        wait_until(lambda: not home.watchers)


def test_a_watch_may_be_closed_where_it_wakes(home: StoreDoor, tmp_path: Path) -> None:
    with served(home, tmp_path / "s") as path, RemoteDoor(path) as door:
        opened = threading.Event()
        watches: list[Any] = []

        def wake() -> None:
            opened.wait()
            watches[0].close()

        watches.append(door.watch(S, 0, wake))
        opened.set()
        wait_until(lambda: not home.watchers)
