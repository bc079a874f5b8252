"""The conversation as the model sees it: a fold of the journal, each event taken up once.

Promise: every tool call is followed by its one answer before anything else is said, whatever the
order in which things happened; words of a person that come in between wait for the answers. What
becomes of a parked call, which has had its answer, is told as a message of the harness.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from ml_intern.context import compaction
from ml_intern.context.counting import CountText, count_message, count_text, count_thinking
from ml_intern.context.cutting import cut_message
from ml_intern.context.exchanges import FIRST_OLD
from ml_intern.context.prompts import HARNESS
from ml_intern.events import (
    ApprovalDecided,
    ApprovalRequested,
    BudgetExtended,
    BudgetNoticed,
    CallParked,
    Compacted,
    Event,
    Hinted,
    ModelReplied,
    Recalled,
    Shortened,
    ToolFinished,
    ToolStarted,
    Undone,
    UserSaid,
)
from ml_intern.messages import (
    AssistantMessage,
    CallId,
    Message,
    SystemMessage,
    ToolCall,
    ToolMessage,
    UserMessage,
    short_request,
)


class Sizes:
    """The tokens of each message, counted when they are first wanted, and their sums."""

    def __init__(self, count: CountText) -> None:
        self._count = count
        self._words: list[int] = []
        self._whole: list[int] = []
        """With thoughts."""
        self._sums = [0, 0]

    def of(self, messages: Sequence[Message], *, with_thoughts: bool) -> Sequence[int]:
        """Of each message. Those that were counted before must be the same ones still."""
        for message in messages[len(self._words) :]:
            words, whole = self._counted(message)
            self._words.append(words)
            self._whole.append(whole)
            self._sums = [self._sums[0] + words, self._sums[1] + whole]
        return self._whole if with_thoughts else self._words

    def total(self, *, with_thoughts: bool) -> int:
        """Of all that `of` has counted."""
        return self._sums[with_thoughts]

    def changed(self, places: Iterable[int], messages: Sequence[Message]) -> None:
        """Other messages stand at these places now."""
        for place in places:
            if place < len(self._words):
                self._words[place], self._whole[place] = self._counted(messages[place])
        self._add_up()

    def replaced(self, start: int, end: int, message: Message) -> None:
        """One message stands in the place of those from `start` on, before `end`."""
        counted = [self._counted(message)] if end < len(self._words) else []
        self._words[start:end] = [words for words, _ in counted]
        self._whole[start:end] = [whole for _, whole in counted]
        self._add_up()

    def forget_from(self, place: int) -> None:
        """All from `place` on are other messages now."""
        del self._words[place:], self._whole[place:]
        self._add_up()

    def _counted(self, message: Message) -> tuple[int, int]:
        words = count_message(message, self._count)
        return words, words + count_thinking(message, self._count)

    def _add_up(self) -> None:
        self._sums = [sum(self._words), sum(self._whole)]


class ContextManager:
    """Grows by one event at a time. Not thread-safe: it belongs to one turn."""

    def __init__(self, system_prompt: str, count: CountText = count_text) -> None:
        self._messages: list[Message] = [SystemMessage(text=system_prompt)]
        self._sizes = Sizes(count)
        self._origins = [""]
        self._origin = ""
        self.shows: dict[CallId, str] = {}
        """What the output of a read is a picture of; the same read again shows it anew."""
        self._unanswered: set[CallId] = set()
        self._held_back: list[tuple[UserMessage, str]] = []
        self._calls: dict[CallId, ToolCall] = {}
        """Of the last answer, and those that are parked."""
        self._parked: dict[CallId, dict[str, Any]] = {}
        """With the arguments that were asked for, approved or started last."""
        self._given: dict[CallId, dict[str, Any]] = {}
        """The same, of the other calls."""

    def instruct(self, system_prompt: str) -> None:
        """Put this in the place of the system prompt; costs nothing where it is the same."""
        if self._messages[0].text != system_prompt:
            self._messages[0] = SystemMessage(text=system_prompt)
            self._sizes.changed([0], self._messages)

    def add(self, event: Event, origin: str = "") -> None:
        """Take up what happened; events that a model need not see change nothing.

        `origin`: what the caller calls the event, for `origins`.
        """
        self._origin = origin
        match event:
            case Recalled(message=message):
                self._append(message, origin)
            case UserSaid(text=text):
                self._hear(UserMessage(text=text))
            case Hinted(text=text):
                self._hear(UserMessage(text=text, injected=True))
            case BudgetNoticed(told=told) | BudgetExtended(told=told) if told:
                self._hear(UserMessage(text=told, injected=True))
            case ModelReplied():
                self._take_reply(event)
            case ApprovalRequested() | ApprovalDecided() | ToolStarted():
                self._take_arguments(event)
            case CallParked():
                self._park(event)
            case ToolFinished(call_id=call_id) if call_id in self._parked:
                self._hear(self._outcome(event, self._parked.pop(call_id)))
            case ToolFinished():
                self._answer(event)
            case Compacted():
                self._sum_up(event)
            case Shortened():
                self._shorten(event)
            case Undone():
                self._take_back()
            case _:
                pass

    def last_words(self) -> str | None:
        """What a person said last, if it can still be taken back; words in a summary cannot, nor
        those of another session.
        """
        place = self._last_words()
        return self._messages[place].text if place < len(self._messages) else None

    def messages(self) -> Sequence[Message]:
        """The conversation so far, system prompt first. Do not change it."""
        return self._messages

    def origins(self) -> Sequence[str]:
        """Of each message, the origin of the event that it came of. Do not change it."""
        return self._origins

    def sizes(self, *, with_thoughts: bool = False) -> Sequence[int]:
        """Tokens of each message, as we count them; each is counted once. Do not change it.

        `with_thoughts`: for a model that gets its own thoughts back.
        """
        return self._sizes.of(self._messages, with_thoughts=with_thoughts)

    def tokens(self, *, with_thoughts: bool = False) -> int:
        """Of the whole conversation; costs what is new since it was last asked."""
        self._sizes.of(self._messages, with_thoughts=with_thoughts)
        return self._sizes.total(with_thoughts=with_thoughts)

    def _take_reply(self, reply: ModelReplied) -> None:
        # Providers refuse an answer without words and calls when they get it back.
        if reply.tool_calls or reply.text.strip():
            answer = AssistantMessage(
                text=reply.text,
                thinking=reply.thinking,
                tool_calls=reply.tool_calls,
                signed=reply.signed,
                model=reply.model,
            )
            self._append(answer, self._origin)
        self._unanswered = {call.call_id for call in reply.tool_calls}
        parked = {key: call for key, call in self._calls.items() if key in self._parked}
        self._calls = parked | {call.call_id: call for call in reply.tool_calls}
        self._given = {}

    def _take_arguments(self, event: ApprovalRequested | ApprovalDecided | ToolStarted) -> None:
        if isinstance(event, ToolStarted) and event.effect == "read":
            self.shows[event.call_id] = f"{event.tool} {event.arguments_sha256}"
        known = self._parked if event.call_id in self._parked else self._given
        known[event.call_id] = event.arguments

    def _sum_up(self, event: Compacted) -> None:
        end = compaction.kept_from(event, len(self._messages))
        self._messages = compaction.shortened(self._messages, event.summary, end)
        self._origins[FIRST_OLD:end] = [self._origin]
        self._sizes.replaced(FIRST_OLD, end, self._messages[FIRST_OLD])

    def _shorten(self, event: Shortened) -> None:
        for cut in event.cuts:
            self._messages[cut.place] = cut_message(self._messages[cut.place], cut)
        self._sizes.changed({cut.place for cut in event.cuts}, self._messages)

    def _last_words(self) -> int:
        """The place of a person's last words; behind the end when there are none."""
        for place in range(len(self._messages) - 1, 0, -1):
            message = self._messages[place]
            if isinstance(message, UserMessage):
                if message.summary or message.recalled:
                    break
                if not message.injected:
                    return place
        return len(self._messages)

    def _take_back(self) -> None:
        """The last words and what followed; not what became of calls that were made before."""
        place = self._last_words()
        taken = list(zip(self._messages[place:], self._origins[place:], strict=True))
        made = {
            call.call_id
            for message, _ in taken
            if isinstance(message, AssistantMessage)
            for call in message.tool_calls
        }
        del self._messages[place:], self._origins[place:]
        self._sizes.forget_from(place)
        for message, origin in taken:
            outcome_of = message.outcome_of if isinstance(message, UserMessage) else None
            if outcome_of is not None and outcome_of not in made:
                self._append(message, origin)

    def _hear(self, message: UserMessage) -> None:
        if self._unanswered:
            self._held_back.append((message, self._origin))
        else:
            self._append(message, self._origin)

    def _park(self, event: CallParked) -> None:
        call = self._calls[event.call_id]
        self._parked[event.call_id] = self._given.get(event.call_id, {})
        self._reply(
            ToolMessage(call_id=event.call_id, name=call.name, text=event.output, is_error=False)
        )

    def _outcome(self, event: ToolFinished, arguments: dict[str, Any]) -> UserMessage:
        """Whole in itself: the call may be gone from the conversation."""
        self._calls.pop(event.call_id, None)
        did = "has its answer" if event.ok else "failed, or was not run"
        text = (
            f"{HARNESS} {event.tool} (request {short_request(event.call_id)}), which was waiting, "
            f"{did}. Arguments: {json.dumps(arguments, ensure_ascii=False)}\n{event.output}"
        )
        return UserMessage(text=text, injected=True, outcome_of=event.call_id)

    def _answer(self, event: ToolFinished) -> None:
        self._reply(
            ToolMessage(
                call_id=event.call_id, name=event.tool, text=event.output, is_error=not event.ok
            )
        )

    def _reply(self, message: ToolMessage) -> None:
        self._append(message, self._origin)
        self._unanswered.discard(message.call_id)
        if not self._unanswered:
            for held_back, origin in self._held_back:
                self._append(held_back, origin)
            self._held_back.clear()

    def _append(self, message: Message, origin: str) -> None:
        self._messages.append(message)
        self._origins.append(origin)
