"""A trace that lies on the Hub, named as people name it."""

import pytest

from ml_intern.cli.traces.fetching import located
from ml_intern.errors import HubAway, InputError
from ml_intern.settings import Settings
from ml_intern.transcript import parts
from ml_intern.transcript.problems import Problems
from tests.support.hub import TOKEN, USER, HubServer
from tests.tracing.upload.given import DAY, Session


@pytest.fixture
def hub():
    with HubServer() as server:
        yield server


@pytest.fixture
def settings(hub, tmp_path, monkeypatch):
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    return Settings(state_dir=tmp_path / "state", hf_endpoint=hub.url)


def a_session(folder):
    """In two parts; the content of each by its name."""
    session = Session(folder).turn()
    name = f"{parts.part_id(session.id, 2)}.jsonl"
    head = b'{"type":"user","mlIntern":{"continues":{"sessionId":"%s","number":2}}}\n'
    return {session.file.name: session.content, name: head % session.id.encode() + session.content}


def put(hub, contents, *, private):
    held = hub.datasets.add(f"{USER}/logs", private=private)
    for name, content in contents.items():
        held.edit(f"sessions/{DAY}/{name}", content)
    return f"{USER}/logs/sessions/{DAY}/{next(iter(contents))}"


def test_a_public_session_comes_whole_without_a_token_and_stays_as_it_was(hub, settings, tmp_path):
    contents = a_session(tmp_path)
    named = put(hub, contents, private=False)
    path = located(named, settings)
    assert {each.name: each.read_bytes() for each in parts.files(path, Problems())} == contents
    page = f"{hub.url}/datasets/{named}".replace("/sessions/", "/blob/main/sessions/")
    assert located(page, settings) == path
    assert (settings.state_dir / "traces" / "fetched").is_dir()


def test_a_private_one_needs_a_token(hub, settings, tmp_path):
    named = put(hub, a_session(tmp_path), private=True)
    with pytest.raises(InputError, match="here, and on the Hub"):
        located(named, settings)
    with_token = settings.model_copy(update={"hf_token": Settings(hf_token=TOKEN).hf_token})
    assert located(named, with_token).is_file()


def test_all_parts_are_of_the_commit_of_the_first(hub, settings, tmp_path):
    named = put(hub, a_session(tmp_path), private=False)
    revision = hub.datasets.repository(f"{USER}/logs").head
    hub.datasets.repository(f"{USER}/logs").edit(named.partition("logs/")[2], b"{}\n")
    path = located(named.replace("/logs/", f"/logs@{revision}/"), settings)
    assert len(parts.files(path, Problems())) == 2
    assert path.read_bytes() != b"{}\n"


def test_a_file_that_is_here_is_not_looked_for_there(hub, settings, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c.jsonl").write_text(
        '{"type": "user", "message": {"content": "Do it."}}'
    )
    assert located("a/b/c.jsonl", settings) == tmp_path / "a" / "b" / "c.jsonl"
    assert hub.requests == []


def test_a_hub_that_is_away_is_said_to_be(hub, settings):
    hub.down()
    with pytest.raises(HubAway):
        located("ada/logs/c.jsonl", settings)
