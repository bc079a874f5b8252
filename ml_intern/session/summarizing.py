"""Having a model sum up the older part of a conversation, where one can and does."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ml_intern.context import compaction, summary
from ml_intern.context.counting import count_message, count_text
from ml_intern.context.room import Room
from ml_intern.errors import Interrupted, MLInternError, ModelError, OverBudget, Retryable
from ml_intern.events import ModelAsked
from ml_intern.llm.client import ModelClient, ModelReply, Window, goes_by_length
from ml_intern.messages import Message, ToolSpec, Usage
from ml_intern.session.budget import price
from ml_intern.session.failures import cut_off, failure
from ml_intern.session.ground import Ground
from ml_intern.session.outstanding import outstanding

TOKENS_A_WORD = 3
"""Of a summary: paths and numbers are long words."""
BY_RULES = "the summary is made of the journal"
WROTE_NONE = "it wrote no summary"
MOST_TRIES = 3
"""Of a model that does not answer when it is asked for a summary; then rules write it."""
MOST_IN_VAIN, AGAIN_AFTER = 3, 10
"""Summaries in a row that no model wrote, after which rules write them unasked; and one of so many
is asked for all the same.
"""


class NotCompacted(MLInternError):
    """There was nothing to sum up, or nobody who could; for people."""


@dataclass(frozen=True, kw_only=True)
class Asking:
    """The model that is to be asked next, and what goes with every request to it."""

    name: str
    """As the settings write it."""
    model: ModelClient
    window: Window | None
    """None: it does not go by the length of a conversation, or its server is away."""
    tools: Sequence[ToolSpec]
    is_away: bool = False
    """It would not answer now, so nothing is asked of it."""

    @property
    def may_be_by_rules(self) -> bool:
        """Whether rules may sum up for it; else it alone knows what it makes of a conversation."""
        return goes_by_length(self.model)

    @property
    def thoughts(self) -> bool:
        """Whether its thoughts of the run of calls under way are part of a request."""
        return self.window is not None and self.window.thoughts


@dataclass(frozen=True, kw_only=True)
class Written:
    """What a model wrote, and what it took; empty and for nothing where none was asked."""

    text: str = ""
    model: str = ""
    usage: Usage = field(default_factory=Usage)
    cost_micro_usd: int | None = 0


class Summarizer:
    """Owned by one turn; not thread-safe."""

    def __init__(self, ground: Ground) -> None:
        self._scribe, self._history, self._context = ground.scribe, ground.history, ground.context
        self._budget, self._signals = ground.budget, ground.signals
        self._tries = 0

    def write(self, asking: Asking, room: Room, start: int, replaced: int) -> Written | None:
        """By the model, or nothing for the rules to fill; None when the session is to stop.

        Of what stands before the place `start`, which has `replaced` tokens. Raises Retryable and
        NotCompacted, see `Compactor.fit`.
        """
        if self._is_in_vain(asking):
            return Written()
        messages = self._context.messages()
        request = compaction.request_for(
            messages,
            self._context.sizes(with_thoughts=asking.thoughts),
            start,
            room.threshold,
            stands=outstanding(self._history).text(),
            words=room.summary // TOKENS_A_WORD,
        )
        try:
            self._ask_for(asking, request)
            reply = asking.model.complete(request, (), cancelled=self._signals.is_called_off)
        except OverBudget as exc:
            if not asking.may_be_by_rules:
                raise NotCompacted(str(exc)) from exc
            return Written()  # nothing was recorded, so nothing was asked
        except ModelError as exc:
            self._give_up_on(asking, exc)
            return Written()
        except Interrupted as cut:
            self._scribe.record(cut_off(asking.name, cut))
            return None
        self._tries = 0
        return Written(
            text=self._usable(asking, reply, replaced),
            model=reply.model,
            usage=reply.usage,
            cost_micro_usd=price(reply.cost_micro_usd),
        )

    def _usable(self, asking: Asking, reply: ModelReply, replaced: int) -> str:
        """What it wrote; empty where rules do better. Raises NotCompacted where they may not."""
        text = reply.message.text.strip()
        if not any(map(str.isalnum, text)):  # signs that nobody can see, or that say nothing
            text = ""
        if asking.may_be_by_rules:
            is_whole = reply.stop_reason == "end" and not reply.message.tool_calls
            is_of_use = is_whole and not summary.is_longer(text, replaced, count_text)
            return text if is_of_use else ""
        if not text:
            self._scribe.record(failure(reply.model, ModelError(WROTE_NONE)))
            raise NotCompacted(f"{reply.model}: {WROTE_NONE}")
        return text

    def _is_in_vain(self, asking: Asking) -> bool:
        """Whether none is asked: it would not answer, or models have not for so long."""
        if asking.is_away:
            return True
        if not asking.may_be_by_rules or self._history.compact_requested is not None:
            return False
        by_rules = self._history.by_rules
        return by_rules >= MOST_IN_VAIN and by_rules % AGAIN_AFTER != 0

    def _give_up_on(self, asking: Asking, exc: ModelError) -> None:
        """Rules write the summary now.

        Raises Retryable while it may be asked again, and NotCompacted for a model that makes of a
        conversation what nobody else can sum up.
        """
        self._tries += 1
        if isinstance(exc, Retryable) and self._tries < MOST_TRIES:
            raise exc
        name = asking.name
        if not asking.may_be_by_rules:
            self._scribe.record(failure(name, exc))
            raise NotCompacted(str(exc)) from exc
        self._scribe.record(failure(name, exc, remedy=BY_RULES))

    def _ask_for(self, asking: Asking, request: Sequence[Message]) -> None:
        """Raises OverBudget."""
        spend = self._budget.for_model(asking.model, request, ())
        self._scribe.record(
            ModelAsked(
                model=asking.name,
                iteration=self._history.iterations,
                spend=spend,
                purpose="summary",
                tokens=sum(count_message(message) for message in request),
            )
        )
