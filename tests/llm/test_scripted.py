"""The scripted model: the next answer to each request, and a clear end."""

import threading

import pytest

from ml_intern.errors import Refused, Retryable
from ml_intern.llm.client import ModelClient, ModelReply
from ml_intern.llm.scripted import ScriptedModel, calling
from ml_intern.messages import AssistantMessage, UserMessage


def test_answers_come_in_order_and_the_end_is_refused_with_what_to_do() -> None:
    model: ModelClient = ScriptedModel("rehearsal", ["one", AssistantMessage(text="two")])
    assert [model.complete([], []).message.text for _ in range(2)] == ["one", "two"]
    with pytest.raises(Refused, match="'rehearsal' is over after 2 answers"):
        model.complete([], [])
    with pytest.raises(Refused):
        model.complete([], [])


def test_words_end_a_turn_and_calls_go_on() -> None:
    model = ScriptedModel("m", ["done", calling("look", read={"path": "a"}, plan={"items": []})])
    words, calls = model.complete([], []), model.complete([], [])
    assert (words.stop_reason, words.cost_micro_usd, words.model) == ("end", 0, "m")
    assert calls.stop_reason == "tool_calls"
    assert [(c.name, c.arguments) for c in calls.message.tool_calls] == [
        ("read", '{"path": "a"}'),
        ("plan", '{"items": []}'),
    ]
    assert len({c.call_id for c in calls.message.tool_calls}) == 2


def test_a_whole_reply_is_given_as_it_is() -> None:
    reply = ModelReply(message=AssistantMessage(text="cut"), stop_reason="length", model="other")
    assert ScriptedModel("m", [reply]).complete([], []) is reply


def test_an_error_in_the_script_is_raised_and_the_script_goes_on() -> None:
    model = ScriptedModel("m", [Retryable("busy", retry_after_s=2.0), "fine"])
    with pytest.raises(Retryable) as raised:
        model.complete([], [])
    assert raised.value.retry_after_s == 2.0
    assert model.complete([], []).message.text == "fine"


def test_a_function_sees_the_request() -> None:
    model = ScriptedModel("echo", lambda messages, tools: f"{len(messages)} {len(tools)}")
    assert model.complete([UserMessage(text="a")], []).message.text == "1 0"


def test_text_is_streamed() -> None:
    heard: list[str] = []
    ScriptedModel("m", ["hello"]).complete([], [], on_text=heard.append)
    assert heard == ["hello"]


def test_each_answer_goes_to_one_thread() -> None:
    model = ScriptedModel("m", [str(number) for number in range(400)])
    got: list[str] = []

    def ask() -> None:
        got.extend(model.complete([], []).message.text for _ in range(100))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got, key=int) == [str(number) for number in range(400)]
