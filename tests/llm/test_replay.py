"""The model's half of a recorded session."""

import json
from pathlib import Path
from typing import Any

import pytest

from ml_intern.daemon.models import Models
from ml_intern.errors import ConfigError, Refused
from ml_intern.llm.client import SoFar, can_park, in_session
from ml_intern.llm.replay import ReplayModel, replay_model
from ml_intern.messages import CallId, ToolSpec
from ml_intern.settings import Settings
from ml_intern.transcript.line import ToolUse
from ml_intern.transcript.recording import Answer, Recording
from tests.tracing.fakes import answered, call, compacted, recorded, replied, write

TOOLS = (ToolSpec(name="bash", description="", parameters={}),)
EXAMPLE = next(Path("traces/examples").glob("ee27*.jsonl")).absolute()


def played(folder: Path, *events: Any) -> ReplayModel:
    return replay_model(f"replay/{write(folder, recorded('s', *events))}")


def asked(model: ReplayModel, *answers: tuple[str, ...], summaries: int = 0, tools=TOOLS):
    """The answer after answers with calls of these ids."""
    ids = [tuple(map(CallId, one)) for one in answers]
    so_far = SoFar(workspace="/there", answers=ids, summaries=summaries)
    return in_session(model, lambda: so_far).complete([], tools)


def test_the_nth_answer_is_the_nth_that_was_recorded(tmp_path):
    model = played(tmp_path, replied("first", call("c1")), answered("c1"), replied("second"))
    first, second = asked(model), asked(model, ("x1",))
    assert (first.message.text, first.stop_reason) == ("first", "tool_calls")
    assert (second.message.text, second.stop_reason, second.cost_micro_usd) == ("second", "end", 0)
    assert model.worst_cost_micro_usd([], TOOLS, None) == 0


def test_a_recording_that_is_over_says_so(tmp_path):
    model = played(tmp_path, replied("first"))
    with pytest.raises(Refused, match="over: its model gave 1 answers"):
        asked(model, ())


def test_ids_and_folder_in_arguments_are_those_of_the_new_session(tmp_path):
    arguments = {
        "job_id": "call_0123456789",
        "request": "call_01234567",
        "command": "cat /workspace/call_0123456789.txt /workspaces",
        "deep": [{"id": "call_0123456789"}],
    }
    model = played(
        tmp_path,
        replied("", call("call_0123456789")),
        answered("call_0123456789"),
        replied("", call("c2", arguments=arguments)),
    )
    (moved,) = asked(model, ("call_abcdefghijk",)).message.tool_calls
    assert json.loads(moved.arguments) == {
        "job_id": "call_abcdefghijk",
        "request": "call_abcdefgh",
        "command": "cat /there/call_abcdefghijk.txt /workspaces",
        "deep": [{"id": "call_abcdefghijk"}],
    }


def recording_of(*uses: ToolUse) -> Recording:
    """Each in an answer of its own."""
    answers = [
        Answer(line=n, model="m", text="", thinking="", calls=(use,), stop_reason="tool_use")
        for n, use in enumerate(uses)
    ]
    return Recording(answers=answers)


def test_an_id_that_was_given_again_and_again_is_the_last_one_so_far():
    """As some programs number the calls of each answer anew."""
    use = ToolUse(use_id="call_0", name="bash", input={})
    ids = recording_of(use, use, use).ids
    assert ids.moved("of call_0", [["x1"], ["x2"]]) == "of x2"
    assert ids.moved("of call_0", [["x1"], []]) == "of x1"
    assert ids.moved("of call_0", []) == "of call_0"


def test_a_session_of_20_000_answers_is_played_in_the_time_of_its_length():
    """Looking through all the answers for each would take minutes."""
    number = range(20_000)
    uses = [
        ToolUse(use_id=f"call_{n}", name="bash", input={"job": f"call_{n - 1}"}) for n in number
    ]
    recording = recording_of(*uses)
    given: list[tuple[CallId, ...]] = []
    so_far = SoFar(workspace="/there", answers=given, summaries=0)
    model = in_session(ReplayModel("replay/x", recording), lambda: so_far)
    for n in number:
        (moved,) = model.complete([], TOOLS).message.tool_calls
        assert json.loads(moved.arguments) == {"job": f"new_{n - 1}" if n else "call_-1"}
        given.append((CallId(f"new_{n}"),))


