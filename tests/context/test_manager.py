import pytest

from ml_intern.context.manager import ContextManager
from ml_intern.events import (
    Compacted,
    Cut,
    Hinted,
    ModelReplied,
    Shortened,
    ToolFinished,
    Undone,
    UserSaid,
)
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


class Counting:
    """Counts characters, and remembers which texts it was asked about."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, text: str) -> int:
        self.texts.append(text)
        return len(text)

    def since(self) -> list[str]:
        """What has been counted since the last time."""
        found = [text for text in self.texts if text]
        self.texts.clear()
        return found


LONG = (
    *(UserSaid(text="task", author="a"), reply("1"), answer("1"), reply("2"), answer("2")),
    *(reply("3"), answer("3")),
)
SUMMARY = Compacted(
    asked_by="a", summary="sum", kept=2, dropped=3, model="", usage=Usage(), cost_micro_usd=0
)


def _cut(place: int) -> Shortened:
    cut = Cut(place=place, part="text", head=0, tail=0, note="[cut]")
    return Shortened(cuts=(cut,), why="size", tokens_before=0, tokens_after=0)


@pytest.mark.parametrize(
    ("happened", "counted"),
    [
        (reply(text="more"), ["more"]),
        (SUMMARY, ["sum"]),
        (_cut(5), ["[cut]"]),
        (Undone(asked_by="a", words="task"), []),
    ],
)
def test_what_happens_has_only_what_is_new_counted(happened, counted):
    counting = Counting()
    context = ContextManager("sys", counting)
    for event in LONG:
        context.add(event)
    context.tokens()
    assert "task" in counting.since()
    context.add(happened)
    total = context.tokens()
    assert counting.since() == counted
    again = ContextManager("sys", counting)
    for event in (*LONG, happened):
        again.add(event)
    assert context.sizes() == again.sizes()
    assert total == again.tokens() == sum(again.sizes())


def test_another_system_prompt_is_counted_and_nothing_else():
    counting = Counting()
    context = ContextManager("a long system prompt", counting)
    for event in LONG:
        context.add(event)
    before = context.tokens()
    counting.since()
    context.instruct("short")
    assert context.messages()[0] == SystemMessage(text="short")
    assert context.tokens() == before - len("a long system prompt") + len("short")
    assert counting.since() == ["short"]
    context.instruct("short")
    context.tokens()
    assert counting.since() == []
