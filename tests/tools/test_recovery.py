"""What a crash in the middle of a call means is declared, and what is opaque never runs twice."""

import threading
from typing import Any, ClassVar, get_args

import pytest

from ml_intern.events import Recovery
from ml_intern.tools.catalogue import all_tools
from ml_intern.tools.function_tool import tool
from ml_intern.tools.protocol import NoArguments, Tool, ToolContext, ToolOutcome, succeed
from ml_intern.tools.router import Prepared, ToolRouter
from tests.support.contexts import a_context

TOOLS = {each.name: each for each in all_tools()}


@pytest.mark.parametrize("name", TOOLS)
def test_every_tool_of_ours_declares_what_a_crash_in_it_means(name: str) -> None:
    declared = vars(type(TOOLS[name])).get("recovery")
    assert declared in get_args(Recovery)


@pytest.mark.parametrize("name", TOOLS)
def test_a_tool_that_can_be_looked_up_says_how(name: str) -> None:
    """And one that cannot be, or need not be, does not."""
    looks = type(TOOLS[name]).recover is not Tool.recover
    assert looks == (TOOLS[name].recovery in ("keyed", "probe", "detached"))


def test_every_read_of_ours_may_run_again() -> None:
    assert {each.recovery for each in TOOLS.values() if each.effect == "read"} == {"pure"}


class Counted(Tool[NoArguments]):
    name: ClassVar[str] = "counted"
    description: ClassVar[str] = "Count."
    arguments = NoArguments
    effect: ClassVar[Any] = "write"

    def __init__(self) -> None:
        self.ran = 0

    def run(self, args: NoArguments, ctx: ToolContext) -> ToolOutcome:
        self.ran += 1
        return succeed("done")


class Looked(Counted):
    effect: ClassVar[Any] = "read"


class Outward(Counted):
    effect: ClassVar[Any] = "external"


class LooksItUp(Outward):
    def recover(self, args: NoArguments, ctx: ToolContext) -> ToolOutcome:
        return succeed("found")


class Harmless(Outward):
    recovery: ClassVar[Recovery] = "pure"


class OpaqueAllTheSame(Counted):
    recovery: ClassVar[Recovery] = "opaque"

    def recover(self, args: NoArguments, ctx: ToolContext) -> ToolOutcome:
        return self.run(args, ctx)


def recovered(one: Counted) -> Any:
    router = ToolRouter([one])
    prepared = router.prepare("counted", {})
    assert isinstance(prepared, Prepared)
    return router.recover(prepared, a_context(), threading.Event())


@pytest.mark.parametrize(
    ("kind", "recovery"),
    [
        (Counted, "opaque"),
        (Looked, "pure"),
        (Outward, "opaque"),
        (LooksItUp, "probe"),
        (Harmless, "pure"),
        (OpaqueAllTheSame, "opaque"),
    ],
)
def test_what_is_not_declared_follows_from_the_effect(
    kind: type[Counted], recovery: Recovery
) -> None:
    assert kind.recovery == recovery


@pytest.mark.parametrize("kind", [Counted, Outward, OpaqueAllTheSame])
def test_an_opaque_tool_is_not_run_again(kind: type[Counted]) -> None:
    one = kind()
    assert recovered(one) is None
    assert one.ran == 0


@pytest.mark.parametrize("kind", [Looked, Harmless])
def test_a_pure_tool_is_run_again(kind: type[Counted]) -> None:
    one = kind()
    assert recovered(one).output == "done"
    assert one.ran == 1


def test_a_tool_that_looks_finds_what_was_done() -> None:
    one = LooksItUp()
    assert recovered(one).output == "found"
    assert one.ran == 0


@pytest.mark.parametrize(("effect", "recovery"), [("read", "pure"), ("external", "opaque")])
def test_a_function_of_ones_own_follows_its_effect(effect: Any, recovery: Recovery) -> None:
    @tool(effect=effect)
    def mine() -> str:
        """Do it."""
        return ""

    assert mine.recovery == recovery
