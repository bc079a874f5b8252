"""A Hub that lies, strays, has no end, or is none: the words it gets, and what it does not get."""

from datetime import UTC, datetime

import pytest

from ml_intern.errors import HubAway, HubRefused
from ml_intern.hub import client
from ml_intern.hub.away import HubAbroad
from ml_intern.hub.failures import wait_s
from tests.support.hub import TOKEN, USER, HubServer

REPO = f"{USER}/logs"
HEAD = "a" * 40


@pytest.fixture
def server():
    with HubServer() as server:
        yield server


@pytest.fixture
def elsewhere():
    with HubServer() as server:
        yield server


@pytest.fixture
def hub(server):
    with HubAbroad(server.url, TOKEN) as hub:
        yield hub


def entry(path, **changes):
    return {"type": "file", "path": path, "size": 1, "oid": "b" * 40, **changes}


def onward(to):
    return {"Link": f'<{to}/api/datasets/{REPO}/tree/{HEAD}?cursor=1>; rel="next"'}


@pytest.mark.parametrize(
    ("at", "answer"),
    [
        ("/whoami", None),
        ("/whoami", ["ada"]),
        ("/whoami", {}),
        ("/whoami", {"name": None}),
        ("/whoami", {"name": "../ada"}),
        ("/whoami", {"name": "ada", "orgs": [1]}),
        ("/api/datasets/", {"id": REPO, "sha": HEAD}),
        ("/api/datasets/", {"id": REPO, "sha": HEAD, "private": "yes"}),
        ("/api/datasets/", {"id": REPO, "sha": "main", "private": True}),
        ("/api/datasets/", {"id": "../etc/passwd", "sha": HEAD, "private": True}),
        ("/api/datasets/", {"sha": HEAD, "private": True}),
    ],
)
def test_an_answer_that_makes_no_sense_is_none(server, hub, at, answer):
    server.faults.say(answer, at=at)
    ask = hub.who if at == "/whoami" else lambda: hub.look(REPO)
    with pytest.raises(HubAway, match="answer cannot be read"):
        ask()


@pytest.mark.parametrize(
    "answer", [{}, [1], [{"type": "file"}], [entry("a", size="many")], [entry("a", lfs={"oid": 1})]]
)
def test_a_tree_that_makes_no_sense_is_none(server, hub, answer):
    server.faults.say(answer, at="/tree/")
    if answer == {}:
        assert hub.files(REPO, HEAD) == []
        return
    with pytest.raises(HubAway, match="answer cannot be read"):
        hub.files(REPO, HEAD)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_page_of_a_gateway_is_away(server, hub, status):
    server.faults.page(status)
    with pytest.raises(HubAway, match=f"answered with status {status}"):
        hub.who()


def test_neither_token_nor_content_follow_to_another_host(server, elsewhere, hub):
    repository = server.datasets.add(REPO)
    acts = {
        "/whoami": hub.who,
        f"/api/datasets/{REPO}": lambda: hub.look(REPO),
        "/preupload/": lambda: hub.commit(REPO, repository.head, [], {"a": "secret"}, "Add"),
        "/commit/": lambda: hub.commit(REPO, repository.head, [], {"a": "secret"}, "Add"),
        "/settings": lambda: hub.set_private(REPO, True),
    }
    for at, act in acts.items():
        server.faults.send_on(elsewhere.url, at=at)
        with pytest.raises(HubRefused, match=f"sends us on to {elsewhere.url}"):
            act()
    assert elsewhere.requests == []


def test_a_next_page_at_another_host_is_not_asked_for(server, elsewhere, hub):
    server.faults.say([entry("a")], at="/tree/", **onward(elsewhere.url))
    with pytest.raises(HubRefused, match="sends us on"):
        hub.files(REPO, HEAD)
    assert elsewhere.requests == []


