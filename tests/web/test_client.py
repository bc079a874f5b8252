"""What is asked outside, over real HTTP: the cache, the pace, and every way in which it fails."""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ml_intern.errors import OutsideError
from ml_intern.web import Cache, Service, Web
from ml_intern.web.client import CUT_OFF_S
from tests.support.clocks import SwiftClock
from tests.support.outside import Asked, Given, Outside

TOKEN = "hf_fake0123456789"
Make = Callable[..., Web]


@pytest.fixture
def clock() -> SwiftClock:
    return SwiftClock()


@pytest.fixture
def web(tmp_path: Path, clock: SwiftClock) -> Iterator[Make]:
    made: list[Web] = []

    def make(url: str, **changes: Any) -> Web:
        service = Service(
            name="hub",
            base_url=url,
            interval_s=changes.pop("interval_s", 0.0),
            secrets=lambda: {"Authorization": f"Bearer {TOKEN}"},
        )
        made.append(Web([service], Cache(tmp_path), clock, user_agent="test", **changes))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def outside() -> Iterator[Outside]:
    with Outside(lambda _: Given(content='{"a": 1}', headers={"ETag": '"1"'})) as server:
        yield server


def trouble(web: Web, path: str = "/x", **more: Any) -> OutsideError:
    with pytest.raises(OutsideError) as raised:
        web.get("hub", path, **more)
    return raised.value


def test_an_answer_is_used_again_while_it_is_fresh(web: Make, outside: Outside, clock) -> None:
    hub = web(outside.url)
    assert hub.get("hub", "/x", {"q": "é&="}).json() == {"a": 1}
    assert hub.get("hub", "/x", {"q": "é&="}).json() == {"a": 1}
    assert [asked.path for asked in outside.asked] == ["/x?q=%C3%A9%26%3D"]
    clock.skipped_s += 4000
    hub.get("hub", "/x", {"q": "é&="})
    assert outside.asked[1].headers["if-none-match"] == '"1"'


def test_what_has_not_changed_is_not_sent_again(web: Make, outside: Outside, clock) -> None:
    hub = web(outside.url)
    first = hub.get("hub", "/x")
    outside.answer = lambda _: Given(status=304, content=b"")
    clock.skipped_s += 4000
    again = hub.get("hub", "/x")
    assert (again.json(), again.is_old) == ({"a": 1}, False)
    assert again.fetched > first.fetched


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_old_answer_is_better_than_none(web: Make, outside: Outside, clock, status) -> None:
    hub = web(outside.url)
    hub.get("hub", "/x")
    outside.answer = lambda _: Given(status=status)
    clock.skipped_s += 4000
    assert hub.get("hub", "/x").is_old
    assert trouble(hub, "/never-seen").trouble in ("limited", "away")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (Given(status=404), "missing"),
        (Given(status=401), "forbidden"),
        (Given(status=403), "forbidden"),
        (Given(status=422), "refused"),
        (Given(status=500), "away"),
        (Given(status=429), "limited"),
        (Given(content=b"x", says_length=100), "away"),
    ],
)
def test_every_failure_has_its_name(web: Make, outside: Outside, given, expected) -> None:
    outside.answer = lambda _: given
    exc = trouble(web(outside.url))
    assert (exc.trouble, TOKEN in str(exc)) == (expected, False)
    assert len(outside.asked) == (3 if expected in ("away", "limited") else 1)


NOWHERE = "http://no-such-host.invalid"


def test_without_a_network_only_the_first_is_tried_again(web: Make, clock: SwiftClock) -> None:
    hub = web(NOWHERE)
    assert "is out of reach: no address is known of that name" in str(trouble(hub))
    waited_s = clock.skipped_s
    assert waited_s > 0
    assert trouble(hub, "/y").trouble == "away"
    assert clock.skipped_s == waited_s
    clock.skipped_s = waited_s = waited_s + CUT_OFF_S
    trouble(hub, "/x")
    assert clock.skipped_s > waited_s


@pytest.mark.parametrize("status", [200, 404])
def test_any_answer_shows_that_there_is_a_network(
    tmp_path: Path, outside: Outside, clock: SwiftClock, status: int
) -> None:
    outside.answer = lambda _: Given(status=status)
    services = [Service(name="hub", base_url=NOWHERE), Service(name="there", base_url=outside.url)]
    web = Web(services, Cache(tmp_path), clock, user_agent="test")
    trouble(web)
    with suppress(OutsideError):
        web.get("there", "/x")
    waited_s = clock.skipped_s
    trouble(web)
    assert clock.skipped_s > waited_s
    web.close()


