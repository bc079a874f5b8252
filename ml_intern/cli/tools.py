"""`tools`: which there are, and a call of one by hand, under the same policy as any other."""

import difflib
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ml_intern.cli import exits, tool_arguments
from ml_intern.cli.foreground import MOST_CHARS, Manner, follow, task_from, working_folder
from ml_intern.cli.opening import opened
from ml_intern.cli.quantities import line
from ml_intern.cli.summary import short
from ml_intern.cli.wishes import Wishes
from ml_intern.client.author import author
from ml_intern.client.door import NewSession
from ml_intern.errors import InputError
from ml_intern.events import ToolFinished
from ml_intern.llm import by_hand
from ml_intern.messages import SessionId, ToolSpec

_LONGEST = 100


def show(name: str | None, *, as_json: bool, debug: bool) -> int:
    """List all tools, or tell one with its arguments."""
    with Wishes() as wishes, opened(wishes, debug=debug) as found:
        tools = found.door.tools()
    if name is not None:
        tools = [_named(tools, name)]
    if as_json:
        sys.stdout.write(json.dumps([asdict(tool) for tool in tools], ensure_ascii=False) + "\n")
    elif name is None:
        width = max(len(tool.name) for tool in tools)
        sys.stdout.writelines(
            f"{tool.name:<{width}}  {line(_first_sentence(tool), _LONGEST)}\n" for tool in tools
        )
    else:
        (tool,) = tools
        sys.stdout.write(f"{tool.name}: {tool.description}\n")
        sys.stdout.writelines(f"  {text}\n" for text in tool_arguments.in_lines(tool.parameters))
    return exits.DONE


def call(name: str, arguments: str, manner: Manner) -> int:
    """Call one in a session of its own; its output goes to standard output, all else to the trace.

    Status 1 when it failed, or was not allowed.
    """
    given = _object(task_from(["-"]) if arguments == "-" else arguments)
    folder = working_folder()
    with Wishes() as wishes, opened(wishes, debug=manner.debug) as found:
        tool = _named(found.door.tools(), name)
        task = json.dumps({"tool": tool.name, "arguments": given}, ensure_ascii=False)
        new = NewSession(task=task, started_in=str(folder), author=author(), model=by_hand.NAME)
        session_id = found.door.start_session(new)
        status = follow(found, session_id, manner, wishes, from_start=True, sum_up=manner.as_json)
        events = [recorded.event for recorded in found.door.events(session_id)]
    answers = [event for event in events if isinstance(event, ToolFinished)]
    if status != exits.DONE or not answers:
        return status
    return _told(answers[-1], session_id, manner)


def _told(answer: ToolFinished, session_id: SessionId, manner: Manner) -> int:
    if not manner.as_json:
        sys.stdout.write(answer.output.rstrip("\n") + "\n")
        if answer.spilled_to:
            sys.stderr.write(f"The whole output is in {answer.spilled_to}.\n")
        sys.stderr.write(f"Session {short(session_id)} has the call on record.\n")
    return exits.DONE if answer.ok else exits.FAILED


def _named(tools: Sequence[ToolSpec], name: str) -> ToolSpec:
    found = {tool.name: tool for tool in tools}
    if name in found:
        return found[name]
    near = difflib.get_close_matches(name, found, n=1)
    hint = f"Did you mean {near[0]}?" if near else "`ml-intern tools list` shows all."
    raise InputError(f"There is no tool {name}. {hint}")


def _object(text: str) -> dict[str, Any]:
    try:
        given = json.loads(text[:MOST_CHARS])
    except (ValueError, RecursionError) as exc:
        raise InputError(f"The arguments are no JSON: {exc}.") from exc
    if not isinstance(given, dict):
        raise InputError('The arguments are no JSON object; write e.g. {"path": "data.csv"}.')
    return given


def _first_sentence(tool: ToolSpec) -> str:
    return tool.description.partition(". ")[0].rstrip(".")
