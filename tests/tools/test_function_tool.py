"""Tools made of functions: their schema, their answers, and what is refused when one is made."""

import functools
import json
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy
import pytest
from pydantic import BaseModel, Field

from ml_intern.errors import ConfigError
from ml_intern.events import Exhibit
from ml_intern.tools.function_tool import FunctionTool, Says, tool
from ml_intern.tools.policy import Case, Rule, judge
from ml_intern.tools.protocol import ToolContext, ToolOutcome
from ml_intern.tools.router import Prepared, ToolRouter
from tests.support.contexts import a_context


@dataclass
class Point:
    x: float
    y: float = 0.0


class Query(BaseModel):
    text: str
    limit: int = Field(3, ge=1)


@tool(effect="read")
def search(
    query: Query,
    near: Point | None = None,
    order: Literal["new", "old"] = "new",
    share: Annotated[float, Field(gt=0, le=1, description="Of all rows.")] = 0.5,
    copy: list[str] | None = None,
) -> dict[str, Any]:
    """Search the rows.

    Args:
        query: What to look for.
        share: These words lose against the field's own.
    """
    return {"limit": query.limit, "near": near, "order": order, "share": share, "copy": copy}


def called(made: FunctionTool[Any, Any], **arguments: Any) -> ToolOutcome:
    """What the router makes of this call."""
    router = ToolRouter([made])
    prepared = router.prepare(made.name, json.dumps(arguments))
    if isinstance(prepared, ToolOutcome):
        return prepared
    outcome = router.run(prepared, a_context(), threading.Event())
    assert isinstance(outcome, ToolOutcome)
    return outcome


def returning(value: object) -> FunctionTool[Any, Any]:
    @tool(effect="read")
    def answer() -> Any:
        """Answer."""
        return value

    return answer


def test_name_and_words_are_those_of_the_function() -> None:
    assert (search.name, search.description) == ("search", "Search the rows.")


def test_the_schema_follows_types_defaults_and_words() -> None:
    parameters = search.spec().parameters
    fields = parameters["properties"]

    assert parameters["required"] == ["query"]
    assert parameters["additionalProperties"] is False
    assert fields["query"]["description"] == "What to look for."
    assert fields["share"]["description"] == "Of all rows."
    assert fields["share"]["maximum"] == 1
    assert fields["order"]["enum"] == ["new", "old"]
    assert fields["share"]["default"] == 0.5
    assert "default" not in fields["copy"]


def test_the_function_is_given_values_of_its_types() -> None:
    outcome = called(search, query={"text": "a"}, near={"x": 1}, copy=["b"])

    assert json.loads(outcome.output) == {
        "limit": 3,
        "near": {"x": 1.0, "y": 0.0},
        "order": "new",
        "share": 0.5,
        "copy": ["b"],
    }


def test_arguments_that_do_not_fit_do_not_reach_it() -> None:
    outcome = called(search, query={"text": "a", "limit": 0}, order="newest")

    assert not outcome.ok
    assert "query.limit" in outcome.output
    assert "order" in outcome.output


def test_what_was_stored_of_a_call_can_be_prepared_again() -> None:
    router = ToolRouter([search])
    first = router.prepare("search", '{"query": {"text": "a"}, "near": {"x": 1}}')
    assert isinstance(first, Prepared)
    again = router.prepare("search", first.arguments)
    assert isinstance(again, Prepared)
    assert again.sha256 == first.sha256


def test_it_is_still_the_function() -> None:
    assert search(Query(text="a"), order="old")["order"] == "old"
    assert search.__name__ == "search"


@pytest.mark.parametrize(
    ("value", "output"),
    [
        ("as it is", "as it is"),
        (None, "(no output)"),
        ([1, 2.5, None], "[1,2.5,null]"),
        (Query(text="ü"), '{"text":"ü","limit":3}'),
        ({"at": Point(1.5, 2.5)}, '{"at":{"x":1.5,"y":2.5}}'),
        (Path("/a"), '"/a"'),
    ],
)
def test_what_it_returns_becomes_text(value: object, output: str) -> None:
    assert called(returning(value)) == ToolOutcome(ok=True, output=output)


@pytest.mark.parametrize("value", [object(), numpy.float32(1.0), b"\xff", {"self": threading}])
def test_what_json_cannot_hold_is_said_to_have_run(value: object) -> None:
    outcome = called(returning(value))

    assert not outcome.ok
    assert "answer ran, but" in outcome.output


@pytest.mark.parametrize("error", [KeyError("gone"), SystemExit(3), OSError(2, "No such file")])
def test_what_it_raises_is_an_answer(error: BaseException) -> None:
    @tool(effect="write")
    def breaks() -> None:
        """Break."""
        raise error

    outcome = called(breaks)

    assert not outcome.ok
    assert json.loads(outcome.output)["error"] == f"breaks raised {type(error).__name__}: {error}"


def test_the_context_is_given_and_not_part_of_the_schema() -> None:
    @tool(effect="write", timeout_s=0.2)
    def waits(ctx: ToolContext, name: str = "x") -> str:
        """Wait."""
        assert ctx.cancelled.wait(30)
        return f"stopped in {ctx.place.workspace.name}"

    assert list(waits.spec().parameters["properties"]) == ["name"]
    assert "was stopped after 0 s" in called(waits).output


def any_arguments(*words: str) -> str:
    """Take any."""
    return ""


