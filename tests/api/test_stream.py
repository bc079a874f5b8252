"""Server-sent events, as any client of them may read them."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_intern.errors import StoreUnavailable
from tests.queue.given import S, new_session, stop
from tests.support.raw_http import RawConnection, parsed, request
from tests.support.serving import served
from tests.support.store_door import StoreDoor
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreDoor]:
    """One session with five events."""
    door = StoreDoor(tmp_path_factory.mktemp("home"))
    new_session(door.store)
    for _ in range(4):
        door.store.submit(S, stop())
    yield door
    door.close()


@pytest.fixture(scope="module")
def daemon(home: StoreDoor, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with served(home, tmp_path_factory.mktemp("d") / "s", keep_alive_s=0.1, streams=2) as path:
        yield path


def opened(daemon: Path, path: str, **headers: str) -> RawConnection:
    connection = RawConnection(daemon)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.send(request("GET", f"/v1/sessions/{S}{path}", headers=named))
    return connection


def ids(received: bytes) -> list[int]:
    return [
        int(line.removeprefix(b"id: ")) for line in received.split(b"\n") if line[:4] == b"id: "
    ]


def test_a_message_has_number_kind_and_document(daemon: Path, home: StoreDoor) -> None:
    with opened(daemon, "/stream") as connection:
        received = connection.until(b": keep-alive")
    assert b"content-type: text/event-stream\r\n" in received
    assert b"\nid: 1\nevent: journal\ndata: {" in received
    line = next(line for line in received.split(b"\n") if line.startswith(b"data: "))
    entry = json.loads(line.removeprefix(b"data: "))
    assert (entry["seq"], entry["session_id"], entry["event"]["kind"]) == (1, S, "session_started")
    assert ids(received) == [recorded.seq for recorded in home.store.events(S)]


def test_events_stream_to_those_who_accept_a_stream(daemon: Path, home: StoreDoor) -> None:
    with opened(daemon, "/events?after=2&limit=1", Accept="text/event-stream") as connection:
        received = connection.until(b": keep-alive")
    assert ids(received) == [recorded.seq for recorded in home.store.events(S, 2)]


def test_the_last_id_counts_for_more_than_the_address(daemon: Path, home: StoreDoor) -> None:
    with opened(daemon, "/stream?after=1", Last_Event_ID="3") as connection:
        received = connection.until(b": keep-alive")
    assert ids(received) == [recorded.seq for recorded in home.store.events(S, 3)]


def test_text_comes_without_a_number(daemon: Path, home: StoreDoor) -> None:
    with opened(daemon, "/stream", Last_Event_ID="100") as connection:
        connection.until(b": keep-alive")
        home.say(S, "Hel\nlo \ud800")
        received = connection.until(b"event: text")
        received += connection.until(b": keep-alive")
    assert rb'data: {"session_id":"aaaa-1","text":"Hel\nlo ?"}' in received
    assert ids(received) == []


def test_a_silent_stream_is_kept_alive(daemon: Path) -> None:
    with opened(daemon, "/stream", Last_Event_ID="100") as connection:
        connection.until(b": keep-alive\n\n")
        connection.until(b": keep-alive\n\n")


def test_trouble_on_the_way_is_told_and_ends_the_stream(daemon: Path, home: StoreDoor) -> None:
    with opened(daemon, "/stream") as connection:
        connection.until(b": keep-alive")
        watch = next(iter(home.watchers))
        watch.trouble = StoreUnavailable("The disk is full; free space.")
        home.say(S, "anything")
        received = connection.rest()
    assert b'event: problem\ndata: {"code":"store_unavailable"' in received
    assert received.endswith(b"0\r\n\r\n")


def test_one_stream_too_many_is_told_to_come_back(daemon: Path, home: StoreDoor) -> None:
    wait_until(lambda: not home.watchers)
    with opened(daemon, "/stream") as first, opened(daemon, "/stream") as second:
        first.until(b"event: journal")
        second.until(b"event: journal")
        with opened(daemon, "/stream") as third:
            received = third.rest()
    status, problem = parsed(received)
    assert (status, problem["code"], problem["retry_after_s"]) == (429, "busy", 5.0)
    assert b"\r\nretry-after: 5\r\n" in received
    wait_until(lambda: not home.watchers)
    with opened(daemon, "/stream") as again:
        again.until(b"event: journal")
