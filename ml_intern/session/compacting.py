"""Keeping a conversation within the window of its model: one path for a turn and for a person.

What to cut is decided in `ml_intern/context/`, without side effects; here it is recorded, step by
step, so that a process that dies in between goes on from what stands. First what later calls have
superseded is left out, then the older part is summed up, by a model where one can, else by rules,
and at last what is still too long is cut. No step depends on a model: none can end a session.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from ml_intern.context import summary
from ml_intern.context.compaction import is_summary
from ml_intern.context.counting import count_message, count_text, count_thinking, count_tools
from ml_intern.context.cutting import cut_message, superseded, to_size
from ml_intern.context.exchanges import FIRST_OLD, newest_from
from ml_intern.context.room import (
    LEAST_FREE,
    NEWEST,
    Room,
    share,
    threshold,
    window_for,
)
from ml_intern.errors import (
    InputError,
    MLInternError,
)
from ml_intern.events import Compacted, Cut, Shortened
from ml_intern.llm.client import sums_up_whole
from ml_intern.messages import (
    Message,
    ToolMessage,
    UserMessage,
)
from ml_intern.session.ground import Ground
from ml_intern.session.outstanding import outstanding
from ml_intern.session.summarizing import Asking, NotCompacted, Summarizer
from ml_intern.tools.files.beneath import write_beneath
from ml_intern.tools.spill import FOLDER

Trigger = Literal["asked", "size", "refused"]
ENOUGH = 0.7
"""Share of the threshold below which leaving out what was superseded is enough."""
AFTER_REFUSAL = 0.75
"""Of what a provider has refused for its length, at most, is sent next."""
OF_TASK = 1 / 3
"""Share of a request that the task may take before it is cut, with the whole in a file."""
BY_ITSELF = "ml-intern"
TOO_SHORT = "the conversation is too short to sum up"

_WHOLE_IN, _END = "[... left out here; the whole is in ", " ...]"


class TooSmall(MLInternError):
    """The window of a model cannot hold what every request needs."""


class Compactor:
    """Owned by one turn; not thread-safe."""

    def __init__(self, ground: Ground, workspace: Path) -> None:
        self._scribe, self._history, self._context = ground.scribe, ground.history, ground.context
        self._compact_at = ground.limits.compact_at
        self._summarizer = Summarizer(ground)
        self._workspace = workspace

    def fit(self, asking: Asking, trigger: Trigger = "size") -> int | None:
        """Bring the next request below the threshold; its tokens, as we count them.

        `asked`: below what it is now. None when the session was told to stop meanwhile.
        Raises TooSmall before anything is cut; NotCompacted only when `asked`; and Retryable, which
        the caller records, when a model that may be asked again gave no summary.
        """
        most = self._most(asking)
        if trigger == "refused":
            most = min(most, int(self._tokens(asking) * AFTER_REFUSAL))
        if trigger == "asked":
            self._demand_something_old(asking, most)
        elif self._tokens(asking) <= most:
            return self._tokens(asking)
        self._room(asking, most, trigger)
        self._leave_out_superseded(asking, most)
        if trigger == "size" and self._tokens(asking) <= most * ENOUGH:
            return self._tokens(asking)
        self._cut_task(asking, most)
        room = self._room(asking, most, trigger)
        if not self._sum_up(asking, room, trigger):
            return None
        self._cut_newest(asking, room)
        if self._tokens(asking) > most and not self._sum_up(asking, room, trigger, all_of_it=True):
            return None
        if self._tokens(asking) > most:
            raise self._too_small(asking, self._tokens(asking))
        return self._tokens(asking)

    # Sizes

    def _most(self, asking: Asking) -> int:
        window, ratio = asking.window, self._history.meter.ratio(asking.name)
        if window is None:
            return int(self._compact_at / ratio)
        return threshold(window.tokens, window.answer, compact_at=self._compact_at, ratio=ratio)

    def _tokens(self, asking: Asking) -> int:
        return self._context.tokens(with_thoughts=asking.thoughts) + count_tools(asking.tools)

    def _sizes(self, asking: Asking) -> Sequence[int]:
        return self._context.sizes(with_thoughts=asking.thoughts)

    def _room(self, asking: Asking, most: int, trigger: Trigger) -> Room:
        """Where it was asked for, most of what there is now is old. Raises TooSmall."""
        stands = count_text(outstanding(self._history).text())
        sizes = self._sizes(asking)
        task = min(sum(sizes[1:FIRST_OLD]), int(most * OF_TASK))
        fixed = sizes[0] + task + stands + count_tools(asking.tools)
        room = share(most, fixed)
        if not room.is_enough:
            raise self._too_small(asking, fixed + LEAST_FREE)
        if trigger == "asked":
            return replace(room, newest=int((self._tokens(asking) - fixed) * NEWEST))
        return room

    def _too_small(self, asking: Asking, needed: int) -> TooSmall:
        """`needed`: tokens of a request that holds what it must, as we count them."""
        window, most = asking.window, f"a request of {needed:,} tokens"
        if window is not None:
            ratio = self._history.meter.ratio(asking.name)
            about = window_for(needed, window.tokens, window.answer, ratio)
            most = f"about {about:,} tokens, and it has {window.tokens:,} ({window.source})"
        return TooSmall(
            f"The window of {asking.name} is too small for this session: instructions, tools, "
            f"task, what stands and one step need {most}. Choose a model with a larger one "
            "(`model`)."
        )

    def _demand_something_old(self, asking: Asking, most: int) -> None:
        """Raises NotCompacted, TooSmall."""
        room = self._room(asking, most, "asked")
        start = newest_from(self._context.messages(), self._sizes(asking), room.newest)
        if all(map(is_summary, self._context.messages()[FIRST_OLD:start])):
            raise NotCompacted(TOO_SHORT)

    # Steps

    def _leave_out_superseded(self, asking: Asking, most: int) -> None:
        messages, sizes = self._context.messages(), self._sizes(asking)
        cuts = superseded(messages, self._context.shows, newest_from(messages, sizes, most // 4))
        self._shorten(asking, cuts, "superseded")

    def _cut_task(self, asking: Asking, most: int) -> None:
        if len(self._sizes(asking)) > 1 and self._sizes(asking)[1] > most * OF_TASK:
            self._cut(asking, [1], int(most * OF_TASK))

    def _cut_newest(self, asking: Asking, room: Room) -> None:
        """What is still too long after a summary, which itself is in its bounds."""
        sizes = self._sizes(asking)
        start = FIRST_OLD
        messages = self._context.messages()
        if start < len(messages) and is_summary(messages[start]):
            start += 1
        most = room.threshold - (self._tokens(asking) - sum(sizes[start:]))
        if sum(sizes[start:]) > most:
            self._cut(asking, range(start, len(sizes)), int(most * 0.8))

    def _cut(self, asking: Asking, places: Sequence[int], most: int) -> None:
        messages = self._context.messages()
        self._shorten(asking, to_size(messages, places, count_text, most, self._kept_whole), "size")

    def _shorten(
        self, asking: Asking, cuts: Sequence[Cut], why: Literal["superseded", "size"]
    ) -> None:
        if not cuts:
            return
        left: dict[int, Message] = {}
        for cut in cuts:
            before = left.get(cut.place, self._context.messages()[cut.place])
            left[cut.place] = cut_message(before, cut)
        tokens, sizes = self._tokens(asking), self._sizes(asking)
        saved = sum(sizes[place] - _size(left[place], asking) for place in left)
        self._scribe.record(
            Shortened(cuts=tuple(cuts), why=why, tokens_before=tokens, tokens_after=tokens - saved)
        )

    def _kept_whole(self, message: Message) -> str:
        """Put the whole of a text into the workspace, unless it is there; and say where it is."""
        folder = self._workspace.resolve() / FOLDER
        match message:
            case ToolMessage(call_id=call_id):
                name = f"{call_id}.txt"
            case UserMessage(text=text):
                if said := _said_before(text, folder):
                    return said
                digest = hashlib.sha256(text.encode(errors="replace")).hexdigest()
                name = f"words-{digest[:12]}.txt"
            case _:
                return "[... left out here; the trace of this session has it whole ...]"
        path = folder / name
        try:
            if not path.exists():
                write_beneath(self._workspace, path, message.text.encode(errors="replace"))
        except (OSError, InputError) as exc:
            return f"[... left out here, and could not be put into a file: {exc} ...]"
        return f"{_WHOLE_IN}{path}{_END}"

    # The summary

    def _sum_up(
        self, asking: Asking, room: Room, trigger: Trigger, *, all_of_it: bool = False
    ) -> bool:
        """False when the session was told to stop.

        `all_of_it`: the last exchange as well, which finds no room however short its parts are.
        """
        messages, sizes = self._context.messages(), self._sizes(asking)
        start = len(messages) if all_of_it else newest_from(messages, sizes, room.newest)
        older = messages[FIRST_OLD:start]
        if all(map(is_summary, older)):
            return True
        before, replaced = self._tokens(asking), sum(sizes[FIRST_OLD:start])
        written = self._summarizer.write(asking, room, start, replaced)
        if written is None:
            return False
        text = written.text
        if not (text and sums_up_whole(asking.model)):
            text = summary.whole(
                outstanding(self._history),
                self._said(messages[start:]),
                text,
                self._history.knowledge.known(),
                count_text,
                room.summary,
            )
        self._scribe.record(
            Compacted(
                asked_by=self._asked_by(trigger),
                summary=text,
                kept=len(messages) - start,
                model=written.model,
                usage=written.usage,
                cost_micro_usd=written.cost_micro_usd,
                dropped=start - FIRST_OLD,
                trigger=trigger,
                written_by="model" if written.text else "rules",
                tokens_before=before,
                tokens_after=before - replaced + count_text(text),
            )
        )
        return True

    def _asked_by(self, trigger: Trigger) -> str:
        requested = self._history.compact_requested
        return requested.asked_by if requested and trigger == "asked" else BY_ITSELF

    def _said(self, kept: Sequence[Message]) -> list[str]:
        """A person's words that are not before the model any more."""
        stay = [self._context.messages()[1], *kept]
        shown = [each.text for each in stay if isinstance(each, UserMessage)]
        said = (*self._history.knowledge.recalled, *self._history.said)
        return [text for text in said if not any(_is_shown(text, each) for each in shown)]


def _size(message: Message, asking: Asking) -> int:
    return count_message(message) + (count_thinking(message) if asking.thoughts else 0)


def _is_shown(text: str, shown: str) -> bool:
    """Whether this is what is left of the text, or the text itself."""
    head, is_cut, rest = shown.partition(f"\n{_WHOLE_IN}")
    tail = rest.partition(f"{_END}\n")[2]
    return text == shown or bool(is_cut and text.startswith(head) and text.endswith(tail))


def _said_before(text: str, folder: Path) -> str:
    """What was said in the place of what an earlier cut left out: it names the whole."""
    said = f"{_WHOLE_IN}{folder}/"
    found = re.search(re.escape(said) + r"words-\w+\.txt" + re.escape(_END), text)
    return found[0] if found else ""