def any_names(**words: str) -> str:
    """Take any."""
    return ""


def by_place(word: str, /) -> str:
    """Take one by its place."""
    return word


def untyped(word) -> str:
    """Take what comes."""
    return str(word)


def wrong_default(count: int = None) -> int:  # noqa: RUF013
    """Count."""
    return count


def a_thread(which: threading.Thread) -> str:
    """Take what JSON cannot hold."""
    return str(which)


def unknown_type(word: "Nowhere") -> str:  # noqa: F821
    """Take what nobody knows."""
    return str(word)


def _hidden(_word: str) -> str:
    """Take a name that pydantic keeps for itself."""
    return _word


def undocumented(word: str) -> str:
    return word


async def later(word: str) -> str:
    """Answer later."""
    return word


def one_by_one(word: str) -> Any:
    """Answer bit by bit."""
    yield word


def größe() -> str:
    """Have a name that providers refuse."""
    return ""


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (any_arguments, r"parameter \*words"),
        (any_names, r"parameter \*\*words"),
        (by_place, "by its name"),
        (untyped, "word of untyped has no type"),
        (wrong_default, r"count: str \| None = None"),
        (a_thread, "cannot be described to a model"),
        (unknown_type, "Nowhere"),
        (_hidden, "an underscore"),
        (undocumented, "docstring"),
        (later, "asyncio.run"),
        (one_by_one, "generator"),
        (größe, "cannot be the name"),
        (lambda: None, "cannot be the name"),
        (functools.partial(print), "not of functools.partial"),
        (sys, "not of <module"),
    ],
)
def test_a_function_that_cannot_be_a_tool_is_refused(function: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        tool(effect="read")(function)


def look_up(word: str) -> str:
    """Look it up."""
    return word


@pytest.mark.parametrize(
    ("effect", "recovery", "becomes"),
    [
        ("read", None, "pure"),
        ("write", None, "opaque"),
        ("external", None, "opaque"),
        ("write", "pure", "pure"),
        ("external", "pure", "pure"),
        ("read", "opaque", "opaque"),
    ],
)
def test_only_what_is_said_to_be_harmless_runs_again_after_a_crash(
    effect: Any, recovery: Any, becomes: str
) -> None:
    made = tool(effect=effect, recovery=recovery)(look_up)
    router = ToolRouter([made])
    prepared = router.prepare("look_up", '{"word": "again"}')
    assert isinstance(prepared, Prepared)
    outcome = router.recover(prepared, a_context(), threading.Event())
    assert made.recovery == becomes
    assert (outcome is None) is (becomes == "opaque")


@pytest.mark.parametrize("recovery", ["probe", "keyed", "detached", "never"])
def test_a_recovery_that_needs_a_look_is_refused(recovery: Any) -> None:
    with pytest.raises(ConfigError, match="give pure or opaque"):
        tool(effect="write", recovery=recovery)(look_up)


def test_the_effect_must_be_stated() -> None:
    def look() -> str:
        """Look."""
        return ""

    for decorate in (tool, tool(), tool(effect="none")):
        with pytest.raises(ConfigError, match=r"Say what look does .* `write` is recorded"):
            decorate(look)
    with pytest.raises(ConfigError, match="timeout_s of look"):
        tool(effect="read", timeout_s=0)(look)


def case_of(says: Says, **more: Any) -> Case:
    @tool(effect="write", says=says, **more)
    def upload(name: str, rows: int = 2) -> None:
        """Upload."""

    router = ToolRouter([upload])
    prepared = router.prepare("upload", {"name": "m"})
    assert isinstance(prepared, Prepared)
    return router.case(prepared, a_context())


def test_what_it_says_of_a_call_reaches_the_policy() -> None:
    says = Says(
        operation=lambda name, rows: "many" if rows > 1 else "one",
        repository=lambda name, rows: f"acme/{name}",
        worst_cost_micro_usd=lambda name, rows: 5 * rows,
    )
    case = case_of(says, runs_code=True)
    assert (case.operation, case.repository, case.cost_micro_usd) == ("many", "acme/m", 10)
    assert case.runs_code
    assert case_of(Says(worst_cost_micro_usd=None)).cost_micro_usd is None
    assert case_of(Says()).cost_micro_usd == 0


@pytest.mark.parametrize(
    "says",
    [
        Says(worst_cost_micro_usd=lambda name, rows: -1),
        Says(worst_cost_micro_usd=lambda name, rows: "5"),
        Says(repository=lambda name, rows: None),
        Says(operation=lambda nme: ""),
    ],
)
def test_what_says_something_that_cannot_be_judged_is_asked_about(says: Says) -> None:
    case = case_of(says)
    assert "cannot judge this call" in (case.own_reason or "")
    assert judge(case, [Rule(tool="*", verdict="allow", place="here")]).verdict == "ask"


def test_what_it_shows_and_hashes_is_asked_for_with_the_arguments() -> None:
    shown = Exhibit(title="m", kind="text", text="rows")

    @tool(
        effect="external",
        says=Says(exhibits=lambda name: [shown], content_sha256=lambda name: f"of {name}"),
    )
    def upload(name: str) -> None:
        """Upload."""

    router = ToolRouter([upload])
    prepared = router.prepare("upload", {"name": "m"})
    assert isinstance(prepared, Prepared)
    assert router.exhibits(prepared, a_context()) == (shown,)
    assert router.content_sha256(prepared, a_context()) == "of m"
