"""What licences allow, and that a conflict is a question that nobody but a person answers."""

import threading
from typing import Any

import pytest

from ml_intern.tools.hub.licences import Ingredient, licence, questions
from ml_intern.tools.protocol import ToolOutcome
from tests.support.hub import HubServer
from tests.tools.hub.conftest import Caller


def made(role: Any, *ids: str) -> Ingredient:
    return Ingredient(role=role, name="a/b", licences=tuple(map(licence, ids)))


@pytest.mark.parametrize(
    ("licence_id", "use", "asks"),
    [
        ("mit", "commercial", False),
        ("Apache 2.0", "commercial", False),
        ("cc-by-nc-4.0", "publish", False),
        ("cc-by-nc-4.0", "commercial", True),
        ("cc-by-nc-sa-4.0", "commercial", True),
        ("cc-by-nd-4.0", "private", False),
        ("cc-by-nd-4.0", "publish", True),
        ("llama3.1", "publish", False),
        ("llama3.1", "commercial", True),
        ("apple-amlr", "publish", True),
        ("gpl-3.0", "publish", False),
        ("", "private", False),
        ("", "publish", True),
        ("other", "publish", True),
        ("unknown", "commercial", True),
        ("cc", "publish", True),
        ("mit-but-not-really", "publish", True),
    ],
)
def test_what_is_not_plainly_allowed_is_asked(licence_id: str, use: Any, asks: bool) -> None:
    assert bool(questions([made("dataset", licence_id)], use)) is asks


def test_every_licence_binds(hub: HubServer) -> None:
    assert questions([made("dataset", "mit", "cc-by-nc-4.0")], "commercial")


def test_share_alike_binds_what_the_result_is_published_under() -> None:
    data = made("dataset", "cc-by-sa-4.0")
    assert questions([data], "publish", "cc-by-sa-4.0") == []
    (words,) = questions([data], "publish", "mit")
    assert "under the same licence, not under mit" in words
    (words,) = questions([data, made("code or data", "gpl-3.0")], "publish")
    assert "each want what is made of them under their own licence" in words


def test_what_forbids_money_is_not_published_under_what_allows_it() -> None:
    data = made("dataset", "cc-by-nc-4.0")
    (words,) = questions([data], "publish", "mit")
    assert "would let others do that" in words
    assert questions([data], "publish", "cc-by-nc-4.0") == []


# The tool


@pytest.fixture(autouse=True)
def things(hub: HubServer) -> None:
    hub.models.add("ada/base", private=False).about = {"cardData": {"license": "apache-2.0"}}
    hub.datasets.add("ada/rows", private=False).about = {"tags": ["license:cc-by-nc-4.0"]}


def test_without_a_conflict_nobody_is_asked(hub: HubServer, call: Caller) -> None:
    given = call.prepared("check_licences", use="publish", models=["ada/base"])
    case = call.router.case(given, call.context)
    assert (case.is_question, call.router.judge(case).verdict) == (False, "allow")
    found = call("check_licences", use="publish", models=["ada/base"])
    assert (found["conflicts"], "agreed" in found) == ([], False)
    fact = next(fact for fact in call.facts if fact.kind == "licences_checked")
    assert fact.data["use"] == "publish"
    assert hub.models.repository("ada/base").head in found["licences"][0]["note"]


def test_a_conflict_is_a_question_that_no_rule_answers(call: Caller) -> None:
    given = call.prepared("check_licences", use="commercial", datasets=["ada/rows"])
    case = call.router.case(given, call.context)
    assert case.is_question
    judged = call.router.judge(case)
    assert judged.verdict == "ask"
    assert not judged.like_this
    assert "The dataset ada/rows (cc-by-nc-4.0) does not allow commercial use" in judged.reason
    (shown,) = call.router.exhibits(given, call.context)
    assert "dataset ada/rows: cc-by-nc-4.0" in shown.text
    outcome = call.router.run(given, call.context, threading.Event())
    assert isinstance(outcome, ToolOutcome)
    assert outcome.ok


def test_a_conflict_that_came_later_was_asked_of_nobody(hub: HubServer, call: Caller) -> None:
    given = call.prepared("check_licences", use="commercial", models=["ada/base"])
    hub.models.repository("ada/base").about = {"cardData": {"license": "cc-by-nc-4.0"}}
    call.clock.skipped_s += 3_600
    outcome = call.router.run(given, call.context, threading.Event())
    assert isinstance(outcome, ToolOutcome)
    assert not outcome.ok
    assert "nobody has been asked" in outcome.output


def test_the_model_cannot_say_that_it_was_asked(call: Caller) -> None:
    words = ["The dataset ada/rows (cc-by-nc-4.0) does not allow commercial use."]
    given = call.prepared(
        "check_licences", use="commercial", datasets=["ada/rows"], conflicts=words
    )
    assert call.router.case(given, call.context).is_question
    none = call.prepared("check_licences", use="private", datasets=["ada/rows"], conflicts=words)
    assert not call.router.case(none, call.context).is_question


def test_what_cannot_be_read_is_no_yes(hub: HubServer, call: Caller) -> None:
    assert (
        "There is no model ada/x"
        in call("check_licences", use="private", models=["ada/x"])["error"]
    )


def test_local_things_are_asked_about_where_nobody_knows(call: Caller) -> None:
    given = call.prepared("check_licences", use="publish", others={"my rows": ""})
    assert "my rows (none named): nobody knows" in given.arguments["conflicts"][0]
