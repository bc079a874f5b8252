"""Servers that do what no server should, and a cache that somebody else has written to."""

import gzip
import itertools
import json
import logging
import os
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from ml_intern.errors import OutsideError
from ml_intern.web import Cache, Page, Service, Web
from ml_intern.web.addresses import is_home, is_public
from ml_intern.web.client import A_YEAR_S
from tests.support.clocks import SwiftClock
from tests.support.raw_service import RawService, answer

KEY = "s2_fake_0123456789"
MOST = 1 << 20
CHARSETS = ["undefined", "idna", "punycode", "zlib", "no-such", "unicode-escape"]
PAGE = Page(
    url="https://s2.example/x",
    content=b'{"a": 1}',
    content_type="application/json",
    charset="utf-8",
    headers={"etag": '"1"'},
    fetched=datetime(2026, 1, 1, tzinfo=UTC),
)


def to(address: str) -> list[bytes]:
    return answer(b"", f"Location: {address}", status="302 Found")


def later(said: str) -> list[bytes]:
    return answer(b"", f"Retry-After: {said}", status="429 Too Many Requests")


def once_packed(size: int) -> bytes:
    return gzip.compress(bytes(size), 9)


def drip(piece: bytes) -> Iterator[bytes]:
    """For ever, and so slowly that no single read takes long."""
    for _ in itertools.count():
        yield piece
        time.sleep(0.01)


class Dripping:
    """Begins anew for each request."""

    def __init__(self, begin: bytes, piece: bytes) -> None:
        self.begin, self.piece = begin, piece

    def __iter__(self) -> Iterator[bytes]:
        yield self.begin
        yield from drip(self.piece)


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
ANSWERS: dict[str, Iterable[bytes]] = {
    "/plain": answer(),
    "/packed": answer(gzip.compress(b'{"a": 1}'), "Content-Encoding: gzip"),
    "/bomb": answer(once_packed(64 << 20), "Content-Encoding: gzip"),
    "/bomb-in-bomb": answer(
        gzip.compress(once_packed(64 << 20)), "Content-Encoding: gzip, gzip"
    ),
    "/brotli": answer(b"\x0b", "Content-Encoding: br"),
    "/half-packed": answer(gzip.compress(b'{"a": 1}')[:-9], "Content-Encoding: gzip"),
    "/not-packed": answer(b"{}", "Content-Encoding: gzip"),
    "/http-0.9": [b"hello"],
    "/large-header": [OK + b"X: " + b"x" * (10 << 20) + b"\r\n\r\n"],
    "/negative": [OK + b"Content-Length: -1\r\n\r\n{}"],
    "/unasked-304": answer(b"", status="304 Not Modified"),
    "/to-no-name": to("http://xn--a/"),
    "/to-a-file": to("file:///etc/passwd"),
    "/to-nothing": to("http://["),
    "/to-itself": to("/to-itself"),
    "/to-this-machine": to("http://127.0.0.1:9/"),
    "/to-a-number": to("http://2130706433:9/"),
    "/to-octal": to("http://0177.0.0.1:9/"),
    "/to-mapped": to("http://[::ffff:127.0.0.1]:9/"),
    "/to-metadata": to("http://169.254.169.254/latest/meta-data/"),
    "/in-a-year": later("31536000"),
    "/in-aeons": later("9" * 400),
    "/in-the-past": later("-5"),
    "/in-a-zone": later("1 Jan 2026 00:00:00 +99999999999999"),
    "/at-some-time": later("soon"),
    "/cookie": answer(b"{}", "Set-Cookie: track=1; Path=/"),
    "/slow-head": Dripping(OK, b"X-A: b\r\n"),
    "/slow-body": Dripping(OK + b"Content-Length: 1000000\r\n\r\n", b"x"),
    "/slow-continue": Dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "/packed-and-more": Dripping(
        OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b'{"a": 1}'), b"x" * 65536
    ),
    "/slow-nothing": Dripping(
        CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n")
        + b"a\r\n" + gzip.compress(b"")[:10] + b"\r\n",
        b"5\r\n\0\0\0\xff\xff\r\n",
    ),
}  # fmt: skip
for each in CHARSETS:
    ANSWERS[f"/charset-{each}"] = answer("é".encode(), media=f'text/plain; charset="{each}"')


@pytest.fixture(scope="module")
def service() -> Iterator[RawService]:
    with RawService(ANSWERS) as service:
        yield service


class SetBack(SwiftClock):
    """One that somebody may set, as any wall clock."""

    ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead


@pytest.fixture(scope="module")
def clock() -> SetBack:
    return SetBack()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("outside")


@pytest.fixture(scope="module")
def web(service: RawService, clock: SwiftClock, folder: Path) -> Iterator[Web]:
    """The same service under two names: what limits one leaves the other alone."""
    services = [
        Service(name=name, base_url=service.url, secrets=lambda: {"x-api-key": KEY})
        for name in ("s2", "limiting")
    ]
    web = Web(services, Cache(folder), clock, user_agent="test")
    yield web
    web.close()


