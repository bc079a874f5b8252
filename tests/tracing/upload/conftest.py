"""A Hub, and a folder of session files that are to be there."""

import huggingface_hub
import pytest
from huggingface_hub.utils._http import default_client_factory

from ml_intern.tracing.upload import client
from tests.support.hub import HubServer
from tests.tracing.upload.given import World


@pytest.fixture
def server():
    with HubServer() as server:
        yield server


@pytest.fixture
def world(server, tmp_path, monkeypatch):
    """With the Hub's client in this process, set up as in its own."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    huggingface_hub.set_client_factory(client._connection)
    yield World(server, tmp_path / "traces")
    huggingface_hub.set_client_factory(default_client_factory)
