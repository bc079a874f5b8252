"""The conversation as the model sees it: a fold of the journal, each event taken up once.

Promise: every tool call is followed by its one answer before anything else is said, whatever the
order in which things happened; words of a person that come in between wait for the answers.
"""

from collections.abc import Sequence

from ml_intern.context import compaction
from ml_intern.events import (
    Compacted,
    Event,
    Hinted,
    ModelReplied,
    ToolFinished,
    Undone,
    UserSaid,
)
from ml_intern.messages import (
    AssistantMessage,
    CallId,
    Message,
    SystemMessage,
    ToolMessage,
    UserMessage,
)


class ContextManager:
    """Grows by one event at a time. Not thread-safe: it belongs to one turn."""

    def __init__(self, system_prompt: str) -> None:
        self._messages: list[Message] = [SystemMessage(text=system_prompt)]
        self._unanswered: set[CallId] = set()
        self._held_back: list[UserMessage] = []

    def add(self, event: Event) -> None:
        """Take up what happened; events that a model need not see change nothing."""
        match event:
            case UserSaid(text=text):
                self._hear(UserMessage(text=text))
            case Hinted(text=text):
                self._hear(UserMessage(text=text, injected=True))
            case ModelReplied():
                # Providers refuse an answer without words and calls when they get it back.
                if event.tool_calls or event.text.strip():
                    self._messages.append(
                        AssistantMessage(
                            text=event.text, thinking=event.thinking, tool_calls=event.tool_calls
                        )
                    )
                self._unanswered = {call.call_id for call in event.tool_calls}
            case ToolFinished():
                self._answer(event)
            case Compacted():
                self._messages = compaction.shortened(self._messages, event.summary, event.kept)
            case Undone():
                del self._messages[self._last_words() :]
            case _:
                pass

    def last_words(self) -> str | None:
        """What a person said last, if it can still be taken back; words in a summary cannot."""
        place = self._last_words()
        return self._messages[place].text if place < len(self._messages) else None

    def messages(self) -> Sequence[Message]:
        """The conversation so far, system prompt first. Do not change it."""
        return self._messages

    def _last_words(self) -> int:
        """The place of a person's last words; behind the end when there are none."""
        for place in range(len(self._messages) - 1, 0, -1):
            message = self._messages[place]
            if isinstance(message, UserMessage):
                if message.summary:
                    break
                if not message.injected:
                    return place
        return len(self._messages)

    def _hear(self, message: UserMessage) -> None:
        if self._unanswered:
            self._held_back.append(message)
        else:
            self._messages.append(message)

    def _answer(self, event: ToolFinished) -> None:
        self._messages.append(
            ToolMessage(
                call_id=event.call_id, name=event.tool, text=event.output, is_error=not event.ok
            )
        )
        self._unanswered.discard(event.call_id)
        if not self._unanswered:
            self._messages.extend(self._held_back)
            self._held_back.clear()
