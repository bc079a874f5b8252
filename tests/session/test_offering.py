"""What a model with a small window is told of the tools."""

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ml_intern.context.counting import count_tools
from ml_intern.context.room import most_for_tools
from ml_intern.session.history import History
from ml_intern.session.offering import MOST_NEEDED, briefly, needed_now, offered
from ml_intern.tools.catalogue import all_tools
from tests.support.desks import Bench, calls

TOOLS = [tool.spec() for tool in all_tools()]


def test_from_26k_on_a_window_gets_all_of_them_as_they_are() -> None:
    """As docs/models.md promises: each word that a tool says is paid for in every request."""
    assert offered(TOOLS, most_for_tools(26_000)) == tuple(TOOLS)


def test_a_smaller_one_gets_all_of_them_without_explanations() -> None:
    most = sum(count_tools([briefly(tool)]) for tool in TOOLS)
    found = offered(TOOLS, most)
    assert [tool.name for tool in found] == [tool.name for tool in TOOLS]
    assert count_tools(found) <= most < count_tools(TOOLS)
    assert all('"description": "' not in json.dumps(tool.parameters) for tool in found)


def test_8k_gets_what_a_training_needs() -> None:
    found = offered(TOOLS, most_for_tools(8_192))
    assert {tool.name for tool in found} >= set(MOST_NEEDED)


@given(most=st.integers(0, 6_000), needed=st.sets(st.sampled_from([tool.name for tool in TOOLS])))
def test_what_is_needed_is_there_and_the_rest_fits(most: int, needed: set[str]) -> None:
    found = offered(TOOLS, most, needed)
    names = [tool.name for tool in found]
    assert needed <= set(names)
    assert [name for name in (tool.name for tool in TOOLS) if name in names] == names
    others = [tool for tool in found if tool.name not in needed]
    held = count_tools([briefly(tool) for tool in TOOLS if tool.name in needed])
    assert count_tools(others) <= max(0, most - held) or found == tuple(TOOLS)


def test_a_schema_stays_a_schema() -> None:
    for tool in TOOLS:
        full, brief = tool.parameters, briefly(tool).parameters
        assert set(brief.get("properties", {})) == set(full.get("properties", {}))
        assert brief.get("required") == full.get("required")
        assert brief["type"] == "object"


def test_what_is_under_way_can_be_ended(tmp_path: Path) -> None:
    bench = Bench(tmp_path, [calls(("outward", '{"number": 1}'))])
    bench.start()
    bench.drive()
    history = History()
    for event in bench.events():
        history.apply(event)
    assert needed_now(history) == {"outward"}
