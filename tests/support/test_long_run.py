"""The checks of a long run find what they are there for."""

import json
from typing import Any

import pytest

from tests.support.long_run import LongModel, LongTask, does_its_job
from tests.support.long_run.checks import Counter, all_words, malformed
from tests.support.model_server.server import Seen

CALL = {"id": "c1", "type": "function", "function": {"name": "read", "arguments": '{"path": "a"}'}}
SYSTEM, TASK = {"role": "system", "content": "s"}, {"role": "user", "content": LongTask.words}
ASKED = {"role": "assistant", "content": None, "tool_calls": [CALL]}
ANSWER = {"role": "tool", "tool_call_id": "c1", "name": "read", "content": "text"}
SOUND = [SYSTEM, TASK, ASKED, ANSWER]


def test_a_sound_request_has_no_problem() -> None:
    assert list(malformed(SOUND)) == []


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([TASK, *SOUND[2:]], "does not begin with"),
        ([SYSTEM, TASK, TASK], "follow each other"),
        ([*SOUND, {"role": "assistant", "content": "so"}], "ends with an answer"),
        ([*SOUND, ASKED, ANSWER], "two calls have one id"),
        ([*SOUND, {"role": "user", "content": ""}], "is empty"),
    ],
)
def test_what_is_wrong_with_a_request_is_said(messages: list[dict[str, Any]], words: str) -> None:
    assert words in " ".join(malformed(messages))


def test_words_are_looked_for_as_arguments_hold_them() -> None:
    said = {"name": "plan", "arguments": json.dumps({"items": [{"step": 'a "quoted" ü'}]})}
    asked = {**ASKED, "tool_calls": [{**CALL, "function": said}]}
    assert 'a "quoted" ü' in all_words([asked])


def test_the_count_follows_the_ratio() -> None:
    body = {"messages": SOUND, "max_tokens": 10}
    assert Counter(2.6)(body) == pytest.approx(2 * Counter(1.3)(body), abs=2)


def asked_with(messages: list[dict[str, Any]], model: LongModel) -> Any:
    body = {"messages": messages, "max_tokens": 100, "tools": []}
    return model(Seen(path="/v1/chat/completions", headers={}, body=body, connection=1))


def test_a_task_that_is_not_in_a_request_and_one_that_is_too_long_are_noticed() -> None:
    model = LongModel(LongTask(5), 400, does_its_job)
    assert asked_with(SOUND, model).calls
    assert model.problems == []
    asked_with([SYSTEM, {"role": "user", "content": "Something else"}], model)
    assert any(LongTask.words in each for each in model.problems)
    assert (
        asked_with([*SOUND[:3], {**ANSWER, "content": "word " * 500}], model).always.status == 400
    )
    assert model.refusals == 1


def test_what_is_forgotten_is_noticed() -> None:
    model = LongModel(LongTask(20), 100_000, does_its_job)
    fact = next(iter(model.task.planted.values()))
    asked_with([*SOUND[:3], {**ANSWER, "content": fact.line}], model)
    shorter = {**TASK, "content": f"{LongTask.words}\n\nA summary without it."}
    asked_with([SYSTEM, shorter], model)
    assert model.forgotten == [(fact,)]