def test_arguments_that_were_no_json_are_played_as_they_were_written(tmp_path):
    model = played(tmp_path, replied("", call("c1", arguments='{"path": "/workspace/a')))
    (broken,) = asked(model).message.tool_calls
    assert broken.arguments == '{"path": "/there/a'


@pytest.mark.parametrize("value", ["x" * 300_000, "hf_" + "a" * 34])
def test_arguments_that_the_file_does_not_hold_whole_are_refused_with_the_line(tmp_path, value):
    model = played(tmp_path, replied("", call("c1", arguments={"command": value})))
    with pytest.raises(Refused, match="line 2: the arguments of bash were shortened or redacted"):
        asked(model)


def test_a_request_without_tools_gets_the_recorded_summary(tmp_path):
    model = played(tmp_path, replied("first"), compacted("the summary"), replied("second"))
    assert asked(model, (), tools=()).message.text == "the summary"
    with pytest.raises(Refused, match="no summary"):
        asked(model, (), summaries=1, tools=())


def test_a_summary_that_nobody_asked_for_is_none_that_can_be_asked_for(tmp_path):
    """A turn had outgrown its window; the model that plays it has none."""
    own = compacted("by itself", trigger="size")
    model = played(tmp_path, replied("first"), own, replied("second"), compacted("asked for"))
    assert asked(model, (), (), tools=()).message.text == "asked for"
    with pytest.raises(Refused, match="no summary"):
        asked(model, (), tools=())


def test_a_summary_is_that_of_its_place_also_when_one_before_it_was_not_wanted(tmp_path):
    model = played(
        tmp_path,
        *(replied("one"), compacted("the first"), replied("two"), replied("three")),
        *(compacted("the second"), replied("four"), compacted("the third")),
    )
    summaries = [asked(model, *[()] * n, summaries=done, tools=()).message.text
                 for n, done in ((2, 0), (3, 0), (3, 1), (4, 2))]  # fmt: skip
    assert summaries == ["the first", "the second", "the second", "the third"]


def test_ids_and_folder_in_a_summary_are_those_of_the_new_session(tmp_path):
    model = played(
        tmp_path,
        replied("", call("call_0123456789")),
        answered("call_0123456789"),
        compacted("See /workspace/.outputs/call_0123456789.txt"),
    )
    summary = asked(model, ("call_abcdefghijk",), tools=()).message.text
    assert summary == "See /there/.outputs/call_abcdefghijk.txt"


def test_an_empty_answer_is_played_as_one(tmp_path):
    assert asked(played(tmp_path, replied(""))).message.text == ""


def test_a_planner_that_cannot_park_is_played_as_one_that_cannot(tmp_path):
    assert not can_park(played(tmp_path, replied("x", model="autopilot")))
    assert can_park(played(tmp_path, replied("x", model="claude")))


def test_outside_of_a_session_nothing_is_played(tmp_path):
    with pytest.raises(Refused, match="only within a session"):
        played(tmp_path, replied("x")).complete([], TOOLS)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("replay/some/file.jsonl", "whole path"),
        ("replay//nowhere.jsonl", "no file"),
    ],
)
def test_what_cannot_be_played_is_a_wrong_setting(name, words):
    with pytest.raises(ConfigError, match=words):
        Models(Settings()).named(name)


def test_a_file_without_answers_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="nothing to play"):
        played(tmp_path)


def test_a_recording_that_changed_is_read_again(tmp_path):
    models = Models(Settings())
    path = write(tmp_path, recorded("s", replied("before")))
    name = f"replay/{path}"
    first = models.named(name)
    assert models.named(name) is first
    write(tmp_path, recorded("s", replied("afterwards")))
    assert asked(models.named(name)).message.text == "afterwards"


def test_every_example_is_played_to_its_last_answer():
    model = replay_model(f"replay/{EXAMPLE}")
    answers: list[tuple[str, ...]] = []
    while (reply := asked(model, *answers)).message.tool_calls:
        answers.append(tuple(f"new_{len(answers)}_{one.name}" for one in reply.message.tool_calls))
    assert reply.message.text.startswith("Done: 96.1 %")
