"""Tools that answer as they did in a recorded session."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ml_intern.messages import CallId
from ml_intern.queue.rows import Recorded
from ml_intern.tools.recorded import Journal, recorded_tools
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
    return asked(router(lambda _, after_seq: recorded("new", *now)[after_seq:]), call_id, name)


def router(journal: Journal) -> ToolRouter:
    recording = recorded_in(records_of(fold(recorded("old", *OLD))))
    return ToolRouter(recorded_tools(recording, journal))


def asked(router: ToolRouter, call_id: str, name: str) -> tuple[bool, str]:
    prepared: Any = router.prepare(name, {"whatever": {"it": "was"}})
    ctx = replace(a_context(), call_id=CallId(call_id))
    outcome = prepared.tool.run(prepared.args, ctx)
    return outcome.ok, outcome.output


def test_each_call_gets_the_result_of_the_call_in_its_place():
    now = replied("", call("x1"), call("x2", name="look"))
    assert answer("x2", "look", now) == (True, "seen")
    assert answer("x1", "bash", now) == (False, "broken")


def test_each_event_is_read_once_however_many_calls_there_are():
    first = replied("", call("x1"), call("x2", name="look"))
    events, read = recorded("new", first), list[int]()

    def journal(_session_id: str, after_seq: int) -> Sequence[Recorded]:
        fresh = [one for one in events if one.seq > after_seq]
        read.extend(one.seq for one in fresh)
        return fresh

    tools = router(journal)
    assert asked(tools, "x2", "look") == (True, "seen")
    events += recorded("new", first, replied("", call("x3")))[len(events) :]
    assert asked(tools, "x1", "bash") == (False, "broken")
    assert not asked(tools, "x3", "bash")[0]
    assert read == [one.seq for one in events]


def test_a_call_that_the_recording_knows_nothing_of_fails_by_name():
    now = [replied("", call("x1"), call("x2", name="look")), replied("", call("x3"), call("x4"))]
    ok, words = answer("x4", "bash", *now)
    assert not ok
    assert "The recording has no result for this call of bash." in words
