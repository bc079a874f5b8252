"""Cuts fall between complete exchanges, whatever the conversation."""

from hypothesis import given
from hypothesis import strategies as st

from ml_intern.context.exchanges import FIRST_OLD, newest_from
from ml_intern.messages import (
    AssistantMessage,
    CallId,
    Message,
    SystemMessage,
    ToolCall,
    ToolMessage,
    UserMessage,
)

BEGINNING: list[Message] = [SystemMessage(text="s"), UserMessage(text="task")]


def exchange(number: int, calls: int) -> list[Message]:
    ids = [CallId(f"{number}-{index}") for index in range(calls)]
    asked = tuple(ToolCall(call_id=one, name="read", arguments="{}") for one in ids)
    answers = [ToolMessage(call_id=one, name="read", text="x") for one in ids]
    return [AssistantMessage(text="so", tool_calls=asked), *answers]


steps = st.lists(st.integers(0, 4) | st.just("words"), min_size=1, max_size=20)


def conversation(made_of: list[int | str]) -> list[Message]:
    messages = list(BEGINNING)
    for number, each in enumerate(made_of):
        said = UserMessage(text="go on")
        messages += [said] if isinstance(each, str) else exchange(number, each)
    return messages


@given(made_of=steps, most=st.integers(0, 200), seed=st.randoms())
def test_what_is_kept_is_whole_and_no_more_than_fits(made_of, most, seed) -> None:
    messages = conversation(made_of)
    tokens = [seed.randint(1, 30) for _ in messages]
    start = newest_from(messages, tokens, most)
    kept = messages[start:]
    assert FIRST_OLD <= start < len(messages)
    asked = {
        call.call_id
        for each in kept
        if isinstance(each, AssistantMessage)
        for call in each.tool_calls
    }
    answered = {each.call_id for each in kept if isinstance(each, ToolMessage)}
    assert asked == answered
    answers = [at for at, each in enumerate(messages) if isinstance(each, AssistantMessage)]
    if sum(tokens[start:]) > most:
        assert start >= (answers[-1] if answers else len(messages) - 1), (
            "only the last may be longer"
        )
    for place in range(FIRST_OLD, start):
        if not isinstance(messages[place], ToolMessage):
            assert sum(tokens[place:]) > most, "more would have fitted"


def test_at_least_the_last_exchange_stays() -> None:
    messages = conversation([1, 3])
    assert newest_from(messages, [1_000] * len(messages), 10) == len(messages) - 4
