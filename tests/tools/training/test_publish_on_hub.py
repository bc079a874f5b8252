"""Publishing on the Hub itself: what arrives there, who sees it, and what a second time does."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

from ml_intern.events import Fact
from ml_intern.hub.away import HubAbroad
from ml_intern.web import Cache, Service, Web
from tests.support.clocks import SwiftClock
from tests.support.hub import TOKEN, HubServer
from tests.support.hub.repository import Repository
from tests.tools.training.sessions import Session

pytestmark = pytest.mark.timeout(240)  # the first test here may be the one that trains
NAME = "ada/halves"


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        server.models.lfs_from = 2_000
        yield server


@pytest.fixture
def session(publishable: Session, hub: HubServer, tmp_path: Path) -> Iterator[Session]:
    """One that may publish, with an author and a token."""
    clock = SwiftClock()
    secrets = {"Authorization": f"Bearer {TOKEN}"}
    service = Service(name="hub", base_url=hub.url, secrets=lambda: secrets)
    web = Web([service], Cache(tmp_path / "outside"), clock, user_agent="test")
    place = replace(
        publishable.place,
        author="ada",
        web=web,
        connect_hub=lambda stop: HubAbroad(hub.url, TOKEN, stop=stop, clock=clock),
    )
    yield Session(place, publishable.facts)
    web.close()


def publish(session: Session, **arguments: Any) -> dict[str, Any]:
    return session.answer("publish", **{"model_dir": "out", "repo_name": "halves", **arguments})


def refusal(session: Session, **arguments: Any) -> str:
    given = {"model_dir": "out", "repo_name": "halves", **arguments}
    return session.refusal("publish", **given)["error"]


def there(hub: HubServer) -> Repository:
    return hub.models.repository(NAME)


def test_it_stands_on_the_hub_privately_in_one_commit(session: Session, hub: HubServer) -> None:
    answer = publish(session)
    assert (answer["url"], answer["commit"]) == (f"{hub.url}/{NAME}", there(hub).head)
    assert there(hub).private
    assert len(there(hub).commits) == 2
    assert {"README.md", "config.json", "model.safetensors"} <= set(there(hub).files)
    assert there(hub).files["model.safetensors"].in_lfs
    assert ModelCard(there(hub).files["README.md"].content.decode()).data.model_name == "halves"
    assert not any(name.endswith((".bin", ".pt", ".pkl")) for name in there(hub).files)
    assert (session.place.published / NAME / "README.md").is_file()
    fact = session.facts[-1]
    assert (fact.kind, fact.data["url"]) == ("published", f"{hub.url}/{NAME}")


def test_a_second_time_sends_nothing(session: Session, hub: HubServer) -> None:
    first = publish(session)
    assert publish(session)["commit"] == first["commit"]
    assert len(there(hub).commits) == 2


@pytest.mark.parametrize("lost", ["/commit/", "/api/repos/create"])
def test_a_lost_answer_is_mended_by_doing_it_again(
    session: Session, hub: HubServer, lost: str
) -> None:
    hub.faults.lose_answer(at=lost)
    assert "Nothing is sent twice" in refusal(session)
    assert publish(session)["commit"] == there(hub).head
    assert len(there(hub).commits) == 2


def test_what_others_have_there_is_not_replaced_unless_asked_for(
    session: Session, hub: HubServer
) -> None:
    hub.models.add(NAME).edit("theirs.txt", b"x")
    settled = session.settled("publish", model_dir="out", repo_name="halves")
    assert settled.arguments["repo_name"] == "halves-2"
    answer = publish(session, overwrite=True)
    assert answer["repo_id"] == NAME
    assert "theirs.txt" not in there(hub).files


def test_what_is_to_be_private_does_not_go_where_all_can_see_it(
    session: Session, hub: HubServer
) -> None:
    hub.models.add(NAME, private=False)
    assert "is public already, and this is to be private" in refusal(session)
    assert len(there(hub).commits) == 1


def test_before_everybody_may_see_it_licences_are_looked_at(
    session: Session, hub: HubServer
) -> None:
    assert "call check_licences" in refusal(session, private=False)
    assert not hub.models.has(NAME)
    checked = {"use": "publish", "under": "", "licences": [], "agreed": []}
    session.facts.append(Fact(kind="licences_checked", data=checked))
    publish(session, private=False)
    assert not there(hub).private


def test_a_person_reads_where_it_goes(session: Session, hub: HubServer) -> None:
    reason = session.reason("publish", model_dir="out", repo_name="halves")
    assert f"It goes to the Hub at {hub.url}." in reason
    assert "The licences of what it is made of were not looked at." in reason


def test_without_a_token_it_stays_here_and_says_so(session: Session, hub: HubServer) -> None:
    alone = Session(replace(session.place, connect_hub=lambda _: None), session.facts)
    answer = publish(alone)
    assert "there is no token of it (HF_TOKEN)" in answer["note"]
    assert not hub.models.has(NAME)
