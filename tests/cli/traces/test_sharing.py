"""What `traces status` and `traces share` say, with a Hub beside and without."""

import json
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from ml_intern.cli import exits
from ml_intern.cli.traces import releasing, sharing, status
from ml_intern.daemon.hub_access import NO_TOKEN
from ml_intern.daemon.uploads import TURNED_OFF
from ml_intern.daemon.uploads import told as uploads_told
from ml_intern.errors import ConfigError, HubAway, InputError
from ml_intern.tracing.upload import ledger
from ml_intern.tracing.upload.uploader import Uploads
from tests.support.hub import TOKEN, HubServer
from tests.support.own_door import OwnDoor
from tests.support.serving import served
from tests.tracing.upload.given import REPO, Session, a_world


@pytest.fixture
def server():
    with HubServer() as server:
        yield server


@pytest.fixture
def world(server, tmp_path):
    with a_world(server, tmp_path / "traces") as made:
        yield made


@pytest.fixture(autouse=True)
def settings(server, tmp_path, monkeypatch):
    """Of the commands: those that the uploader of `world` has."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setenv("ML_INTERN_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("ML_INTERN_HF_ENDPOINT", server.url)
    monkeypatch.setenv("ML_INTERN_HF_TOKEN", TOKEN)


@contextmanager
def daemon_that_is(folder, uploads):
    """A door at the socket of these settings, whose daemon tells `uploads`."""
    door = OwnDoor(folder, uploads)
    try:
        with served(door, folder / "daemon.sock"):
            yield
    finally:
        door.close()


def told(capsys):
    status.status(as_json=True)
    return json.loads(capsys.readouterr().out)


def test_status_names_each_session_with_what_it_waits_for(world, capsys):
    sent, held, growing = (Session(world.traces, number) for number in range(3))
    sent.turn()
    held.turn("the key is ghp_0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0u")
    growing.says()
    world.pass_by(30)
    document = told(capsys)
    assert document["repository"] == f"{world.hub.url}/datasets/{REPO}"
    assert document["private"] is True
    assert document["off"].startswith("No daemon runs")
    states = {one["session_id"]: one["state"] for one in document["sessions"]}
    assert states == {sent.id: "sent", held.id: "held", growing.id: "growing"}
    sent.turn()
    status.status(as_json=False)
    words = capsys.readouterr().out
    assert "line 1 may hold a secret" in words
    assert "to send" in words
    assert "0 sessions of 3 sent as they stand." in words


def test_status_says_why_nothing_is_sent(world, capsys, monkeypatch):
    Session(world.traces).turn()
    world.hub.faults.refuse(503, times=100)
    world.pass_by(30)
    document = told(capsys)
    assert document["off"] == status.NO_DAEMON
    assert document["trouble"] is document["retry_at"] is None, "of a daemon that is gone"
    monkeypatch.setenv("ML_INTERN_TRACES_UPLOAD", "false")
    assert told(capsys)["off"].endswith("from this shell it would send nothing. " + TURNED_OFF)
    monkeypatch.delenv("ML_INTERN_TRACES_UPLOAD")
    monkeypatch.delenv("ML_INTERN_HF_TOKEN")
    assert told(capsys)["off"].endswith("from this shell it would send nothing. " + NO_TOKEN)
    monkeypatch.setenv("ML_INTERN_HF_TOKEN", TOKEN)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "it would send nothing. HF_HUB_OFFLINE is set" in told(capsys)["off"]


def test_status_says_when_it_was_seen_who_can_read_it(world, capsys):
    Session(world.traces).turn()
    world.pass_by(30)
    status.status(as_json=False)
    seen = datetime(2026, 11, 20, 9, tzinfo=UTC).astimezone()
    assert f"(private as seen on {seen:%F at %H:}" in capsys.readouterr().out


def test_where_a_daemon_answers_status_says_what_it_does_whatever_the_shell_has(
    world, tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv("ML_INTERN_TRACES_UPLOAD", "false")
    monkeypatch.delenv("ML_INTERN_HF_TOKEN")
    Session(world.traces).turn()
    world.hub.faults.refuse(503, times=100)
    world.pass_by(30)
    with daemon_that_is(tmp_path, lambda: world.uploader.uploads):
        document = told(capsys)
    assert document["off"] is None
    assert "status 503" in document["trouble"]
    assert document["retry_at"].startswith("2026-11-20T09:14")
    with daemon_that_is(tmp_path, lambda: uploads_told(None)):
        assert TURNED_OFF in told(capsys)["off"]


def test_trouble_of_an_earlier_daemon_is_not_told(world, tmp_path, capsys):
    Session(world.traces).turn()
    world.hub.faults.refuse(503, times=100)
    world.pass_by(30)
    with daemon_that_is(tmp_path, Uploads):
        document = told(capsys)
    assert document["off"] is document["trouble"] is document["retry_at"] is None


def test_the_parts_of_a_session_are_one_session(world, capsys):
    first, second = Session(world.traces, 1).turn(), Session(world.traces, 2)
    line = json.loads(first.content.split(b"\n")[0])
    line["mlIntern"] = {"continues": {"sessionId": first.id, "number": 2}}
    second.file.write_bytes(json.dumps(line).encode() + b"\n")
    second.turn()
    world.pass_by(30)
    (only,) = told(capsys)["sessions"]
    assert (only["session_id"], only["files"]) == (first.id, 2)


def test_share_links_to_the_dataset_or_to_the_file_of_a_session(world, capsys):
    session = Session(world.traces).turn()
    world.pass_by(30)
    key = f"{world.hub.url}/datasets/{REPO}"
    assert sharing.share(None) == exits.DONE
    assert capsys.readouterr() == (f"{key}\n", "Can be read by its owner alone.\n")
    sharing.share(session.id[:8])
    assert capsys.readouterr().out == f"{key}/blob/main/{session.path}\n"
    later = Session(world.traces, 2).turn()
    with pytest.raises(InputError, match="is not on the Hub"):
        sharing.share(later.id[:8])
    imported = world.traces / "imported" / "2026-11-20" / later.file.name
    imported.parent.mkdir(parents=True)
    later.file.rename(imported)
    with pytest.raises(InputError, match="is imported, and so never uploaded"):
        sharing.share(later.id[:8])


def test_share_public_counts_what_becomes_public_and_wants_a_yes(world, capsys, monkeypatch):
    for number in range(3):
        Session(world.traces, number).turn()
    world.pass_by(30)
    with pytest.raises(InputError, match="--yes"):
        sharing.make_public(yes=False)
    assert "Everybody can then read 3 sessions" in capsys.readouterr().err
    assert world.repository.private
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("typer.confirm", lambda *_, **__: False)
    assert sharing.make_public(yes=False) == exits.FAILED
    assert world.repository.private
    assert sharing.make_public(yes=True) == exits.DONE
    assert not world.repository.private


def test_what_was_made_public_goes_on_being_sent_until_it_is_private_again(world, capsys):
    session = Session(world.traces).turn()
    world.pass_by(30)
    sharing.make_public(yes=True)
    session.turn()
    world.pass_by(120)
    assert world.sent == {session.path: session.content}
    sharing.make_private()
    assert world.repository.private
    world.repository.private = False  # by somebody, on the web page
    session.turn()
    world.pass_by(120)
    assert "is public" in world.trouble


def test_share_accept_lets_a_repository_that_is_gone_be_made_again(world):
    session = Session(world.traces).turn()
    world.pass_by(30)
    world.hub.datasets.remove(REPO)
    session.turn()
    world.pass_by(120)
    assert "is gone" in world.trouble
    assert sharing.accept() == exits.DONE
    world.pass_by(60)
    assert world.sent == {session.path: session.content}


def test_without_a_token_or_a_hub_one_is_told_so(world, monkeypatch):
    with pytest.raises(InputError, match="is not there"):
        sharing.share(None)
    world.hub.down()
    with pytest.raises(HubAway) as away:
        sharing.share(None)
    assert exits.of_error(away.value) == exits.TRY_LATER
    monkeypatch.delenv("ML_INTERN_HF_TOKEN")
    with pytest.raises(ConfigError, match="HF_TOKEN"):
        sharing.share(None)


def test_what_people_decided_is_kept_by_repository(tmp_path):
    ledger.decide(tmp_path, "a", public=True)
    ledger.decide(tmp_path, "b", foreign=True)
    ledger.release(tmp_path, "c", "2026-11-20T09:14:01.007Z")
    assert ledger.sharing(tmp_path, "a").public
    assert not ledger.sharing(tmp_path, "b").public
    assert ledger.released(tmp_path) == {"c": "2026-11-20T09:14:01.007Z"}
    (tmp_path / ledger.SHARING).write_text("{")
    assert ledger.sharing(tmp_path, "a") == ledger.Sharing()


def test_what_is_held_because_of_people_is_released_by_name(world, capsys):
    session, other = Session(world.traces, 1).turn(), Session(world.traces, 2).turn()
    world.pass_by(30)
    world.repository.edit(session.path, b"other words\n")
    session.turn()
    world.pass_by(120)
    status.status(as_json=False)
    assert "ml-intern traces release ID" in capsys.readouterr().out
    assert releasing.release(session.id[:8]) == exits.DONE
    assert "1 file on the Hub will be replaced" in capsys.readouterr().err
    world.pass_by(120)
    assert world.sent[session.path] == session.content
    with pytest.raises(InputError, match="waits for that: it is sent"):
        releasing.release(other.id[:8])


def test_release_wants_a_session_of_ours(world, tmp_path):
    stray = Session(tmp_path).turn()
    with pytest.raises(InputError, match="none of our sessions"):
        releasing.release(str(stray.file))


def test_where_no_dataset_is_each_way_to_share_says_so(world):
    for act in (lambda: sharing.make_public(yes=True), sharing.make_private):
        with pytest.raises(InputError, match=r"is not there .* The daemon makes it"):
            act()


def test_what_a_renamed_dataset_is_called_is_told_and_shared_under_its_new_name(world, capsys):
    session = Session(world.traces).turn()
    world.pass_by(30)
    world.hub.datasets.rename(REPO, "acme/journal")
    session.turn()
    world.pass_by(120)
    assert told(capsys)["moved_to"] == "acme/journal"
    sharing.make_public(yes=True)
    assert not world.hub.datasets.repository("acme/journal").private
    sharing.accept()
    world.pass_by(120)
    moved = world.hub.datasets.repository("acme/journal")
    assert moved.files[session.path].content == session.content