def trouble(web: Web, path: str, name: str = "s2", **more: object) -> OutsideError:
    with pytest.raises(OutsideError) as raised:
        web.get(name, path, most_bytes=MOST, **more)
    return raised.value


@pytest.mark.parametrize(
    ("path", "expected", "words"),
    [
        ("/bomb", "large", "larger than 1,048,576 bytes"),
        ("/bomb-in-bomb", "broken", "packed as 'gzip, gzip', which was not asked for"),
        ("/brotli", "broken", "packed as 'br'"),
        ("/half-packed", "broken", "breaks off"),
        ("/not-packed", "broken", "cannot be unpacked"),
        ("/http-0.9", "away", "out of reach"),
        ("/large-header", "away", "out of reach"),
        ("/negative", "away", "out of reach"),
        ("/unasked-304", "refused", "304"),
        ("/to-no-name", "broken", "redirects to what is no address"),
        ("/to-a-file", "away", "out of reach"),
        ("/to-nothing", "away", "out of reach"),
        ("/to-itself", "broken", "redirects more than"),
        ("/to-this-machine", "address", "lies in this machine"),
        ("/to-a-number", "address", "lies in this machine"),
        ("/to-octal", "away", "out of reach"),
        ("/to-mapped", "address", "lies in this machine"),
        ("/to-metadata", "address", "or its network"),
    ],
)
def test_every_trick_has_its_sentence(web: Web, path: str, expected: str, words: str) -> None:
    exc = trouble(web, path)
    assert (exc.trouble, words in str(exc)) == (expected, True), str(exc)


def test_what_is_packed_is_unpacked(web: Web) -> None:
    assert web.get("s2", "/packed").json() == {"a": 1}


def test_what_stands_behind_what_is_packed_is_not_waited_for_nor_kept(web: Web) -> None:
    assert web.get("s2", "/packed-and-more").json() == {"a": 1}


@pytest.mark.parametrize(
    ("path", "retry_after_s"),
    [
        ("/in-the-past", None),
        ("/in-a-zone", None),
        ("/at-some-time", None),
        ("/in-a-year", 31_536_000),
        ("/in-aeons", A_YEAR_S),
    ],
)
def test_whatever_a_service_says_of_when_it_is_a_number_or_nothing(
    web: Web, clock: SwiftClock, path: str, retry_after_s: float | None
) -> None:
    exc = trouble(web, path, "limiting")
    assert (exc.trouble, exc.retry_after_s) == ("limited", retry_after_s)
    clock.skipped_s += 3_601
    assert web.get("limiting", "/plain").json() == {}, "for an hour it is left alone, no longer"


@pytest.mark.parametrize("path", ["/slow-head", "/slow-body", "/slow-continue", "/slow-nothing"])
def test_who_answers_without_end_is_given_up(web: Web, clock: SwiftClock, path: str) -> None:
    """The clock goes on by the whole time that a question may take, while an answer drips in."""
    ahead = threading.Timer(0.1, lambda: setattr(clock, "skipped_s", clock.skipped_s + 301))
    ahead.start()
    assert trouble(web, path).trouble == "away"
    ahead.join()


@pytest.mark.parametrize("path", ["/slow-head", "/slow-continue", "/slow-nothing"])
def test_a_call_that_is_stopped_does_not_wait_for_the_rest(web: Web, path: str) -> None:
    cancelled = threading.Event()
    stop = threading.Timer(0.1, cancelled.set)
    stop.start()
    assert trouble(web, path, cancelled=cancelled).trouble == "stopped"
    stop.join()


def test_no_cookie_is_kept(web: Web, service: RawService) -> None:
    web.get("s2", "/cookie")
    web.get("s2", "/plain", fresh_s=0)
    assert b"cookie" not in service.heads[-1].lower()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://S2.example:443/x", True),
        ("http://s2.example:443/x", False),
        ("https://s2.example.evil.example/", False),
        ("https://s2.example@evil.example/", False),
        ("https://s2.example:444/", False),
    ],
)
def test_a_key_goes_where_it_belongs_and_never_in_the_clear(url: str, expected: bool) -> None:
    assert is_home(httpx.URL("https://s2.example/v1"), httpx.URL(url)) == expected


@pytest.mark.parametrize(
    "address",
    [
        "::7f00:1", "::127.0.0.1", "64:ff9b::a00:1", "64:ff9b:1::a00:1", "::ffff:0:7f00:1",
        "::ffff:10.0.0.1", "2002:7f00:1::", "fec0::1", "fe80::1%eth0", "fd00:ec2::254", "3fff::1",
        "ff02::1", "2001:db8::1", "100.64.0.1", "198.18.0.1", "224.0.0.1", "0.0.0.0", "::",
    ],
)  # fmt: skip
def test_no_way_of_writing_it_makes_an_address_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"])
def test_public_addresses_are(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("charset", CHARSETS)
def test_a_charset_that_writes_no_page_counts_as_unsaid(web: Web, charset: str) -> None:
    page = web.get("s2", f"/charset-{charset}")
    assert (page.text, page.charset) == ("é", "utf-8")


# The cache


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path)


