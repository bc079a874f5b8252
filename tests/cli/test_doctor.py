"""What `doctor` finds of the model, of half of Slack, and where traces are to be sent."""

from contextlib import closing

import pytest

from ml_intern.cli.doctor import examine, models, outside
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
    return outside.traces(settings)


def test_the_dataset_is_named_with_who_can_read_it(hub, tmp_path):
    assert found(hub, tmp_path).found.endswith(f"{REPO}, which is not there yet")
    hub.datasets.add(REPO)
    assert found(hub, tmp_path).found.endswith(f"{REPO}, private")
    hub.datasets.repository(REPO).private = False
    check = found(hub, tmp_path)
    assert check.found.endswith(f"{REPO}, which everybody can read")
    assert check.verdict == "ok"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"hf_token": TOKEN, "author": "ada"}, "on the Hub as ada/NAME"),
        ({"hf_token": TOKEN}, "to a folder, as the setting author is local"),
        ({"author": "ada"}, "to a folder"),
    ],
)
def test_where_models_are_published_is_said_beside_the_token(monkeypatch, tmp_path, given, words):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "none"))
    assert outside.hub_token(Settings(**given)).found.endswith(f"; models are published {words}")


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
    (check,) = outside.slack(Settings(**given))
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
        check = models.model(Settings(model="vllm/m", api_base=server.openai_url))
    assert (check.verdict, check.found) == (verdict, words)
    assert ("context_windows" in check.next_step) is (verdict == "warn")


@pytest.mark.parametrize("windows", [{}, {"vllm/*": 32_768}])
def test_a_server_that_does_not_answer_is_named(windows):
    with ModelServer([]) as server:
        gone = server.openai_url
    check = models.model(Settings(model="vllm/m", api_base=gone, context_windows=windows))
    assert (check.verdict, check.found) == ("warn", "vllm/m: its server does not answer")


@pytest.mark.parametrize(
    ("name", "effort", "words"),
    [
        ("vllm/m", None, "answer 16,384"),
        ("vllm/m", "high", "answer 16,384, reasoning_effort high"),
        ("vllm/m", "max", "answer 16,384, reasoning_effort max (it takes high)"),
        ("openai/gpt-4o", "low", "reasoning_effort low not asked for: it has no such levels"),
    ],
)
def test_the_effort_of_the_settings_is_named_and_what_becomes_of_it(
    monkeypatch, name, effort, words
):
    monkeypatch.setenv("OPENAI_API_KEY", "no-key-at-all")
    pages = {"/v1/models": {"data": [{"id": "m", "max_model_len": 131_072}]}}
    with ModelServer([], pages=pages) as server:
        monkeypatch.setenv("VLLM_API_BASE", server.openai_url)
        check = models.model(Settings(model=name, reasoning_effort=effort))
    assert check.found.endswith(words)


def told(**given):
    """Of each fallback: how it is, and what is said of it."""
    checks = list(models.fallbacks(Settings(**given)))
    assert {check.name for check in checks} <= {"fallback"}
    return [(check.verdict, check.found, check.next_step) for check in checks]


def test_each_fallback_is_looked_at_where_its_own_variables_say(monkeypatch):
    pages = {"/v1/models": {"data": [{"id": "b", "max_model_len": 131_072}]}}
    with ModelServer([], pages=pages) as first, ModelServer([], pages=pages) as second:
        monkeypatch.setenv("VLLM_API_BASE", second.openai_url)
        monkeypatch.setenv("VLLM_API_KEY", "of-the-second")
        at = {"model": "vllm/a", "api_base": first.openai_url, "api_key": "of-the-first"}
        found = told(**at, fallback_models=("vllm/b", "vllm/a"))
        assert found == [("ok", "vllm/b: window 131,072 (the server), answer 16,384", "")]
        assert first.lookups == []
        keys = {seen.headers.get("authorization") for seen in second.lookups}
        assert keys == {"Bearer of-the-second"}


def test_a_fallback_that_cannot_be_used_is_a_warning_with_what_to_do(monkeypatch, tmp_path):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    names = ("gpt-5.5", f"transformers/{tmp_path}", "nobody/knows")
    key, folder, name = told(fallback_models=names, model="vllm/a")
    assert {key[0], folder[0], name[0]} == {"warn"}
    assert key[1].startswith("the fallback gpt-5.5 is passed over: The model 'gpt-5.5' needs a key")
    assert "Set OPENAI_API_KEY" in key[1]
    assert "holds no model" in folder[1]
    assert "There is no model 'nobody/knows'" in name[1]
    assert key[2] == "mend this, or take it out of fallback_models"


def test_a_fallback_that_is_away_or_has_no_price_is_named(monkeypatch):
    with ModelServer([]) as server:
        monkeypatch.setenv("OPENAI_COMPAT_BASE_URL", server.openai_url)
        monkeypatch.setenv("VLLM_API_BASE", "http://127.0.0.1:9/v1")
        away, window, price = told(
            model="gpt-5.5", fallback_models=("vllm/a", "openai-compat/ours")
        )
    assert away[:2] == ("warn", "vllm/a: its server does not answer")
    assert "api_base" not in away[2]
    assert window[:2] == ("ok", "openai-compat/ours: window 200,000 (the server), answer 16,384")
    words = "nobody knows what openai-compat/ours costs, so it is passed over"
    assert price[:2] == ("warn", f"{words} while another one is left")
    assert 'free_models = ["openai-compat/ours"]' in price[2]


def test_fallbacks_that_no_session_of_the_settings_has_are_named(monkeypatch):
    monkeypatch.setenv("VLLM_API_BASE", "http://127.0.0.1:9/v1")
    idle, seen = told(model="autopilot", fallback_models=("vllm/a",))
    assert idle[:2] == (
        "warn",
        "no model goes on in place of autopilot: fallback_models are for sessions of other models",
    )
    assert seen[1] == "vllm/a: its server does not answer"


def test_the_whole_examination_names_fallbacks_after_the_model(monkeypatch, tmp_path):
    monkeypatch.setenv("ML_INTERN_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("ML_INTERN_FALLBACK_MODELS", "nobody/knows")
    monkeypatch.setenv("ML_INTERN_TRACES_UPLOAD", "false")
    names = [check.name for check in examine()]
    place = names.index("model")
    assert names[place : place + 4] == ["model", "fallback", "fallback", "prices"]
