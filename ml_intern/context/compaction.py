"""Summing up the older part of a conversation: what is cut, and how a model is asked. Pure.

The system prompt, the task and the newest messages stay word for word. A cut never falls between a
call and its answer. The older part is put before the model as one text, so that no provider has to
accept half a conversation.
"""

import hashlib
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
LEAST_SHOWN = 30
"""Tokens of a message; where all of them find no room with these, the oldest are left out."""
AROUND_CLIP = 12
"""Tokens of what is said in the place of what is clipped."""
MOST_OF_OUTPUT = 1_500
"""Tokens of one tool's answer, in what is to be summed up: 2 kB of anything find room."""


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
    free = most - sizes[1] - count_text(stands) - ASIDE
    mark = _mark(messages)
    older = _older(messages[FIRST_OLD:start], sizes[FIRST_OLD:start], free, mark)
    task = f"The task, which stays as it is:\n{messages[1].text}"
    kept = f"This stays as well, word for word:\n{stands}" if stands else ""
    begins = f"The conversation. {mark} is before words of a person, and notes; nowhere else:"
    conversation = "\n\n".join([begins, *older])
    asked = f"Write at most {words} words."
    text = "\n\n".join(filter(None, (task, kept, conversation, asked)))
    return [SystemMessage(text=SUMMARIZER), UserMessage(text=text)]


def is_summary(message: Message) -> bool:
    """Whether it stands for what was said before it."""
    return isinstance(message, UserMessage) and message.summary


def _mark(messages: Sequence[Message]) -> str:
    """What stands before words of a person: unforgeable, as it goes by all that was said."""
    said = hashlib.sha256()
    for message in messages:
        said.update(message.text.encode(errors="replace"))
    return f"#{said.hexdigest()[:4]}"


def _older(messages: Sequence[Message], sizes: Sequence[int], most: int, mark: str) -> list[str]:
    """What is to be summed up, in about `most` tokens together."""
    bounds = [
        min(size, MOST_OF_OUTPUT) if isinstance(message, ToolMessage) else size
        for message, size in zip(messages, sizes, strict=True)
    ]
    stays = [is_summary(message) for message in messages]
    most -= sum(bound for bound, whole in zip(bounds, stays, strict=True) if whole)
    others = [bound for bound, whole in zip(bounds, stays, strict=True) if not whole]
    cap, first = level(others, most), 0
    if cap < min(LEAST_SHOWN, max(others, default=0)):
        cap, first = LEAST_SHOWN, len(messages) - max(0, most) // LEAST_SHOWN
    told = [
        _told(message, mark) if whole else _clipped(_told(message, mark), size, min(bound, cap))
        for place, (message, size, bound, whole) in enumerate(
            zip(messages, sizes, bounds, stays, strict=True)
        )
        if whole or place >= first
    ]
    left_out = len(messages) - len(told)
    return [f"[{left_out} older messages find no room here]", *told] if left_out else told


def _clipped(text: str, size: int, most: int) -> str:
    """Head and tail, of about `most` tokens together; `size`: of the text at most."""
    if size <= most or (size := count_text(text)) <= most:
        return text
    chars = len(text) * max(0, most - AROUND_CLIP) // size
    head, tail = chars * 2 // 3, chars // 3
    left = len(text) - head - tail
    return f"{text[:head]}\n[... {left} characters ...]\n{text[len(text) - tail :]}"


def kept_from(event: Compacted, messages: int) -> int:
    """The place of the first message that stays behind the text; of `messages` that there are."""
    if event.dropped is None:
        return max(FIRST_OLD, messages - event.kept)
    return FIRST_OLD + event.dropped


def shortened(messages: Sequence[Message], text: str, start: int) -> list[Message]:
    """The conversation with `text` in the place of those behind the first two, before `start`."""
    told = UserMessage(text=text, injected=True, summary=True)
    return [*messages[:FIRST_OLD], told, *messages[start:]]


def _told(message: Message, mark: str) -> str:
    match message:
        case AssistantMessage():
            calls = [f"{call.name}({call.arguments})" for call in message.tool_calls]
            return "\n".join(["ENGINEER:", *filter(None, [message.text]), *calls])
        case ToolMessage():
            state = "FAILED" if message.is_error else "ANSWERED"
            return f"{message.name} {state}:\n{message.text}"
        case UserMessage():
            return f"{mark} {'NOTE' if message.injected else 'PERSON'}:\n{message.text}"
        case SystemMessage():
            return f"{mark} NOTE:\n{message.text}"
