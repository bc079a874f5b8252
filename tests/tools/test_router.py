"""The router: from a model's text to an outcome, whatever the model or the tool does."""

import json
import threading
from typing import ClassVar

import pytest
from pydantic import Field

from ml_intern.tools.protocol import Arguments, Tool, ToolContext, ToolOutcome, succeed
from ml_intern.tools.router import LeftRunning, Prepared, ToolRouter, arguments_sha256
from tests.support.contexts import a_context


class DoubleArguments(Arguments):
    number: int
    times: int = Field(2, ge=1)


class Double(Tool[DoubleArguments]):
    name: ClassVar[str] = "double"
    description: ClassVar[str] = "Multiply."
    arguments = DoubleArguments
    effect: ClassVar = "read"

    def run(self, args: DoubleArguments, ctx: ToolContext) -> ToolOutcome:
        if args.number == 13:
            raise ZeroDivisionError("unlucky")
        if args.number == 14:
            raise PermissionError(13, "Permission denied", "/secret")
        return succeed({"result": args.number * args.times})


class Sleeper(Double):
    name: ClassVar[str] = "sleeper"
    timeout_s: ClassVar[float] = 0.2

    def run(self, args: DoubleArguments, ctx: ToolContext) -> ToolOutcome:
        assert ctx.cancelled.wait(30), "nobody said that the time is over"
        return succeed("stopped early")


@pytest.fixture
def router() -> ToolRouter:
    return ToolRouter([Double(), Sleeper()])


def run(router: ToolRouter, name: str, arguments: str, stop: threading.Event | None = None):
    prepared = router.prepare(name, arguments)
    if isinstance(prepared, ToolOutcome):
        return prepared
    return router.run(prepared, a_context(), stop or threading.Event())


def test_a_call_that_its_tool_cannot_settle_stays_as_it_is():
    class Broken(Double):
        def settle(self, args, ctx):
            raise ZeroDivisionError

    router = ToolRouter([Broken()])
    prepared = router.prepare("double", '{"number": 4}')
    assert router.settle(prepared, a_context()) == prepared


def test_arguments_are_completed_with_their_defaults(router):
    prepared = router.prepare("double", '{"number": 4}')
    assert isinstance(prepared, Prepared)
    assert prepared.arguments == {"number": 4, "times": 2}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("{not json", "not JSON"),
        ("[1, 2]", "JSON list"),
        ('"text"', "JSON string"),
        ('{"number": "many"}', "number"),
        ('{"number": 1, "tims": 3}', "did you mean times?"),
        ('{"number": 4', "cut off"),
        ('{"number": 1, "times": 0}', "times"),
        ("", "number"),
    ],
)
def test_arguments_that_do_not_fit_are_explained(router, arguments, words):
    outcome = run(router, "double", arguments)
    assert not outcome.ok
    assert words in outcome.output


def test_what_was_mended_is_what_is_prepared_hashed_and_said(router):
    mended = router.prepare("double", "```json\n{'number': '4',}\n```")
    whole = router.prepare("double", '{"number": 4}')
    assert mended.arguments == whole.arguments == {"number": 4, "times": 2}
    assert mended.sha256 == whole.sha256
    assert (len(mended.repairs), whole.repairs) == (2, ())
    assert router.repairs("double", "{'number': 4}") == ("a Python literal was read as JSON",)
    assert router.repairs("duoble", "{}") == ()


@pytest.mark.parametrize("value", [float("nan"), 2**70])
def test_arguments_that_a_person_edited_are_checked_like_any_others(router, value):
    outcome = router.prepare("double", {"number": 1, "times": value})
    assert isinstance(outcome, ToolOutcome)
    assert "times" in outcome.output


def test_an_unknown_tool_is_answered_with_the_nearest_names(router):
    outcome = run(router, "duoble", "{}")
    assert not outcome.ok
    assert "double" in outcome.output


def test_an_exception_becomes_an_answer(router):
    outcome = run(router, "double", '{"number": 13}')
    assert not outcome.ok
    assert "ZeroDivisionError: unlucky" in outcome.output


def test_a_permission_error_names_the_file(router):
    assert "/secret" in run(router, "double", '{"number": 14}').output


def test_a_tool_that_takes_too_long_is_told_to_stop(router):
    outcome = run(router, "sleeper", '{"number": 1}')
    assert not outcome.ok
    assert "stopped after" in outcome.output


def test_an_interrupt_stops_a_tool_at_once(router):
    stop = threading.Event()
    stop.set()
    outcome = run(router, "sleeper", '{"number": 1}', stop)
    assert json.loads(json.dumps(outcome.output)) == "stopped early"


def test_a_tool_that_goes_on_after_it_was_told_to_stop_is_not_called_interrupted(
    router, monkeypatch
):
    monkeypatch.setattr("ml_intern.tools.router.GRACE_S", 0.1)
    stop, over = threading.Event(), threading.Event()
    stop.set()

    class Deaf(Double):
        name: ClassVar[str] = "deaf"

        def run(self, args, ctx):
            over.wait(10)
            return succeed("done after all")

    outcome = run(ToolRouter([Deaf()]), "deaf", '{"number": 1}', stop)
    over.set()
    assert outcome == LeftRunning(tool="deaf")


def test_the_hash_does_not_depend_on_the_order_of_arguments():
    assert arguments_sha256("t", {"a": 1, "b": 2}) == arguments_sha256("t", {"b": 2, "a": 1})
    assert arguments_sha256("t", {"a": 1}) != arguments_sha256("u", {"a": 1})


def test_a_tool_that_cannot_judge_its_own_call_is_asked_about(router):
    class Broken(Double):
        name: ClassVar[str] = "broken"

        def ask_reason(self, args, ctx):
            raise KeyError("no such thing")

    router = ToolRouter([Broken()])
    case = router.case(router.prepare("broken", '{"number": 1}'), a_context())
    judgement = router.judge(case)
    assert (judgement.verdict, judgement.like_this) == ("ask", False)
    assert "no such thing" in judgement.reason
