"""Where a conversation may be cut: between complete exchanges, never inside one. Pure."""

from collections.abc import Sequence

from ml_intern.messages import AssistantMessage, Message, ToolMessage

FIRST_OLD = 2
"""What stands before it, system prompt and task, is never summed up."""


def may_begin(message: Message) -> bool:
    """Whether what is kept may begin with it: an answer to a call needs the call before it."""
    return not isinstance(message, ToolMessage)


def newest_from(messages: Sequence[Message], tokens: Sequence[int], most: int) -> int:
    """The place from which the newest messages stay: as many whole exchanges as `most` tokens hold.

    At least the last exchange, however long it is. `tokens`: of each message.
    """
    place, used = len(messages), 0
    start = last_exchange(messages)
    while place > FIRST_OLD:
        place -= 1
        used += tokens[place]
        if used > most:
            break
        if may_begin(messages[place]):
            start = min(start, place)
    return start


def last_exchange(messages: Sequence[Message]) -> int:
    """The place of the last answer of a model; of the last message where there is none."""
    for place in range(len(messages) - 1, FIRST_OLD - 1, -1):
        if isinstance(messages[place], AssistantMessage):
            return place
    return max(FIRST_OLD, len(messages) - 1)
