"""Whatever the tools answer, the planner comes to an end, and no call id is used twice."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml_intern.errors import Refused
from ml_intern.llm.autopilot import Autopilot
from ml_intern.messages import Message, SystemMessage, ToolCall, ToolMessage, UserMessage
from tests.llm.autopilot.world import SPECS, Broken, World

TASKS = [
    "Train a ViT on the handwritten digits dataset, 95 %, learning rate 10, 9 classes, 3 epochs",
    "Classify tickets.jsonl, 90 %",
    "Train something",
    "Reproduce owls.pdf, scaled down. Data: tickets.jsonl",
    "Fine-tune some/model on tickets.jsonl to 140 %",
]
KEYS = [
    *(
        "answer",
        "agreed",
        "error",
        "task",
        "rows",
        "columns",
        "mapping",
        "alternatives",
        "blocking",
    ),
    *("train", "validation", "labels", "fits", "largest_batch_size_that_fits", "path", "values"),
    *("arguments", "report", "job_id", "output_dir", "missing", "status", "verdicts", "last"),
    *("evaluations", "metrics", "accuracy", "per_class", "repo_id", "cpus", "gpus", "images"),
    *("title", "sentences", "settings", "work", "paper", "compared", "chosen", "value", "epochs"),
    *("architecture", "hidden_size", "seeds", "batch_size", "image_size", "data", "name"),
    *("traceback", "exit_code", "num_labels", "class_counts", "dropped", "items", "earlier"),
]
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats()
    | st.sampled_from(
        [
            *("", "text-classification", "image-classification", "succeeded", "failed", "lost"),
            *("nan", "stop", "again", "accept", "a.csv", "40 epochs", "out of memory", "train.py"),
            *("Target 3 is out of bounds", "loss is nan", "smoke_test", "learning_rate", "runs/1"),
        ]
    )
    | st.text(max_size=12)
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=8,
)
documents = st.dictionaries(st.sampled_from(KEYS), values, max_size=8).map(json.dumps)
texts = documents | st.text(max_size=60) | st.sampled_from(["", "{", "[]", "{}", "null", "[1]\n{"])
noise = st.tuples(texts, st.booleans())


def play(task: str, answer: Any) -> int:
    """Let the planner talk with a world that answers by `answer(call)`; the number of turns."""
    messages: list[Message] = [SystemMessage(text="s"), UserMessage(text=task)]
    ids: set[str] = set()
    for turn in range(1, 201):
        try:
            reply = Autopilot().complete(messages, SPECS)
        except Refused:
            return turn
        messages.append(reply.message)
        if not reply.message.tool_calls:
            assert reply.message.text.strip()
            return turn
        for call in reply.message.tool_calls:
            assert call.call_id not in ids
            ids.add(call.call_id)
            assert isinstance(json.loads(call.arguments), dict)
            messages.append(answer(call))
    raise AssertionError("no end after 200 turns")


@settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(task=st.sampled_from(TASKS), data=st.data())
def test_random_answers_end(task: str, data: st.DataObject) -> None:
    """Nothing but noise."""
    replies = data.draw(st.lists(noise, min_size=1, max_size=12))

    def answer(call: ToolCall) -> ToolMessage:
        text, is_error = replies[int(call.call_id.rpartition("-")[2]) % len(replies)]
        return ToolMessage(call_id=call.call_id, name=call.name, text=text, is_error=is_error)

    play(task, answer)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    task=st.sampled_from(TASKS),
    replies=st.lists(noise, min_size=1, max_size=8),
    spoilt=st.lists(st.integers(0, 80), max_size=30),
    answers=st.lists(
        st.sampled_from(["again", "accept", "40 epochs", "lr 0.1", "hm", "a.csv", "", "90 %"]),
        max_size=12,
    ),
)
def test_a_working_world_with_spoilt_answers_ends(
    task: str, replies: list[tuple[str, bool]], spoilt: list[int], answers: list[str]
) -> None:
    """Most tools work, so that every rule is reached; some calls are answered with noise."""
    world = World(answers=answers)
    seen = 0

    def answer(call: ToolCall) -> ToolMessage:
        nonlocal seen
        seen += 1
        if seen not in spoilt:
            try:
                return world.answer(call)
            except (KeyError, IndexError, AssertionError, Broken, NameError):
                pass  # the world rests on an earlier call that was spoilt
        text, is_error = replies[seen % len(replies)]
        return ToolMessage(call_id=call.call_id, name=call.name, text=text, is_error=is_error)

    play(task, answer)


@pytest.mark.parametrize("tool", [spec.name for spec in SPECS])
@pytest.mark.parametrize("said", ["", "garbage", "{}", '{"error": "broken"}', "[1, 2]"])
def test_a_tool_that_only_answers_garbage_is_not_called_for_ever(tool: str, said: str) -> None:
    """The same failure twice after the same act is a reason to stop, not to go on."""
    world = World(answers=["again", "stop"])

    def answer(call: ToolCall) -> ToolMessage:
        if call.name != tool:
            return world.answer(call)
        world.calls.append((call.name, {}))
        return ToolMessage(call_id=call.call_id, name=tool, text=said, is_error=said != "")

    play(TASKS[0], answer)
    assert len(world.named(tool)) <= 4


def test_the_ids_go_on_after_a_second_task() -> None:
    world = World()
    messages: list[Message] = [SystemMessage(text="s")]
    for task in (TASKS[0], "use 40 epochs instead"):
        messages.append(UserMessage(text=task))
        while (reply := Autopilot().complete(messages, SPECS)).message.tool_calls:
            messages.append(reply.message)
            messages += [world.answer(call) for call in reply.message.tool_calls]
        messages.append(reply.message)
    assert len(world.named("launch_training")) == 2
