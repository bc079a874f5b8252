"""What `doctor` finds where traces are to be sent to the Hub."""

import pytest

from ml_intern.cli.doctor import _traces
from ml_intern.settings import Settings
from tests.support.hub import READ_TOKEN, TOKEN, USER, HubServer

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


def test_what_is_not_to_be_sent_is_not_asked_about(hub, tmp_path):
    assert found(hub, tmp_path, traces_upload=False).found == "stay here: traces_upload is false"
    assert hub.requests == []
