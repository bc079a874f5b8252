"""What the Hub answers, and what becomes of its failures, from within the daemon."""

import hashlib
import threading
import time
from pathlib import Path

import pytest

from ml_intern.errors import HubAway, HubOvertaken, HubRefused
from ml_intern.hub.away import HubAbroad
from ml_intern.hub.protocol import Outgoing, Wanted
from tests.support.hub import READ_TOKEN, SCOPED_TOKEN, TOKEN, USER, HubServer
from tests.support.waiting import wait_until

REPO = f"{USER}/logs"


@pytest.fixture
def server():
    with HubServer() as server:
        yield server


@pytest.fixture
def hub(server):
    with HubAbroad(server.url, TOKEN) as hub:
        yield hub


def outgoing(folder, name, content):
    source = folder / name
    source.write_bytes(content + b"what came later")
    return Outgoing(
        path=f"sessions/{name}",
        source=source,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )


def wanted(cache, path, most_bytes=1 << 20):
    return Wanted(repo_id=REPO, path=path, revision="main", cache=cache, most_bytes=most_bytes)


def test_a_repository_is_made_written_to_and_read(server, hub, tmp_path):
    server.datasets.lfs_from = 1000
    assert hub.who().user == USER
    assert hub.who().sees_all_of(REPO)
    hub.create(REPO)
    seen = hub.look(REPO)
    assert seen.private
    small, large = outgoing(tmp_path, "small", b"1"), outgoing(tmp_path, "large", b"2" * 5000)
    head = hub.commit(REPO, seen.head, [small, large], {"README.md": "---\na: 1\n---\n"}, "Add")
    assert hub.look(REPO).head == head
    found = {one.path: one for one in hub.files(REPO, head)}
    assert found["sessions/large"].oid == large.sha256
    assert found["sessions/large"].in_lfs
    assert server.datasets.repository(REPO).files["sessions/small"].content == b"1"
    assert hub.text(REPO, head, "README.md") == "---\na: 1\n---\n"
    found = hub.download(wanted(tmp_path / "cache", "sessions/large"))
    assert (found.commit, found.size) == (head, 5000)
    assert found.path.read_bytes() == b"2" * 5000
    hub.set_private(REPO, False)
    assert not server.datasets.repository(REPO).private


def test_what_the_hub_refuses_says_who_must_act(server, hub, tmp_path):
    with pytest.raises(HubRefused, match="not found") as missing:
        hub.look(REPO)
    server.datasets.add(REPO)
    with HubAbroad(server.url, "hf_wrong_token") as nobody, pytest.raises(HubRefused) as wrong:
        nobody.who()
    with HubAbroad(server.url, READ_TOKEN) as reader, pytest.raises(HubRefused) as may_not:
        reader.commit(REPO, reader.look(REPO).head, [outgoing(tmp_path, "a", b"1")], {}, "Add")
    with HubAbroad(server.url, SCOPED_TOKEN) as scoped:
        assert not scoped.who().sees_all_of(REPO)
    reasons = [each.value.reason for each in (missing, wrong, may_not)]
    assert reasons == ["missing", "token", "right"]
    with pytest.raises(HubOvertaken):
        hub.create(REPO)


def test_a_commit_on_what_is_no_longer_the_head_is_overtaken(server, hub, tmp_path):
    repository = server.datasets.add(REPO)
    before = repository.head
    repository.edit("note.txt", b"by somebody else")
    with pytest.raises(HubOvertaken):
        hub.commit(REPO, before, [outgoing(tmp_path, "a", b"1")], {}, "Add")
    server.faults.refuse(409, at="/commit/")
    with pytest.raises(HubOvertaken):
        hub.commit(REPO, repository.head, [outgoing(tmp_path, "a", b"1")], {}, "Add")


def test_a_file_that_has_changed_since_it_was_looked_at_is_not_sent(server, hub, tmp_path):
    repository = server.datasets.add(REPO)
    wanted = outgoing(tmp_path, "a", b"1")
    wanted.source.write_bytes(b"2")
    with pytest.raises(HubOvertaken, match="has changed"):
        hub.commit(REPO, repository.head, [wanted], {}, "Add")
    assert len(repository.commits) == 1


