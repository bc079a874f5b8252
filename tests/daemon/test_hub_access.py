"""Which token is taken, and to which Hub it goes."""

import pytest
from pydantic import ValidationError

from ml_intern.daemon.hub_access import NO_TOKEN, endpoint_of, hub_of, token_of
from ml_intern.daemon.secrets import secrets_of
from ml_intern.errors import ConfigError
from ml_intern.settings import Settings


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch, tmp_path):
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))


def settings(tmp_path, **given):
    return Settings(state_dir=tmp_path / "state", **given)


def test_the_setting_counts_before_the_variable_and_the_variable_before_the_login(
    tmp_path, monkeypatch
):
    assert token_of(settings(tmp_path)) is None
    (tmp_path / "hf").mkdir()
    (tmp_path / "hf" / "token").write_text("hf_test_of_the_login\n")
    assert token_of(settings(tmp_path)) == "hf_test_of_the_login"
    monkeypatch.setenv("HF_TOKEN", "hf_test_of_the_variable")
    assert token_of(settings(tmp_path)) == "hf_test_of_the_variable"
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "credentials"))
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "HF_TOKEN").write_text("hf_test_of_systemd")
    assert token_of(settings(tmp_path)) == "hf_test_of_systemd"
    assert token_of(settings(tmp_path, hf_token="hf_test_of_ours")) == "hf_test_of_ours"


def test_every_one_of_them_is_a_secret(tmp_path):
    (tmp_path / "hf").mkdir()
    (tmp_path / "hf" / "token").write_text("hf_test_of_the_login\n")
    found = secrets_of(settings(tmp_path, hf_token="hf_test_of_ours"))
    assert {"hf_test_of_ours", "hf_test_of_the_login"} <= set(found.values())


def test_the_hub_is_the_public_one_unless_a_variable_or_the_setting_names_another(
    tmp_path, monkeypatch
):
    assert endpoint_of(settings(tmp_path)) == "https://huggingface.co"
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.example/")
    assert endpoint_of(settings(tmp_path)) == "https://hub.example"
    given = settings(tmp_path, hf_endpoint="http://localhost:1/")
    assert endpoint_of(given) == "http://localhost:1"


def test_without_a_token_one_is_told_where_to_get_it(tmp_path):
    with pytest.raises(ConfigError) as told:
        hub_of(settings(tmp_path))
    assert str(told.value).startswith(f"{NO_TOKEN} What a daemon")


@pytest.mark.parametrize(
    "given",
    [{"traces_repo": "logs"}, {"traces_repo": "{me}/logs"}, {"hf_endpoint": "hub.example"}],
)
def test_what_cannot_be_is_refused(tmp_path, given):
    with pytest.raises(ValidationError):
        settings(tmp_path, **given)
