"""Clients that send nonsense, too much, too slowly, or leave: each is refused, none is felt."""

import gc
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.queue.given import S, new_session
from tests.support.raw_http import RawConnection, answer, parsed, request
from tests.support.serving import served
from tests.support.store_door import StoreDoor
from tests.support.waiting import wait_until

MIB = 1_048_576
UNDO = b'{"kind":"undo","asked_by":"ada"}'


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreDoor]:
    door = StoreDoor(tmp_path_factory.mktemp("home"))
    new_session(door.store)
    yield door
    door.close()


@pytest.fixture(scope="module")
def daemon(home: StoreDoor, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A daemon that is left in peace by nobody, and must answer all the same."""
    path = tmp_path_factory.mktemp("daemon") / "s"
    with served(home, path, keep_alive_s=0.1):
        yield path
        assert answer(path, request("GET", "/v1"))[0] == 200


@pytest.fixture(scope="module")
def hasty(home: StoreDoor, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A daemon that waits for nobody."""
    path = tmp_path_factory.mktemp("hasty") / "s"
    with served(home, path, request_s=0.3, body_s=0.3):
        yield path


def code(answered: tuple[int, dict[str, object]]) -> tuple[int, object]:
    status, document = answered
    assert document["status"] == status
    assert str(document["detail"]).strip()
    return status, document["code"]


# Bodies


def test_a_body_that_says_that_it_is_too_large_is_refused_unread(daemon: Path) -> None:
    head = request("POST", f"/v1/sessions/{S}/ops", headers={"Content-Length": str(50 * MIB)})
    head = head.replace(b"Host", b"Content-Type: application/json\r\nHost")
    assert code(answer(daemon, head)) == (413, "too_large")


def test_fifty_megabytes_in_pieces_never_lie_in_memory(daemon: Path) -> None:
    head = request("POST", f"/v1/sessions/{S}/ops", headers={"Transfer-Encoding": "chunked"})
    head = head.replace(b"Host", b"Content-Type: application/json\r\nHost")
    piece = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    gc.collect()
    tracemalloc.start()
    try:
        with RawConnection(daemon) as connection:
            connection.send(head)
            with suppress(BrokenPipeError, ConnectionResetError):
                for _ in range(800):
                    connection.send(piece)
            received = connection.rest()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert code(parsed(received)) == (413, "too_large")
    assert peak < 8 * MIB


def test_fifty_megabytes_where_no_body_belongs_never_lie_in_memory(daemon: Path) -> None:
    head = request("GET", "/v1/tools", headers={"Content-Length": str(50 * MIB)})
    tracemalloc.start()
    try:
        with RawConnection(daemon) as connection:
            connection.send(head)
            with suppress(BrokenPipeError, ConnectionResetError):
                for _ in range(800):
                    connection.send(b"x" * 65536)
            received = connection.rest()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert received.startswith(b"HTTP/1.1 200")
    assert peak < 8 * MIB


NO_JSON = {
    "line 1 column 1.": b"{",
    "line 2 column 8.": b'{"kind":\n"undo",}',
    "value at line 1 column 1.": b"\xff\xfe",
    "line 1 column 28": b'{"kind":"undo","asked_by":"\xff"}',
    "hex escape": b'{"kind":"undo","asked_by":"\\ud800"}',
    "recursion limit": b"[" * 100_000,
    "line 1 column 9.": b'{"kind":NaN}',
    "number out of range": b"9" * 100_000,
}


@pytest.mark.parametrize("place", NO_JSON)
def test_what_is_no_json_is_refused_with_its_place(daemon: Path, place: str) -> None:
    sent = request("POST", f"/v1/sessions/{S}/ops", NO_JSON[place])
    answered = answer(daemon, sent)
    assert code(answered) == (400, "malformed_json")
    assert place in answered[1]["detail"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"[]", "should be an object"),
        (b"null", "should be an object"),
        (b"{}", "kind"),
        (b'{"kind":"resume","on":"job:1"}', "does not match any of the expected tags"),
        (b'{"kind":"approval_decision","approval_id":"a1"}', "does not match any"),
        (b'{"kind":"undo","asked_by":7}', "undo.asked_by: input should be a valid string"),
        (b'{"kind":"undo","asked_by":"a","x":1}', "undo.x: unexpected keyword argument"),
        (b'{"kind":"undo"}', "undo.asked_by: "),
        (b'{"kind":"interrupt","asked_by":"a","cancel_jobs":"no"}', "cancel_jobs: "),
    ],
)
def test_a_request_of_the_wrong_form_says_what_is_wrong(
    daemon: Path, body: bytes, words: str
) -> None:
    answered = answer(daemon, request("POST", f"/v1/sessions/{S}/ops", body))
    assert code(answered) == (422, "invalid_request")
    assert words in answered[1]["detail"]


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=latin-1",
        "",
        "\xe9",
    ],
)
def test_another_content_type_is_refused_with_the_right_one(
    daemon: Path, content_type: str
) -> None:
    sent = request("POST", f"/v1/sessions/{S}/ops", UNDO).replace(
        b"application/json", content_type.encode("latin-1")
    )
    answered = answer(daemon, sent)
    assert code(answered) == (415, "wrong_content_type")
    assert "Content-Type: application/json" in answered[1]["detail"]


