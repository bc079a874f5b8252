from ml_intern.context.manager import ContextManager
from ml_intern.events import Hinted, ModelReplied, ToolFinished, UserSaid
from ml_intern.messages import (
    AssistantMessage,
    CallId,
    SystemMessage,
    ToolCall,
    ToolMessage,
    Usage,
    UserMessage,
)


def reply(*call_ids: str, text: str = "") -> ModelReplied:
    return ModelReplied(
        reply_id="r",
        model="m",
        text=text,
        thinking="",
        tool_calls=tuple(
            ToolCall(call_id=CallId(one), name="read", arguments="{}") for one in call_ids
        ),
        usage=Usage(),
        cost_micro_usd=0,
        stop_reason="tool_calls",
        duration_ms=1,
    )


def answer(call_id: str) -> ToolFinished:
    return ToolFinished(
        call_id=CallId(call_id),
        tool="read",
        ok=True,
        output=f"result of {call_id}",
        answered_by="tool",
        duration_ms=1,
    )


def test_conversation_starts_with_the_system_prompt():
    assert list(ContextManager("be good").messages()) == [SystemMessage(text="be good")]


def test_words_that_arrive_between_a_call_and_its_answer_wait_for_the_answer():
    context = ContextManager("s")
    for event in (
        UserSaid(text="task", author="a"),
        reply("1", "2"),
        UserSaid(text="hurry", author="a"),
        answer("2"),
        Hinted(text="a hint"),
        answer("1"),
    ):
        context.add(event)
    kinds = [type(message) for message in context.messages()]
    assert kinds == [
        SystemMessage,
        UserMessage,
        AssistantMessage,
        ToolMessage,
        ToolMessage,
        UserMessage,
        UserMessage,
    ]
    assert [m.text for m in context.messages()[-2:]] == ["hurry", "a hint"]


def test_every_call_is_followed_by_exactly_one_answer():
    context = ContextManager("s")
    for event in (reply("1", "2"), answer("1"), answer("2"), reply("3"), answer("3")):
        context.add(event)
    asked = [
        call.call_id
        for message in context.messages()
        if isinstance(message, AssistantMessage)
        for call in message.tool_calls
    ]
    answered = [m.call_id for m in context.messages() if isinstance(m, ToolMessage)]
    assert asked == answered == ["1", "2", "3"]


def test_an_answer_without_words_and_calls_is_left_out():
    context = ContextManager("s")
    for event in (UserSaid(text="task", author="a"), reply(text=" \n"), Hinted(text="say more")):
        context.add(event)
    assert [type(message) for message in context.messages()] == [
        SystemMessage,
        UserMessage,
        UserMessage,
    ]
