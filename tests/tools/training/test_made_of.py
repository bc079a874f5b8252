"""What a model is made of comes from the records of its run, not from anybody's word."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ml_intern.events import Fact
from ml_intern.tools.hub.licences import Ingredient, inherited, licence
from ml_intern.tools.training.jobs import find_job
from ml_intern.tools.training.made_of import made_of
from ml_intern.web import Cache, Service, Web
from tests.support.clocks import SwiftClock
from tests.support.hub import HubServer
from tests.tools.training.scripts import a_script
from tests.tools.training.sessions import Session, start

PREPARED = "hub:ada/rows"


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        server.models.add("ada/base", private=False).about = {"cardData": {"license": "mit"}}
        server.datasets.add("ada/rows", private=False).about = {"tags": ["license:odbl"]}
        yield server


@pytest.fixture
def session(tmp_path: Path, hub: HubServer) -> Iterator[Session]:
    web = Web(
        [
            Service(name="hub", base_url=hub.url),
            Service(name="github", base_url="https://api.github.com"),
        ],
        Cache(tmp_path / "outside"),
        SwiftClock(),
        user_agent="test",
    )
    session = start(tmp_path, web=web)
    yield session
    session.stop()
    web.close()


def run(session: Session, more: str = "", name: str = "first.py", out: str = "out") -> str:
    """A finished run of a script that would load things, were it asked to."""
    script = f"{a_script()}\n\ndef load(key):\n    {more or 'return key'}\n"
    job_id = session.launch(name, script, out)["job_id"]
    session.wait_for(job_id)
    return job_id


def ingredients(session: Session, job_id: str) -> dict[tuple[str, str], Ingredient]:
    ctx = session.context()
    return {(each.role, each.name): each for each in made_of(ctx, find_job(ctx, job_id))}


def licences(found: Ingredient) -> list[str]:
    return [one.id for one in found.licences]


def test_the_script_names_base_models_and_further_data(session: Session, hub: HubServer) -> None:
    job = run(session, 'return AutoModel.from_pretrained("ada/base"), load_dataset("ada/rows")')
    found = ingredients(session, job)
    assert licences(found["model", "ada/base"]) == ["mit"]
    assert hub.models.repository("ada/base").head in found["model", "ada/base"].note
    assert licences(found["dataset", "ada/rows"]) == ["odbl"]
    assert licences(found["code or data", "reviews.csv"]) == [""]


def test_a_name_that_only_running_it_tells_has_a_licence_that_nobody_knows(
    session: Session,
) -> None:
    found = ingredients(session, run(session, "return AutoModel.from_pretrained(key)"))
    (unread,) = [each for (role, _), each in found.items() if role == "model"]
    assert licences(unread) == [""]
    assert "only running it tells" in unread.note


def test_the_prepared_data_are_those_of_the_commit_that_was_read(
    session: Session, hub: HubServer
) -> None:
    rows = hub.datasets.repository("ada/rows")
    first = rows.head
    rows.edit("README.md", b"later")
    session.facts = [
        replace(fact, data={**fact.data, "source": f"hub:ada/rows@{first}"})
        for fact in session.facts
    ]
    found = ingredients(session, run(session))
    assert f"commit {first}" in found["dataset", "ada/rows"].note


def test_a_second_run_is_made_of_what_the_first_was_made_of(session: Session) -> None:
    run(session, 'return AutoModel.from_pretrained("ada/base")')
    again = run(session, 'return AutoModel.from_pretrained("out")', "second.py", "more")
    assert ("model", "ada/base") in ingredients(session, again)


def test_a_model_in_a_folder_is_read_by_its_own_card(session: Session) -> None:
    session.write("models/mine/README.md", "---\nlicense: gemma\n---\n# Mine\n")
    session.write("models/other/config.json", "{}")
    job = run(session, 'return from_pretrained("models/mine"), from_pretrained("models/other")')
    found = ingredients(session, job)
    assert licences(found["model", "mine"]) == ["gemma"]
    assert licences(found["model", "other"]) == [""]


def test_what_stands_in_place_of_a_card_holds_nobody_up(session: Session) -> None:
    """A pipe that nobody writes to would be read for ever, and so deep a head ends in recursion."""
    session.write("models/deep/README.md", f"---\nlicense: {'[' * 20_000}\n---\n")
    (session.place.workspace / "models" / "pipe").mkdir()
    os.mkfifo(session.place.workspace / "models" / "pipe" / "README.md")
    job = run(session, 'return from_pretrained("models/deep"), from_pretrained("models/pipe")')
    found = ingredients(session, job)
    assert [licences(found["model", name]) for name in ("deep", "pipe")] == [[""], [""]]


@pytest.mark.parametrize("name", ["a" * 300, "a\\0b"])
def test_what_can_be_no_name_is_a_model_that_nobody_knows(session: Session, name: str) -> None:
    found = ingredients(session, run(session, f'return from_pretrained("{name}")'))
    (unread,) = [each for (role, _), each in found.items() if role == "model"]
    assert licences(unread) == [""]


def test_a_repository_that_is_not_there_is_not_passed_over(session: Session) -> None:
    found = ingredients(session, run(session, 'return from_pretrained("ada/gone")'))
    assert licences(found["model", "ada/gone"]) == [""]
    assert "There is no model ada/gone" in found["model", "ada/gone"].note


def test_code_of_this_session_is_nobody_elses_unless_code_of_others_was_read(
    session: Session,
) -> None:
    job = run(session)
    assert licences(ingredients(session, job)["code or data", "first.py"]) == []
    sources = ["https://api.github.com/repos/ada/x/contents/train.py"]
    session.facts.append(Fact(kind="read_outside", data={"sources": sources}))
    found = ingredients(session, job)["code or data", "first.py"]
    assert licences(found) == [""]
    assert sources[0] in found.note


def test_what_check_licences_was_told_of_local_data_counts(session: Session) -> None:
    job = run(session)
    told = {"role": "code or data", "name": "reviews.csv", "licences": [{"id": "cc-by-4.0"}]}
    checked = {"use": "publish", "under": "", "licences": [told], "agreed": []}
    session.facts.append(Fact(kind="licences_checked", data=checked))
    assert licences(ingredients(session, job)["code or data", "reviews.csv"]) == ["cc-by-4.0"]


def test_a_script_says_its_licence_itself(session: Session) -> None:
    job = run(session, "return key  # SPDX-License-Identifier: GPL-3.0")
    assert licences(ingredients(session, job)["code or data", "first.py"]) == ["gpl-3.0"]


@pytest.mark.parametrize(
    ("model", "data", "becomes"),
    [
        ("apache-2.0", "cc-by-4.0", "apache-2.0"),
        ("llama3.1", "mit", "llama3.1"),
        ("mit", "cc-by-sa-4.0", "cc-by-sa-4.0"),
        ("llama3.1", "cc-by-sa-4.0", None),
        ("mit", "", None),
        ("mit", "cc-by-nd-4.0", None),
    ],
)
def test_the_licence_of_the_result(model: str, data: str, becomes: str | None) -> None:
    made = [
        Ingredient(role="model", name="a/b", licences=(licence(model),)),
        Ingredient(role="dataset", name="a/c", licences=(licence(data),)),
        Ingredient(role="code or data", name="train.py", licences=()),
    ]
    found = inherited(made)
    assert (found and found.id) == becomes