# Paths, parameters, headers


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v2/sessions", (404, "unknown_api_version")),
        ("/v99999999999999999999", (404, "unknown_api_version")),
        ("/v0", (404, "unknown_api_version")),
        ("/v1/", (404, "unknown_path")),
        ("/v1/nothing", (404, "unknown_path")),
        ("/v1x", (404, "unknown_path")),
        ("*", (404, "unknown_path")),
        ("http://daemon/v1", (404, "unknown_path")),
        ("/v1/sessions/../../../etc/passwd", (404, "unknown_path")),
        ("/v1/sessions/..%2f..%2fetc%2fpasswd", (404, "unknown_session")),
        ("/v1/sessions/%2e%2e/trace", (404, "unknown_session")),
        ("/v1/sessions/%00", (404, "unknown_session")),
        ("/v1/sessions/%25%5F", (404, "unknown_session")),
        ("/v1/sessions/%ff%fe", (422, "invalid_parameter")),
        ("/v1/sessions/%ed%a0%80", (422, "invalid_parameter")),
        ("/v1/sessions/" + "a" * 201, (422, "invalid_parameter")),
        ("/v1/sessions?limit=-1", (422, "invalid_parameter")),
        ("/v1/sessions?limit=1e400", (422, "invalid_parameter")),
        ("/v1/sessions?limit=1&limit=2", (422, "invalid_parameter")),
        ("/v1/sessions?limt=1", (422, "invalid_parameter")),
        ("/v1/sessions?limit=%ff", (422, "invalid_parameter")),
        (f"/v1/sessions/{S}/events?after=9223372036854775808", (422, "invalid_parameter")),
        (f"/v1/sessions/{S}/stream?limit=1", (422, "invalid_parameter")),
        ("/v1/approvals?session=" + "a" * 201, (422, "invalid_parameter")),
    ],
)
def test_a_path_that_leads_nowhere_has_its_own_answer(
    daemon: Path, path: str, expected: tuple[int, str]
) -> None:
    assert code(answer(daemon, request("GET", path))) == expected


@pytest.mark.parametrize(
    "start", ["/v1/sessions/", "/v1/sessions?limit=", "/v1/approvals?session="]
)
def test_an_id_of_thousands_of_letters_is_refused(daemon: Path, start: str) -> None:
    for part in ("9" * 9000, "%F0%9F%A4%96" * 1000):
        expected = (422, "invalid_parameter")
        assert code(answer(daemon, request("GET", start + part))) == expected


@pytest.mark.parametrize("after", ["0", "1", "9223372036854775807"])
def test_the_largest_numbers_are_numbers(daemon: Path, after: str) -> None:
    assert answer(daemon, request("GET", f"/v1/sessions/{S}/events?after={after}"))[0] == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "BREW", "OPTIONS", "TRACE", "CONNECT"])
