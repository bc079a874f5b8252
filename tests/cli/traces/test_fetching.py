"""A trace that lies on the Hub, named as people name it."""

import pytest

from ml_intern.cli.traces.fetching import located
from ml_intern.errors import HubAway, InputError
from ml_intern.hub.away import HubAbroad
from ml_intern.hub.protocol import Wanted
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


# What the Hub may give


def kept(settings):
    """The files that are here after all."""
    return [path for path in (settings.state_dir / "traces").rglob("*") if path.is_file()]


def test_a_session_that_is_too_large_is_refused_by_the_name_of_the_limit(hub, settings, tmp_path):
    contents = a_session(tmp_path)
    named = put(hub, contents, private=False)
    first, second = (len(content) for content in contents.values())
    for most in (10, first + second - 1):
        small = settings.model_copy(update={"traces_fetch_bytes": most})
        with pytest.raises(InputError, match="Set traces_fetch_bytes higher"):
            located(named, small)
        assert len(kept(settings)) == (most > 10)
    enough = settings.model_copy(update={"traces_fetch_bytes": first + second})
    assert len(parts.files(located(named, enough), Problems())) == 2


def test_a_size_that_the_hub_does_not_tell_is_counted(hub, settings, tmp_path):
    named = put(hub, a_session(tmp_path), private=False)
    hub.faults.drip(b"x" * (1 << 20), 100, at="/resolve/", X_Repo_Commit="a" * 40)
    small = settings.model_copy(update={"traces_fetch_bytes": 3 << 20})
    with pytest.raises(InputError, match=r"more than 3\.0 MiB"):
        located(named, small)
    assert kept(settings) == []


def test_half_a_file_is_not_kept_and_comes_whole_the_next_time(hub, settings, tmp_path):
    contents = a_session(tmp_path)
    named = put(hub, contents, private=False)
    hub.faults.cut(at="/resolve/")
    with pytest.raises(HubAway, match="cannot be reached"):
        located(named, settings)
    assert kept(settings) == []
    assert located(named, settings).read_bytes() == next(iter(contents.values()))


def test_what_arrives_otherwise_than_the_hub_says_is_not_kept(hub, settings, tmp_path):
    named = put(hub, a_session(tmp_path), private=False)
    told = {"ETag": f'"{"0" * 40}"', "X_Repo_Commit": "a" * 40}
    hub.faults.say({"type": "user"}, at="/resolve/", **told)
    with pytest.raises(HubAway, match="did not arrive as the Hub has it"):
        located(named, settings)
    hub.faults.say({"type": "user"}, at="/resolve/", **{**told, "X_Repo_Commit": "../../../x"})
    with pytest.raises(HubAway, match="is no commit"):
        located(named, settings)
    assert kept(settings) == []


@pytest.mark.parametrize(
    "named",
    [
        "{hub}/datasets/ada/logs/blob/main/%2e%2e/%2e%2e/x.jsonl",
        "{hub}/datasets/ada/../blob/main/x.jsonl",
        "{hub}/datasets/ada/logs/blob/../x.jsonl",
        "{hub}/datasets/ada/logs/blob/main/a//x.jsonl",
        "ada/logs@../x/x.jsonl",
        "ada/logs/a//x.jsonl",
    ],
)
def test_no_address_leads_out_of_a_dataset(hub, settings, named):
    with pytest.raises(InputError):
        located(named.format(hub=hub.url), settings)
    assert hub.requests == []


def test_what_is_no_dataset_that_one_may_read_is_said(hub, settings, tmp_path):
    with pytest.raises(InputError, match="is not there, or only for a token to see"):
        located("ada/a-model/x.jsonl", settings)
    with_token = settings.model_copy(update={"hf_token": Settings(hf_token=TOKEN).hf_token})
    with pytest.raises(InputError, match="Repository not found"):
        located("ada/a-model/x.jsonl", with_token)
    with pytest.raises(InputError, match=r"is no \.jsonl file of a dataset"):
        located(f"{hub.url}/ada/a-model/blob/main/x.jsonl", with_token)
    named = put(hub, a_session(tmp_path), private=False)
    hub.faults.refuse(403, "Access to it is restricted", at="/resolve/", code="GatedRepo")
    with pytest.raises(InputError, match="for those whom its owner has let in"):
        located(named, with_token)
    assert kept(settings) == []


def test_a_file_that_cannot_be_written_is_named(hub, settings, tmp_path):
    named = put(hub, a_session(tmp_path), private=False)
    (settings.state_dir / "traces").mkdir(parents=True)
    (settings.state_dir / "traces" / "fetched").write_text("a file")
    with pytest.raises(InputError, match="cannot be written: Not a directory"):
        located(named, settings)


def test_how_far_it_is_is_told_and_patience_is_for_each_piece(hub, tmp_path):
    """A slow line may take longer in all than a Hub that says nothing gets."""
    hub.faults.drip(b"x" * 100, 8, 0.5, at="/resolve/", X_Repo_Commit="a" * 40)
    told = []
    wanted = Wanted(
        repo_id="ada/logs", path="x", revision="main", cache=tmp_path, most_bytes=1 << 20
    )
    with HubAbroad(hub.url, None, patience_s=3.0) as slow:
        assert slow.download(wanted, told.append).size == 800
    assert told == sorted(told)
    assert len(told) > 1
