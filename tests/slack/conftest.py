"""A stand-in for Slack without a pace, and an office that talks to it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ml_intern.slack.manifest import SCOPES
from tests.slack.office import Office, Plan
from tests.support.slack import APPROVER, SlackServer

OpenOffice = Callable[..., Office]


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with SlackServer(scopes=SCOPES, pace_s=None, tiers=False) as server:
        server.add_user_group("S0DECIDERS", [APPROVER])
        yield server


@pytest.fixture
def open_office(tmp_path: Path, slack: SlackServer) -> Iterator[OpenOffice]:
    offices = []

    def opening(plan: Plan, *, listens: bool = True, **more: object) -> Office:
        office = Office(tmp_path, slack, plan, **more)
        offices.append(office)
        office.open(listens=listens)
        return office

    yield opening
    for office in offices:
        office.close()
