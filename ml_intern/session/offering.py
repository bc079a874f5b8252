"""Which tools a model is told of, and how fully, where its window is small. Pure.

All of them as they are, if they fit; else all without what explains them; else the most needed of
those. A tool that is left out can still be called: it is only not described.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from ml_intern.context.counting import count_tools
from ml_intern.messages import ToolSpec
from ml_intern.session.history import History

MOST_NEEDED = (
    *("plan", "bash", "read", "write", "edit", "memory"),
    *("inspect_dataset", "write_recipe", "launch_training", "watch_job", "evaluate", "publish"),
    "ask_person",
)
"""First to last; behind them all others, in their own order."""
_EXPLAINS = ("description", "title", "examples")


def offered(
    tools: Sequence[ToolSpec], most: int, needed: Collection[str] = ()
) -> tuple[ToolSpec, ...]:
    """Descriptions that take `most` tokens together; those in `needed` are there in any case."""
    if count_tools(tools) <= most:
        return tuple(tools)
    short = [briefly(tool) for tool in tools]
    chosen, left = set(needed), most
    left -= count_tools([tool for tool in short if tool.name in needed])
    for tool in sorted(short, key=_rank):
        size = count_tools([tool])
        if tool.name not in chosen and size <= left:
            chosen.add(tool.name)
            left -= size
    return tuple(tool for tool in short if tool.name in chosen)


def needed_now(history: History) -> frozenset[str]:
    """Tools without which what is under way cannot be ended."""
    calls = history.open_calls.values()
    found = {call.call.name for call in calls}
    if any(call.parked for call in calls):
        found.add("withdraw_request")
    if history.jobs:
        found |= {"watch_job", "cancel_job"}
    return frozenset(found)


def briefly(tool: ToolSpec) -> ToolSpec:
    """Its first sentence, and its arguments by name and type alone."""
    sentence, stop, _ = tool.description.partition(". ")
    words = f"{sentence}." if stop else tool.description
    return replace(tool, description=words, parameters=_bare(tool.parameters))


def _bare(schema: Any) -> Any:
    match schema:
        case dict():
            return {
                name: _bare(value)
                for name, value in schema.items()
                if not (name in _EXPLAINS and isinstance(value, str | list))
            }
        case list():
            return [_bare(value) for value in schema]
        case _:
            return schema


def _rank(tool: ToolSpec) -> int:
    return MOST_NEEDED.index(tool.name) if tool.name in MOST_NEEDED else len(MOST_NEEDED)