def test_a_file_in_the_storage_of_others_is_read_without_the_token(server, elsewhere, hub):
    """As large files are: the Hub names an address that is signed for this one download."""
    elsewhere.datasets.add(REPO, private=False).edit("README.md", b"Here.\n")
    server.faults.send_on(elsewhere.url, at="/resolve/", status=302)
    assert hub.text(REPO, "main", "README.md") == "Here.\n"
    assert {seen.token for seen in elsewhere.requests} == {None}


def test_a_dataset_that_was_renamed_is_seen_by_its_new_name(server, hub):
    server.datasets.add(REPO)
    server.datasets.rename(REPO, f"{USER}/journal")
    assert hub.look(REPO).id == f"{USER}/journal"


def test_what_is_no_hub_is_named(server):
    at = server.url.removeprefix("http://")
    with HubAbroad(f"https://{at}", TOKEN) as hub, pytest.raises(HubAway, match="SSL"):
        hub.who()
    with HubAbroad("http://hub.invalid", TOKEN) as hub, pytest.raises(HubAway, match="reached"):
        hub.who()
    with HubAbroad("hub.example", TOKEN) as hub, pytest.raises(HubRefused, match="no address"):
        hub.who()


@pytest.mark.parametrize("token", ["hf_two\nlines", "hf_ümlaut"])
def test_what_is_no_token_is_said_to_be_none_and_not_shown(server, token):
    with HubAbroad(server.url, token) as hub, pytest.raises(HubRefused) as refused:
        hub.who()
    assert (refused.value.reason, str(refused.value)) == (
        "token",
        "the token holds what no token has",
    )
    assert server.requests == []


def test_half_an_answer_is_waited_for_no_longer_than_a_whole_one(server):
    server.faults.stall(at="/api/datasets/")
    server.datasets.add(REPO)
    with HubAbroad(server.url, TOKEN, patience_s=2.0) as hub:
        with pytest.raises(HubAway, match="did not answer within 2 s"):
            hub.look(REPO)
        assert hub.look(REPO).private


def test_a_tree_without_end_is_given_up(server, hub):
    page = [entry(f"sessions/2026-11-20/{number}.jsonl") for number in range(20_000)]
    server.faults.say(page, times=20, at="/tree/", **onward(server.url))
    with pytest.raises(HubRefused, match="holds over 200,000 files; name another in traces_repo"):
        hub.files(REPO, HEAD)
    assert server.asked(f"/api/datasets/{REPO}/tree/{HEAD}") == 11


def test_an_answer_without_end_does_not_take_all_memory(server, hub):
    server.faults.say("x" * (client.MEMORY_BYTES // 3), at="/whoami")
    with pytest.raises(HubAway, match="memory"):
        hub.who()
    assert hub.who().user == USER


def test_a_card_that_is_no_card_by_its_size_is_not_read(server, hub):
    server.datasets.add(REPO).edit("README.md", b"x" * (client.MOST_TEXT_BYTES + 1))
    with pytest.raises(HubRefused, match=r"README.md is larger than 1 MiB"):
        hub.text(REPO, "main", "README.md")


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("55", 55.0),
        ("Fri, 20 Nov 2026 09:15:00 GMT", 60.0),
        ("Fri, 20 Nov 2026 09:00:00 GMT", 0.0),
        ("²", None),
        ("soon", None),
        ("", None),
    ],
)
def test_how_long_to_wait_is_said_in_seconds_or_as_a_date(said, seconds):
    now = datetime(2026, 11, 20, 9, 14, tzinfo=UTC)
    assert wait_s({"Retry-After": said}, now) == seconds


def test_a_large_tree_comes_whole(server, hub):
    """100,000 entries: what the Hub itself advises a dataset not to go beyond."""
    pages = 100
    for number in range(pages):
        page = [entry(f"sessions/2026-11-20/{number}-{n}.jsonl") for n in range(1000)]
        more = onward(server.url) if number < pages - 1 else {}
        server.faults.say(page, at="/tree/", **more)
    assert len({one.path for one in hub.files(REPO, HEAD)}) == 100_000