def kept(cache: Cache, folder: Path) -> Path:
    """The file of an answer that is in the cache."""
    cache.put("GET /x", PAGE)
    assert cache.get("GET /x") == PAGE
    (path,) = folder.glob("??/*")
    return path


def put_in_place(path: Path, how: str) -> None:
    head, _, content = path.read_bytes().partition(b"\n")
    said = json.loads(head)
    path.unlink()
    match how:
        case "half":
            path.write_bytes(head + b"\n" + content[:-1])
        case "nothing":
            path.write_bytes(b"")
        case "zeros":
            path.write_bytes(bytes(1000))
        case "one line without end":
            path.write_bytes(b"x" * (1 << 20))
        case "a large file":
            with path.open("wb") as file:
                file.truncate(5 << 30)
        case "a folder":
            path.mkdir()
        case "a pipe":
            os.mkfifo(path)
        case "a link":
            path.symlink_to("/dev/zero")
        case "a time without a zone":
            path.write_text(json.dumps(said | {"fetched": "2026-01-01T00:00:00"}) + "\n{}")
        case "of something else":
            path.write_text(json.dumps(said | {"request": "GET /y"}) + "\n{}")
        case _:
            path.write_text(json.dumps(said | {"headers": {"etag": 1}}) + "\n{}")


@pytest.mark.parametrize(
    "how",
    [
        "half", "nothing", "zeros", "one line without end", "a large file", "a folder", "a pipe",
        "a link", "a time without a zone", "of something else", "headers that are none",
    ],
)  # fmt: skip
def test_what_we_did_not_put_into_the_cache_is_no_answer(
    cache: Cache, tmp_path: Path, how: str
) -> None:
    put_in_place(kept(cache, tmp_path), how)
    assert cache.get("GET /x") is None
    cache.put("GET /x", PAGE)
    assert cache.get("GET /x") == (None if how == "a folder" else PAGE)
    cache.prune()


@pytest.mark.parametrize("in_place", ["a file", "a folder that leads nowhere"])
def test_a_cache_that_cannot_be_written_is_done_without(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, in_place: str
) -> None:
    folder = tmp_path / "outside"
    if in_place == "a file":
        folder.touch()
    else:
        folder.symlink_to("/proc/self/no-such-folder")
    cache = Cache(folder)
    with caplog.at_level(logging.WARNING):
        cache.put("GET /x", PAGE)
    assert cache.get("GET /x") is None
    assert [each.message for each in caplog.records][:1] == ["answer_not_kept"]


def test_large_answers_are_cleared_away_before_there_are_many(tmp_path: Path) -> None:
    cache = Cache(tmp_path, most_bytes=50_000)
    for number in range(20):
        cache.put(f"GET /{number}", replace(PAGE, content=bytes(10_000)))
    assert sum(each.stat().st_size for each in tmp_path.glob("??/*")) < 60_000
    assert cache.get("GET /19") is not None, "the newest stay"


def test_the_folder_of_another_run_is_cleared_at_the_first_answer(tmp_path: Path) -> None:
    """As `ml-intern tools call` is one run for each call."""
    for number in range(20):
        Cache(tmp_path, most_bytes=50_000).put(
            f"GET /{number}", replace(PAGE, content=bytes(10_000))
        )
    assert sum(each.stat().st_size for each in tmp_path.glob("??/*")) < 60_000


def test_an_answer_of_tomorrow_is_not_fresh(web: Web, clock: SetBack, service: RawService) -> None:
    """The clock of the machine was wrong, and has been set back."""
    clock.ahead = timedelta(days=1)
    web.get("s2", "/plain", {"q": "time"})
    clock.ahead = timedelta()
    asked = len(service.heads)
    web.get("s2", "/plain", {"q": "time"})
    assert len(service.heads) == asked + 1


def test_two_who_ask_the_same_at_once_have_whole_answers(web: Web) -> None:
    with ThreadPoolExecutor(8) as pool:
        pages = list(pool.map(lambda _: web.get("s2", "/packed", {"q": "two"}), range(24)))
    assert {page.content for page in pages} == {b'{"a": 1}'}


def test_no_key_is_in_the_cache_or_the_log(
    web: Web, caplog: pytest.LogCaptureFixture, folder: Path
) -> None:
    with caplog.at_level(logging.DEBUG):
        web.get("s2", "/cookie", fresh_s=0)
        trouble(web, "/to-this-machine")
    assert KEY not in caplog.text
    assert not any(KEY.encode() in each.read_bytes() for each in folder.glob("??/*"))
