"""Tools that answer as they did in a recorded session."""

from dataclasses import replace
from typing import Any

from ml_intern.messages import CallId
from ml_intern.tools.recorded import recorded_tools
from ml_intern.tools.router import ToolRouter
from ml_intern.transcript.recording import recorded_in
from tests.support.contexts import a_context
from tests.tracing.fakes import answered, call, fold, recorded, records_of, replied

OLD = [
    replied("", call("c1"), call("c2", name="look")),
    answered("c2", "seen", tool="look"),
    answered("c1", "broken", ok=False),
    replied("", call("c3", arguments={"odd": [1]})),
]


def answer(call_id: str, name: str, *now: Any) -> tuple[bool, str]:
    """What the tool `name` answers in a session in which `now` has happened."""
    recording = recorded_in(records_of(fold(recorded("old", *OLD))))
    tools = recorded_tools(recording, lambda _, after_seq: recorded("new", *now)[after_seq:])
    prepared: Any = ToolRouter(tools).prepare(name, {"whatever": {"it": "was"}})
    ctx = replace(a_context(), call_id=CallId(call_id))
    outcome = prepared.tool.run(prepared.args, ctx)
    return outcome.ok, outcome.output


def test_each_call_gets_the_result_of_the_call_in_its_place():
    now = replied("", call("x1"), call("x2", name="look"))
    assert answer("x2", "look", now) == (True, "seen")
    assert answer("x1", "bash", now) == (False, "broken")


def test_a_call_that_the_recording_knows_nothing_of_fails_by_name():
    now = [replied("", call("x1"), call("x2", name="look")), replied("", call("x3"), call("x4"))]
    ok, words = answer("x4", "bash", *now)
    assert not ok
    assert "The recording has no result for this call of bash." in words


def test_each_event_of_the_session_is_read_once():
    """Else each call reads all before it: quadratic in the length of the session."""
    many = [
        event
        for n in range(30)
        for event in (replied("", call(f"c{n}")), answered(f"c{n}", str(n)))
    ]
    recording = recorded_in(records_of(fold(recorded("old", *many))))
    journal, read = recorded("new", *many), 0

    def events(_session_id: Any, after_seq: int) -> list[Any]:
        nonlocal read
        found = [one for one in journal if one.seq > after_seq]
        read += len(found)
        return found

    (tool,) = (tool for tool in recorded_tools(recording, events) if tool.name == "bash")
    args = tool.arguments()
    outputs = [
        tool.run(args, replace(a_context(), call_id=CallId(f"c{n}"))).output for n in range(30)
    ]
    assert outputs == [str(n) for n in range(30)]
    assert read == len(journal)
