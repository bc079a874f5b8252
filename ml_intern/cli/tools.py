"""`tools`: which there are, and a call of one by hand, under the same policy as any other."""

import difflib
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ml_intern.cli import exits, tool_arguments
from ml_intern.cli.foreground import (
    MOST_CHARS,
    Manner,
    follow,
    session_named,
    task_from,
    working_folder,
)
from ml_intern.cli.opening import opened
from ml_intern.cli.quantities import line, shown
from ml_intern.cli.readable import readable
from ml_intern.cli.summary import how_to_go_on, short
from ml_intern.cli.wishes import Wishes
from ml_intern.client.author import author
from ml_intern.client.door import Door, NewSession
from ml_intern.client.view import View, fold
from ml_intern.errors import InputError
from ml_intern.events import ToolFinished
from ml_intern.llm import by_hand
from ml_intern.messages import SessionId, ToolSpec
from ml_intern.ops import UserInput
from ml_intern.tools.untrusted import beside, unmarked

_LONGEST = 100
_EXAMPLE = """write e.g. '{"path": "data.csv"}'"""


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


def call(name: str, arguments: str, manner: Manner, *, session: str | None = None) -> int:
    """Call one; its output goes to standard output, what is said about it to standard error.

    In a session of its own, or in `session`, the beginning of the id of one that has only calls by
    hand: its workspace, and what they found. Status 1 when the call failed, or was not allowed.
    """
    given = _object(task_from(["-"]) if arguments == "-" else arguments)
    folder = working_folder()
    with Wishes() as wishes, opened(wishes, debug=manner.debug) as found:
        tool = _named(found.door.tools(), name)
        task = json.dumps({"tool": tool.name, "arguments": given}, ensure_ascii=False)
        session_id, seen = _asked(found.door, task, folder, session)

        def answer() -> ToolFinished | None:
            return _answer(found.door, session_id, seen)

        status = follow(
            found,
            session_id,
            manner,
            wishes,
            from_start=session is None,
            sum_up=manner.as_json,
            more=lambda: _for_programs(answer()),
        )
        answered, view = answer(), fold(found.door.events(session_id))
    if status == exits.DONE and answered is not None:
        if not manner.as_json:
            _tell(answered, session_id)
        return _status(answered)
    if not manner.as_json:
        sys.stderr.writelines(f"{each}\n" for each in _what_is_left(view))
    return status


def _asked(door: Door, task: str, folder: Path, session: str | None) -> tuple[SessionId, int]:
    """The session that is to make the call, and the number of its last event before that."""
    if session is None:
        new = NewSession(task=task, started_in=str(folder), author=author(), model=by_hand.NAME)
        return door.start_session(new), 0
    row = session_named(door, session)
    recorded = door.events(row.session_id)
    if fold(recorded).own_model != by_hand.NAME:
        raise InputError(
            f"Session {short(row.session_id)} is led by a model; only in one that `tools call` "
            "has begun calls are made by hand."
        )
    if row.state != "idle":
        raise InputError(
            f"Session {short(row.session_id)} is not at rest; `ml-intern why "
            f"{short(row.session_id)}` tells what it waits for."
        )
    door.submit(row.session_id, UserInput(text=task, author=author()))
    return row.session_id, recorded[-1].seq


def _answer(door: Door, session_id: SessionId, seen: int) -> ToolFinished | None:
    """What the tool has said since then."""
    events = [recorded.event for recorded in door.events(session_id, seen)]
    return next((each for each in reversed(events) if isinstance(each, ToolFinished)), None)


def _status(answer: ToolFinished) -> int:
    return exits.DONE if answer.ok else exits.FAILED


def _for_programs(answer: ToolFinished | None) -> dict[str, Any]:
    """What `--json` sums up: the answer itself, as JSON where it is some."""
    if answer is None:
        return {}
    said = unmarked(answer.output)
    try:
        output = json.loads(said)
    except (ValueError, RecursionError):
        output = said
    return {"ok": answer.ok, "output": output, "exit_code": _status(answer)}


def _tell(answer: ToolFinished, session_id: SessionId) -> None:
    if answer.ok:
        sys.stderr.writelines(f"{each}\n" for each in beside(answer.output))
    said = unmarked(answer.output).rstrip("\n")
    sys.stdout.write((readable(said) if sys.stdout.isatty() else said) + "\n")
    sys.stdout.flush()
    if answer.spilled_to:
        sys.stderr.write(f"The whole output is in {answer.spilled_to}.\n")
    session = short(session_id)
    sys.stderr.write(
        f"Session {session} has the call on record; --session {session} makes the next one in it.\n"
    )


def _what_is_left(view: View) -> Iterator[str]:
    """Of a call that has no answer yet: why, and what can be typed."""
    for asked in view.approvals.values():
        yield f"{line(asked.tool, 40)} needs your yes: {shown(asked.reason).strip()}"
    if not view.approvals:
        yield shown(view.detail).strip() or "The call has no answer yet."
    yield from (f"→ {hint}" for hint in how_to_go_on(view))


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
        raise InputError(f"The arguments are no JSON ({exc}); {_EXAMPLE}.") from exc
    if not isinstance(given, dict):
        raise InputError(f"The arguments are no JSON object; {_EXAMPLE}.")
    return given


def _first_sentence(tool: ToolSpec) -> str:
    return tool.description.partition(". ")[0].rstrip(".")
