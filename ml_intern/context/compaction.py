"""Summing up the older part of a conversation: what is cut, and how a model is asked. Pure.

The system prompt, the task and the newest messages stay word for word. A cut never falls between a
call and its answer. The older part is put before the model as one text, so that no provider has to
accept half a conversation.
"""

from collections.abc import Sequence

from ml_intern.context.counting import count_text
from ml_intern.context.cutting import level
from ml_intern.context.exchanges import FIRST_OLD
from ml_intern.context.summary import SUMMARIZER
from ml_intern.events import Compacted
from ml_intern.messages import (
    AssistantMessage,
    Message,
    SystemMessage,
    ToolMessage,
    UserMessage,
)

ASIDE = 400
"""Tokens of the instruction and of what stands around the conversation in the request."""
MOST_OUTPUT_CHARS = 4_000
"""Of one tool's answer, in what is to be summed up."""


def request_for(
    messages: Sequence[Message],
    sizes: Sequence[int],
    start: int,
    most: int,
    *,
    stands: str,
    words: int,
) -> list[Message]:
    """What a model is asked, without tools, to sum up all before the place `start`.

    It takes about `most` tokens: the longest messages are clipped, and an earlier summary is not.
    `sizes`: of each message, in tokens. `stands`: what is kept word for word beside the summary.
    `words`: how long the summary may be.
    """
    places = range(FIRST_OLD, start)
    free = most - sizes[1] - count_text(stands) - ASIDE
    free -= sum(sizes[place] for place in places if is_summary(messages[place]))
    cap = level([sizes[place] for place in places if not is_summary(messages[place])], free)
    older = [_clipped_to(messages[place], sizes[place], cap) for place in places]
    task = f"The task, which stays as it is:\n{messages[1].text}"
    kept = f"This stays as well, word for word:\n{stands}" if stands else ""
    conversation = "\n\n".join(["The conversation:", *older])
    asked = f"Write at most {words} words."
    text = "\n\n".join(filter(None, (task, kept, conversation, asked)))
    return [SystemMessage(text=SUMMARIZER), UserMessage(text=text)]


def is_summary(message: Message) -> bool:
    """Whether it stands for what was said before it."""
    return isinstance(message, UserMessage) and message.summary


def _clipped_to(message: Message, size: int, most: int) -> str:
    told = _told(message)
    if size <= most or is_summary(message):
        return told
    chars = len(told) * most // size
    head, tail = chars * 2 // 3, chars // 3
    left = len(told) - head - tail
    return f"{told[:head]}\n[... {left} characters ...]\n{told[len(told) - tail :]}"


def kept_from(event: Compacted, messages: int) -> int:
    """The place of the first message that stays behind the text; of `messages` that there are."""
    if event.dropped is None:
        return max(FIRST_OLD, messages - event.kept)
    return FIRST_OLD + event.dropped


def shortened(messages: Sequence[Message], text: str, start: int) -> list[Message]:
    """The conversation with `text` in the place of those behind the first two, before `start`."""
    told = UserMessage(text=text, injected=True, summary=True)
    return [*messages[:FIRST_OLD], told, *messages[start:]]


def _told(message: Message) -> str:
    match message:
        case AssistantMessage():
            calls = [f"{call.name}({call.arguments})" for call in message.tool_calls]
            return "\n".join(["ENGINEER:", *filter(None, [message.text]), *calls])
        case ToolMessage():
            state = "FAILED" if message.is_error else "ANSWERED"
            return f"{message.name} {state}:\n{_clipped(message.text)}"
        case UserMessage():
            return f"{'NOTE' if message.injected else 'PERSON'}:\n{message.text}"
        case SystemMessage():
            return f"NOTE:\n{message.text}"


def _clipped(text: str) -> str:
    if len(text) <= MOST_OUTPUT_CHARS:
        return text
    half = MOST_OUTPUT_CHARS // 2
    return f"{text[:half]}\n[... {len(text) - 2 * half} characters ...]\n{text[-half:]}"
