"""A Hub, and a folder of session files that are to be there."""

import pytest

from tests.support.hub import HubServer
from tests.tracing.upload.given import a_world


@pytest.fixture
def server():
    with HubServer() as server:
        yield server


@pytest.fixture
def world(server, tmp_path):
    with a_world(server, tmp_path / "traces") as made:
        yield made
