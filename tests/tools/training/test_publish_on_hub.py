"""Publishing on the Hub itself: what arrives there, who sees it, and what a second time does."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

from ml_intern.events import Fact
from ml_intern.hub.away import HubAbroad
from ml_intern.tools.policy import Case, Judgement, Rule
from ml_intern.tools.protocol import TraceLink
from ml_intern.tools.router import Prepared, ToolRouter
from ml_intern.tools.training.jobs import copied_script, job_of_model
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


def trained_on_hub_rows(session: Session, hub: HubServer, licence: str) -> None:
    """As if the pictures had come from a dataset of the Hub under that licence."""
    rows = hub.datasets.add("ada/rows", private=False)
    rows.about = {"cardData": {"license": licence}}
    source = {"source": f"hub:ada/rows@{rows.head}"}
    session.facts = [
        replace(fact, data={**fact.data, **source}) if fact.kind == "dataset_prepared" else fact
        for fact in session.facts
    ]


def described_anew(session: Session, **words: str) -> ModelCard:
    session.answer("write_model_card", model_dir="out", model_name="x", summary="x", **words)
    return ModelCard((session.place.workspace / "out" / "README.md").read_text())


def asked(session: Session, **arguments: Any) -> tuple[list[str], Case, Judgement]:
    """The conflicts, and what the policy says, where a rule allows every publication."""
    given = {"model_dir": "out", "repo_name": "halves", **arguments}
    call, ctx = session.settled("publish", **given), session.context()
    router = ToolRouter(
        session.router.tools(), [Rule(tool="publish", verdict="allow", place="config.toml line 1")]
    )
    case = router.case(call, ctx)
    return call.arguments["conflicts"], case, router.judge(case)


def test_before_everybody_may_see_it_a_person_reads_what_stands_against_that(
    session: Session, hub: HubServer
) -> None:
    trained_on_hub_rows(session, hub, "cc-by-nd-4.0")
    (words,), case, judged = asked(session, private=False)
    assert words.startswith("The dataset ada/rows (cc-by-nd-4.0) does not allow what is made of it")
    assert (case.is_question, judged.verdict) == (True, "ask")
    assert words in judged.reason
    (*_, licences) = session.router.exhibits(
        session.settled("publish", model_dir="out", repo_name="halves"), session.context()
    )
    assert f"commit {hub.datasets.repository('ada/rows').head}" in licences.text
    assert "Nobody was asked about conflicts" in refusal(session, private=False)
    assert not hub.models.has(NAME)
    publish(session, private=False, conflicts=[words])
    assert not there(hub).private


def test_an_edit_that_brings_up_a_conflict_is_not_accepted(
    session: Session, hub: HubServer
) -> None:
    trained_on_hub_rows(session, hub, "cc-by-nd-4.0")
    edited = {"model_dir": "out", "repo_name": "halves", "private": False}
    call = session.router.prepare("publish", edited)
    assert isinstance(call, Prepared)
    refused = session.router.refusals(call, session.context())
    assert "That was not part of the question" in refused["conflicts"]


def test_data_of_ones_own_are_asked_about_before_everybody_may_see_what_came_of_them(
    session: Session, hub: HubServer
) -> None:
    (words,), *_ = asked(session, private=False)
    assert words.startswith("The code or data pictures (none named): nobody knows whether")


def test_what_is_kept_for_oneself_needs_no_licence(session: Session, hub: HubServer) -> None:
    trained_on_hub_rows(session, hub, "cc-by-nd-4.0")
    conflicts, case, judged = asked(session)
    assert (conflicts, case.is_question, judged.verdict) == ([], False, "allow")


def test_the_use_that_was_stated_counts_also_for_a_private_one(
    session: Session, hub: HubServer
) -> None:
    trained_on_hub_rows(session, hub, "cc-by-nc-4.0")
    assert asked(session)[0] == []
    stated = {"use": "commercial", "under": "", "licences": [], "agreed": []}
    session.facts.append(Fact(kind="licences_checked", data=stated))
    (words,), *_ = asked(session)
    assert "does not allow commercial use" in words
    agreed = {**stated, "agreed": [words]}
    session.facts.append(Fact(kind="licences_checked", data=agreed))
    assert asked(session)[0] == []


def test_the_model_cannot_say_that_somebody_was_asked(session: Session, hub: HubServer) -> None:
    trained_on_hub_rows(session, hub, "mit")
    conflicts, case, _ = asked(session, private=False, conflicts=["It is all settled."])
    assert (conflicts, case.is_question) == ([], False)


def test_nothing_goes_out_where_nobody_can_tell_what_it_is_made_of(
    session: Session, hub: HubServer
) -> None:
    """As where the copy of the script is gone: that is not the same as nothing in the way."""
    job = job_of_model(session.context(), "out")
    assert job is not None
    copy = copied_script(job.folder, job.script)
    aside = copy.rename(copy.with_name("aside.py"))
    try:
        refusal(session, private=False)
    finally:
        aside.rename(copy)
    assert not hub.models.has(NAME)


def test_a_licence_that_cannot_be_read_is_a_question(session: Session, hub: HubServer) -> None:
    trained_on_hub_rows(session, hub, "mit")
    hub.datasets.remove("ada/rows")
    (words,), *_ = asked(session, private=False)
    assert words.startswith("The dataset ada/rows (none named): nobody knows whether")


def test_the_card_goes_under_the_licence_that_the_data_want(
    session: Session, hub: HubServer
) -> None:
    trained_on_hub_rows(session, hub, "cc-by-sa-4.0")
    data = described_anew(session).data
    assert (data.license, data.datasets) == ("cc-by-sa-4.0", ["ada/rows"])
    assert asked(session, private=False)[0] == []
    assert described_anew(session, licence="mit").data.license == "mit"
    (words,), *_ = asked(session, private=False)
    assert "under the same licence, not under mit" in words


def test_what_a_card_of_others_calls_its_licence_is_told_as_text_from_outside(
    session: Session, hub: HubServer
) -> None:
    trained_on_hub_rows(session, hub, "other")
    described_anew(session)
    (read,) = [fact for fact in session.facts if fact.kind == "read_outside"]
    assert read.data["sources"] == [f"{hub.url}/datasets/ada/rows"]


def test_permissive_data_leave_the_licence_to_the_author(session: Session, hub: HubServer) -> None:
    trained_on_hub_rows(session, hub, "cc-by-4.0")
    assert described_anew(session).data.license is None


def test_the_card_links_the_trace(session: Session, hub: HubServer) -> None:
    url = f"{hub.url}/datasets/ada/ml-intern-sessions/blob/main/sessions/2026-01-01/1.jsonl"
    session.place = replace(session.place, trace_link=lambda: TraceLink(url=url))
    described_anew(session)
    publish(session)
    assert url in there(hub).files["README.md"].content.decode()


def test_a_person_reads_where_it_goes(session: Session, hub: HubServer) -> None:
    reason = session.reason("publish", model_dir="out", repo_name="halves")
    assert f"It goes to the Hub at {hub.url}." in reason
    assert "No licence of what it is made of stands against that." in reason


def test_without_a_token_it_stays_here_and_says_so(session: Session, hub: HubServer) -> None:
    alone = Session(replace(session.place, connect_hub=lambda _: None), session.facts)
    answer = publish(alone)
    assert "there is no token of it (HF_TOKEN)" in answer["note"]
    assert not hub.models.has(NAME)
