"""The public description is true: whatever it allows is answered as it says, and soon."""

import asyncio
from collections.abc import Iterator
from threading import Event, Thread
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from requests import Session
from schemathesis.config import SchemathesisConfig

from ml_intern.api.app import build_app
from tests.queue.given import S, asked, claimed, ended, new_session, replied
from tests.support.serving import served
from tests.support.store_door import StoreDoor
from tests.support.unix_session import BASE_URL, unix_session


def document() -> dict[str, Any]:
    """As the app gives it; no door is asked for it."""

    async def get() -> httpx.Response:
        transport = httpx.ASGITransport(build_app(None))
        async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
            return await client.get("/v1/openapi.json")

    return asyncio.run(get()).json()


CONFIG = SchemathesisConfig.from_dict(
    {
        "max-stream-events": 3,
        "generation": {"deterministic": True, "database": "none", "max-examples": 12},
        # An unknown approval and a task that makes no sense are well formed, and refused with 422.
        "checks": {
            "positive_data_acceptance": {"expected-statuses": ["2xx", "404", "409", "422", "429"]}
        },
    }
)
SCHEMA = schemathesis.openapi.from_dict(document(), config=CONFIG)
ANSWER_S = 20.0


@SCHEMA.hook
def map_path_parameters(context: object, path_parameters: dict[str, Any] | None) -> object:
    """Half of the ids are those of the session and the approval that exist."""
    known = {"session_id": S, "approval_id": "a1"}
    return path_parameters and {
        name: known[name] if len(str(value)) % 2 else value
        for name, value in path_parameters.items()
    }


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """Requests go to a daemon whose one session waits for approval a1 and goes on talking."""
    folder = tmp_path_factory.mktemp("daemon")
    door = StoreDoor(folder)
    new_session(door.store)
    claim = claimed(door.store)
    door.store.append(claim.lease, replied("c1"), asked())
    door.store.finish(claim, ended("waiting", "approval:a1"))
    enough = Event()
    talk = Thread(target=talk_until, args=(enough, door))
    talk.start()
    with served(door, folder / "s"), unix_session(folder / "s") as session:
        yield session
    enough.set()
    talk.join()
    door.close()


def talk_until(enough: Event, door: StoreDoor) -> None:
    """Streams are read until they have said a few things."""
    while not enough.wait(0.05):
        door.say(S, "word")


@SCHEMA.parametrize()
@settings(deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_one_that_is_described(case: schemathesis.Case, session: Session) -> None:
    case.call_and_validate(base_url=BASE_URL, session=session, timeout=ANSWER_S)