@pytest.mark.parametrize(
    ("break_it", "words", "retry_after_s"),
    [
        (lambda faults: faults.refuse(500), "status 500", None),
        (lambda faults: faults.limit_rate(55), "limits our requests", 55),
        (lambda faults: faults.page(), "cannot be read", None),
        (lambda faults: faults.cut(), "cannot be reached", None),
        (lambda faults: faults.drop(), "cannot be reached", None),
    ],
)
def test_a_hub_that_is_away_is_named_and_asked_once(server, hub, break_it, words, retry_after_s):
    break_it(server.faults)
    with pytest.raises(HubAway, match=words) as away:
        hub.who()
    assert away.value.retry_after_s == retry_after_s
    assert server.asked("/api/whoami-v2") == 1
    assert hub.who().user == USER  # the next request is as good as the first


def test_the_client_does_not_sleep_through_a_limit_where_it_would_by_itself(server, hub, tmp_path):
    repository = server.datasets.add(REPO)
    server.faults.limit_rate(300, at="/preupload/")
    began = time.monotonic()
    with pytest.raises(HubAway) as away:
        hub.commit(REPO, repository.head, [outgoing(tmp_path, "a", b"1")], {}, "Add")
    assert away.value.retry_after_s == 300
    assert time.monotonic() - began < 30


def test_a_port_that_nobody_listens_at_is_away(server, hub):
    server.down()
    with pytest.raises(HubAway, match="cannot be reached"):
        hub.who()


def test_offline_is_away(server, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with HubAbroad(server.url, TOKEN) as hub, pytest.raises(HubAway, match="HF_HUB_OFFLINE"):
        hub.who()
    assert server.requests == []


def test_a_hub_that_hangs_is_given_up_and_leaves_no_process(server):
    server.faults.hang(at="/api/datasets/")
    with HubAbroad(server.url, TOKEN, patience_s=2.0) as hub:
        hub.who()
        hung = Path(f"/proc/{hub._process.pid}")
        with pytest.raises(HubAway, match="did not answer within 2 s"):
            hub.look(REPO)
        assert not hung.exists()
        assert hub.who().user == USER


def test_a_stop_ends_a_request_that_hangs_at_once(server):
    stop = threading.Event()
    server.faults.hang()
    raised = []

    def ask():
        try:
            hub.who()
        except HubAway as exc:
            raised.append(str(exc))

    with HubAbroad(server.url, TOKEN, stop=stop) as hub:
        thread = threading.Thread(target=ask)
        thread.start()
        wait_until(lambda: server.asked("/api/whoami-v2") == 1)
        stop.set()
        thread.join(5)
        assert not thread.is_alive()
    assert raised == ["it was to stop"]


def test_no_token_reaches_the_command_line_or_environment_of_the_process(server, hub, monkeypatch):
    hub.who()
    pid = hub._process.pid
    shown = [Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ")]
    assert not any(TOKEN.encode() in each for each in shown)


def test_what_is_public_is_read_without_a_token(server, tmp_path):
    server.datasets.add(REPO, private=False).edit("a.jsonl", b"{}\n")
    server.datasets.add(f"{USER}/closed")
    with HubAbroad(server.url, None) as anybody:
        assert anybody.download(wanted(tmp_path, "a.jsonl")).path.read_bytes() == b"{}\n"
        with pytest.raises(HubRefused) as refused:
            anybody.look(f"{USER}/closed")
    assert refused.value.reason == "token"
    assert {seen.token for seen in server.requests} == {None}


def test_a_process_that_dies_is_told_and_another_takes_its_place(server, hub):
    hub.who()
    hub._process.kill()
    hub._process.wait()
    with pytest.raises(HubAway, match="process that speaks to the Hub"):
        hub.who()
    assert hub.who().user == USER


def test_the_process_ends_with_the_one_that_started_it(server, hub):
    """A daemon that is killed leaves nobody behind who would go on sending."""
    server.faults.hang(at="/api/datasets/")
    hub.who()
    child = Path(f"/proc/{hub._process.pid}/stat")
    hub._say({"act": "look", "given": {"repo_id": REPO}})
    wait_until(lambda: server.asked(f"/api/datasets/{REPO}") == 1)
    hub._process.stdin.close()
    wait_until(lambda: child.read_text().rpartition(")")[2].split()[0] == "Z")
