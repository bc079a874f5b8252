"""What `doctor` finds of the model, of half of Slack, and where traces are to be sent."""

from contextlib import closing

import pytest

from ml_intern.cli.doctor import _model, _slack, _traces
from ml_intern.settings import Settings
from ml_intern.tracing.upload.uploader import Uploads
from tests.support.hub import READ_TOKEN, TOKEN, USER, HubServer
from tests.support.model_server import ModelServer
from tests.support.own_door import OwnDoor
from tests.support.serving import served

REPO = f"{USER}/ml-intern-sessions"


@pytest.fixture
def hub():
    with HubServer() as server:
        yield server


def found(hub, tmp_path, token=TOKEN, **given):
    settings = Settings(state_dir=tmp_path, hf_endpoint=hub.url, hf_token=token, **given)
    return _traces(settings)


def test_the_dataset_is_named_with_who_can_read_it(hub, tmp_path):
    assert found(hub, tmp_path).found.endswith(f"{REPO}, which is not there yet")
    hub.datasets.add(REPO)
    assert found(hub, tmp_path).found.endswith(f"{REPO}, private")
    hub.datasets.repository(REPO).private = False
    check = found(hub, tmp_path)
    assert check.found.endswith(f"{REPO}, which everybody can read")
    assert check.verdict == "ok"


def test_a_token_that_cannot_is_named_before_the_first_trace(hub, tmp_path):
    assert "may only read" in found(hub, tmp_path, READ_TOKEN).found
    wrong = found(hub, tmp_path, "hf_wrong_token")
    assert "does not accept the token" in wrong.found
    assert wrong.verdict == "warn"
    assert "traces_upload" in wrong.next_step


def test_traces_that_cannot_be_written_are_named(hub, tmp_path):
    (tmp_path / "traces").write_text("x")
    told = found(hub, tmp_path)
    assert told.verdict == "warn"
    assert told.found == f"are not written: {tmp_path / 'traces'} is no folder that can be written"


def test_what_is_not_to_be_sent_is_not_asked_about(hub, tmp_path):
    words = "stay here, by the settings of this shell: traces_upload is false"
    assert found(hub, tmp_path, traces_upload=False).found == words
    assert hub.requests == []


@pytest.mark.parametrize(
    ("uploads", "verdict", "words"),
    [
        (Uploads(off="There is no token."), "ok", "stay here: the daemon"),
        (Uploads(trouble="the Hub limits our requests"), "warn", "are not sent by the daemon"),
        (Uploads(pending=2), "ok", "2 files to send"),
        (Uploads(held=1), "warn", "1 file held back"),
    ],
)
def test_where_a_daemon_runs_it_is_asked_and_not_this_shell(hub, tmp_path, uploads, verdict, words):
    door = OwnDoor(tmp_path, lambda: uploads)
    with closing(door), served(door, tmp_path / "daemon.sock"):
        check = found(hub, tmp_path, "hf_wrong_token")
    assert check.verdict == verdict
    assert words in check.found
    assert hub.requests == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"slack_bot_token": "xoxb-1"}, "slack_app_token is not set"),
        ({"slack_app_token": "xapp-1"}, "slack_bot_token is not set"),
        (
            {"slack_bot_token": "xoxb-1", "slack_app_token": "xoxb-2"},
            "slack_app_token does not begin with `xapp-`",
        ),
    ],
)
def test_half_of_what_slack_needs_is_named(monkeypatch, given, words):
    for name in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    (check,) = _slack(Settings(**given))
    assert (check.verdict, words in check.found) == ("fail", True)
    assert "docs/slack.md" in check.found


@pytest.mark.parametrize(
    ("pages", "verdict", "words"),
    [
        (
            {"/v1/models": {"data": [{"id": "m", "max_model_len": 131_072}]}},
            "ok",
            "vllm/m: window 131,072 (the server), answer 16,384",
        ),
        ({}, "warn", "vllm/m: window 8,192 (a guess), answer 2,048"),
    ],
)
def test_the_window_of_the_model_is_named_and_who_said_so(pages, verdict, words):
    with ModelServer([], pages=pages) as server:
        check = _model(Settings(model="vllm/m", api_base=server.openai_url))
    assert (check.verdict, check.found) == (verdict, words)
    assert ("context_windows" in check.next_step) is (verdict == "warn")


def test_a_server_that_does_not_answer_is_named():
    with ModelServer([]) as server:
        gone = server.openai_url
    check = _model(Settings(model="vllm/m", api_base=gone))
    assert (check.verdict, check.found) == ("warn", "vllm/m: its server does not answer")