def test_an_unknown_method_is_told_the_known_ones(daemon: Path, method: str) -> None:
    with RawConnection(daemon) as connection:
        connection.send(request(method, "/v1/sessions"))
        received = connection.rest()
    assert code(parsed(received)) == (405, "wrong_method")
    assert b"allow: " in received.lower()
    assert b"POST" in received.partition(b"\r\n\r\n")[0]


@pytest.mark.parametrize("path", ["/v1", f"/v1/sessions/{S}/stream"])
def test_the_head_of_an_answer_can_be_had_alone(daemon: Path, path: str) -> None:
    with RawConnection(daemon) as connection:
        connection.send(request("HEAD", path))
        head, _, body = connection.rest().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert body == b""


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_that_is_none_is_refused(daemon: Path, key: str) -> None:
    sent = request("POST", f"/v1/sessions/{S}/ops", UNDO, {"Idempotency-Key": key})
    assert code(answer(daemon, sent)) == (422, "invalid_parameter")


@pytest.mark.parametrize("cursor", ["", "-1", "one", "1" * 20, "\xb2"])
def test_a_cursor_that_is_none_is_refused(daemon: Path, cursor: str) -> None:
    sent = request("GET", f"/v1/sessions/{S}/stream", headers={"Last-Event-ID": cursor})
    assert code(answer(daemon, sent)) == (422, "invalid_parameter")


GARBAGE = {
    "bytes": b"\x00\x01\x02\xff" * 64 + b"\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xaa" * 300 + b"\r\n\r\n",
    "HTTP/0.9": b"GET /v1\r\n\r\n",
    "no ASCII": b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
    "no colon": b"GET /v1 HTTP/1.1\r\nno colon\r\n\r\n",
    "negative": b"POST /v1 HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
    "two lengths": b"POST /v1 HTTP/1.1\r\nHost: x\r\n" + b"Content-Length: 5, 6\r\n\r\n",
    "1 MB header": b"GET /v1 HTTP/1.1\r\nHost: x\r\nX: " + b"y" * MIB,
}


@pytest.mark.parametrize("name", GARBAGE)
def test_what_is_no_request_is_refused(daemon: Path, name: str) -> None:
    with RawConnection(daemon) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.send(GARBAGE[name])
        received = connection.rest()
    assert code(parsed(received)) == (400, "malformed_request")


def test_a_broken_chunk_is_refused_while_its_request_is_read(daemon: Path) -> None:
    head = request("POST", f"/v1/sessions/{S}/ops", headers={"Transfer-Encoding": "chunked"})
    sent = head.replace(b"Host", b"Content-Type: application/json\r\nHost") + b"zz\r\n"
    assert code(answer(daemon, sent)) == (400, "malformed_request")


# Time


def test_half_a_head_is_given_up(hasty: Path) -> None:
    with RawConnection(hasty) as connection:
        connection.send(b"GET /v1 HTTP/1.1\r\nHost:")
        assert connection.rest() == b""


def test_a_silent_connection_is_given_up(hasty: Path) -> None:
    with RawConnection(hasty) as connection:
        assert connection.rest() == b""


def test_half_a_second_request_is_given_up(hasty: Path) -> None:
    whole = request("GET", "/v1").replace(b"Connection: close\r\n", b"")
    with RawConnection(hasty) as connection:
        connection.send(whole)
        connection.until(b"}")
        connection.socket.settimeout(0.6)
        with pytest.raises(TimeoutError):  # between requests it is kept
            connection.socket.recv(1)
        connection.socket.settimeout(20)
        connection.send(whole)
        connection.until(b"}")
        connection.send(whole[:10])
        assert connection.rest() == b""


def test_a_dripping_head_is_given_up(hasty: Path) -> None:
    """A letter now and then does not buy time."""
    with RawConnection(hasty) as connection:
        connection.socket.settimeout(0.05)
        for letter in request("GET", "/v1" + "x" * 400):
            try:
                connection.send(bytes([letter]))
                if connection.socket.recv(1) == b"":
                    return
            except TimeoutError:
                continue
            except (BrokenPipeError, ConnectionResetError):
                return
    pytest.fail("the whole request was waited for")