def test_a_service_in_trouble_is_tried_again_also_where_another_is_out_of_reach(
    tmp_path: Path, outside: Outside, clock: SwiftClock
) -> None:
    outside.answer = lambda _: Given(status=503)
    services = [Service(name="gone", base_url=NOWHERE), Service(name="hub", base_url=outside.url)]
    web = Web(services, Cache(tmp_path), clock, user_agent="test")
    with pytest.raises(OutsideError):
        web.get("gone", "/x")
    assert trouble(web).trouble == "away"
    assert len(outside.asked) == 3
    web.close()


@pytest.mark.parametrize("content", ["<html>", '{"a": ', "", "[" * 200_000])
def test_what_is_no_json_is_said_with_what_it_is(web: Make, outside: Outside, content) -> None:
    outside.answer = lambda _: Given(content=content, content_type="text/html; charset=latin-1")
    page = web(outside.url).get("hub", "/x")
    with pytest.raises(OutsideError, match="text/html") as raised:
        page.json()
    assert raised.value.trouble == "broken"


def test_a_short_wait_is_waited_for_and_a_long_one_is_told(web: Make, outside: Outside) -> None:
    answers = [Given(status=429, headers={"Retry-After": "5"}), Given()]
    outside.answer = lambda _: answers.pop(0)
    hub = web(outside.url)
    assert hub.get("hub", "/x").json() == {}
    outside.answer = lambda _: Given(status=429, headers={"Retry-After": "300"})
    exc = trouble(hub, "/y")
    assert (exc.trouble, exc.retry_after_s) == ("limited", 300)
    asked = len(outside.asked)
    assert trouble(hub, "/z").retry_after_s == pytest.approx(300, abs=5)
    assert len(outside.asked) == asked, "a service that limits us is left alone"


def test_two_requests_keep_their_distance(web: Make, outside: Outside, clock) -> None:
    hub = web(outside.url, interval_s=3.0)
    for number in range(4):
        hub.get("hub", f"/{number}")
    assert clock.skipped_s == pytest.approx(9.0, abs=0.5)


def test_a_token_is_not_sent_to_another_host(web: Make, outside: Outside) -> None:
    with Outside(lambda _: Given(content="[]")) as other:

        def away(asked: Asked) -> Given:
            return Given(status=302, headers={"Location": f"{other.url}/file"})

        outside.answer = away
        exc = trouble(web(outside.url))
        assert exc.trouble == "address", "another port of this machine is no service of ours"
        assert other.asked == []
    assert outside.asked[0].headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://localhost:80/", "http://[::1]/", "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data", "http://192.168.1.1/", "http://0.0.0.0/",
        "http://[::ffff:127.0.0.1]/", "http://[fe80::1]/", "http://2130706433/",
        "file:///etc/passwd", "ftp://example.org/", "http://a:b@example.org/", "nonsense",
    ],
)  # fmt: skip
def test_what_is_not_public_is_not_fetched(web: Make, outside: Outside, url: str) -> None:
    with pytest.raises(OutsideError) as raised:
        web(outside.url).fetch(url)
    assert raised.value.trouble == "address"


def test_what_is_too_large_is_not_read_to_its_end(web: Make, outside: Outside) -> None:
    outside.answer = lambda _: Given(content=b"x" * 100_000)
    assert trouble(web(outside.url), most_bytes=1_000).trouble == "large"


def test_nobody_is_asked_when_the_network_is_not_wanted(web: Make, outside: Outside) -> None:
    assert trouble(web(outside.url, is_offline=lambda: True)).trouble == "away"
    assert outside.asked == []


def test_a_call_that_is_stopped_does_not_wait(web: Make, outside: Outside) -> None:
    stopped = threading.Event()
    stopped.set()
    assert trouble(web(outside.url), cancelled=stopped).trouble == "stopped"
    assert outside.asked == []


def test_a_question_that_is_posted_comes_whole(web: Make, outside: Outside) -> None:
    web(outside.url).post("hub", "/q", {"ids": ["é"]})
    (asked,) = outside.asked
    assert (asked.method, asked.path) == ("POST", "/q")
    assert asked.body == '{"ids":["é"]}'.encode()
