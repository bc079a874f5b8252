"""Pins: what is remembered, for how long, and how much of it."""

import json
from dataclasses import replace
from typing import Any

import pytest

from ml_intern.messages import CallId
from ml_intern.tools.facts import Facts, pinned
from ml_intern.tools.memory import MOST_CHARS, MOST_PINS, Memory, MemoryArguments
from ml_intern.tools.protocol import ToolOutcome
from tests.support.contexts import a_context


class Remembering:
    """Calls the tool, and keeps what it establishes."""

    def __init__(self) -> None:
        self.facts: list[Any] = []
        self._calls = 0

    def __call__(self, action: Any, **given: str) -> ToolOutcome:
        self._calls += 1
        call_id = CallId(f"call_{self._calls:06d}abcdef")
        ctx = replace(a_context(), call_id=call_id, facts=Facts(self.facts))
        outcome = Memory().run(MemoryArguments(action=action, **given), ctx)
        self.facts += outcome.facts
        return outcome

    @property
    def pins(self) -> list[str]:
        return list(pinned(Facts(self.facts)).values())


@pytest.fixture
def memory() -> Remembering:
    return Remembering()


def test_what_is_pinned_is_listed_until_it_is_unpinned(memory: Remembering) -> None:
    memory("pin", text="  lr 3e-4 diverged twice  ")
    key = json.loads(memory("pin", text="best run: runs/7").output)["pinned"]
    assert memory.pins == ["lr 3e-4 diverged twice", "best run: runs/7"]
    listed = json.loads(memory("list").output)["pins"]
    assert [pin["text"] for pin in listed] == memory.pins
    assert memory("unpin", id=key).ok
    assert memory.pins == ["lr 3e-4 diverged twice"]


def test_the_same_fact_is_pinned_once(memory: Remembering) -> None:
    assert memory("pin", text="once").output != memory("pin", text="once").output
    assert memory.pins == ["once"]


def test_a_full_memory_says_what_is_in_it(memory: Remembering) -> None:
    for number in range(MOST_PINS):
        assert memory("pin", text=f"fact {number}").ok
    full = memory("pin", text="one more")
    assert not full.ok
    assert "Unpin what counts no more" in full.output
    assert "fact 7" in full.output
    assert len(memory.pins) == MOST_PINS


def test_long_facts_fill_it_too(memory: Remembering) -> None:
    for number in range(MOST_CHARS // 1_000):
        assert memory("pin", text=f"{number}".ljust(1_000, "x")).ok
    assert not memory("pin", text="y").ok


@pytest.mark.parametrize(("action", "given"), [("pin", {"text": "  "}), ("unpin", {"id": "no"})])
def test_nothing_to_pin_and_nothing_pinned_are_told(memory: Remembering, action, given) -> None:
    assert not memory(action, **given).ok
    assert memory.facts == []