def test_half_a_body_is_given_up_with_a_word(hasty: Path) -> None:
    sent = request("POST", f"/v1/sessions/{S}/ops", UNDO)[:-5]
    assert code(answer(hasty, sent)) == (408, "too_slow")


def test_a_client_that_leaves_in_its_body_leaves_nothing(daemon: Path, home: StoreDoor) -> None:
    before = home.store.session(S)
    with RawConnection(daemon) as connection:
        connection.send(request("POST", f"/v1/sessions/{S}/ops", UNDO)[:-5])
    assert answer(daemon, request("GET", "/v1"))[0] == 200
    assert home.store.session(S) == before


# Numbers


def test_two_hundred_connections_are_all_answered(daemon: Path) -> None:
    connections = [RawConnection(daemon) for _ in range(200)]
    try:
        for connection in connections:
            connection.send(request("GET", "/v1/sessions"))
        assert [parsed(connection.rest())[0] for connection in connections] == [200] * 200
    finally:
        for connection in connections:
            connection.socket.close()


def test_one_connection_too_many_is_told_to_come_back(home: StoreDoor, tmp_path: Path) -> None:
    with served(home, tmp_path / "s", connections=2) as path:
        kept = [RawConnection(path) for _ in range(2)]
        with RawConnection(path) as another:
            received = another.rest()
        assert code(parsed(received)) == (503, "too_many_connections")
        assert b"\r\nRetry-After: 5\r\n" in received
        for connection in kept:
            connection.socket.close()
        wait_until(lambda: answered(path) == 200)


def answered(path: Path) -> int:
    with RawConnection(path) as connection:
        connection.send(request("GET", "/v1"))
        return parsed(connection.rest())[0]


def test_requests_that_follow_each_other_unasked_are_all_answered(daemon: Path) -> None:
    one = request("GET", "/v1/tools").replace(b"Connection: close\r\n", b"")
    with RawConnection(daemon) as connection:
        connection.send(one * 50 + request("GET", "/v1/tools"))
        assert connection.rest().count(b"HTTP/1.1 200 OK") == 51


# Streams


def test_a_client_that_is_killed_is_noticed(daemon: Path, home: StoreDoor) -> None:
    script = (
        "import socket, sys\n"
        "s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n"
        "s.sendall(sys.argv[2].encode()); s.recv(1); print('open', flush=True); s.recv(0); "
        "import time; time.sleep(600)\n"
    )
    sent = request("GET", f"/v1/sessions/{S}/stream").decode()
    client = subprocess.Popen(
        [sys.executable, "-c", script, str(daemon), sent], stdout=subprocess.PIPE
    )
    assert client.stdout is not None
    assert client.stdout.readline() == b"open\n"
    wait_until(lambda: len(home.watchers) == 1)
    client.send_signal(signal.SIGKILL)
    client.wait()
    wait_until(lambda: not home.watchers)


def test_a_client_that_does_not_read_costs_neither_threads_nor_memory(
    daemon: Path, home: StoreDoor
) -> None:
    with RawConnection(daemon) as deaf, RawConnection(daemon) as hearing:
        for connection in (deaf, hearing):
            connection.send(request("GET", f"/v1/sessions/{S}/stream"))
            connection.until(b"event: journal")
        tracemalloc.start()
        try:
            for _ in range(200):
                for _ in range(10):
                    home.say(S, "x" * 10_000)
                hearing.socket.recv(65536)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 16 * MIB
        assert answer(daemon, request("GET", "/v1/sessions"))[0] == 200
    wait_until(lambda: not home.watchers)


def test_garbage_behind_a_stream_disturbs_nobody(daemon: Path, home: StoreDoor) -> None:
    with RawConnection(daemon) as connection:
        connection.send(request("GET", f"/v1/sessions/{S}/stream"))
        connection.until(b"event: journal")
        connection.socket.settimeout(0.5)
        with suppress(BrokenPipeError, ConnectionResetError, TimeoutError):
            for _ in range(100):
                connection.send(b"\x00\xff" * 32768)
        assert answer(daemon, request("GET", "/v1"))[0] == 200
    wait_until(lambda: not home.watchers)
