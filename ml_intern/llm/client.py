"""The one protocol between a turn and any model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, cast

from ml_intern.effort import Effort
from ml_intern.messages import AssistantMessage, CallId, Message, ToolSpec, Usage


@dataclass(frozen=True, kw_only=True)
class ModelReply:
    """One answer of a model, with what it took."""

    message: AssistantMessage
    stop_reason: Literal["end", "tool_calls", "length"]
    model: str
    usage: Usage = field(default_factory=Usage)
    cost_micro_usd: int | None = None
    """None: the price is unknown. 0: the model is on the list of free ones."""
    effort: Effort | None = None
    """With which it was asked to think, often less than wanted; None: as it does by itself."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """How much a model takes and gives, in tokens of its own."""

    tokens: int
    """Request and answer together."""
    answer: int
    """Kept free for the answer; part of `tokens`."""
    thoughts: bool = False
    """Whether its thoughts of the run of calls under way are part of a request."""
    source: str
    """Who said so, for people: `the server`, `LiteLLM's list`, `context_windows`, `a guess`."""


def window_of(model: object) -> Window | None:
    """The window of a model. None: it does not go by the length of a conversation, or its server,
    which alone may know, is away; a request to it will say so.

    May ask the model's server, for seconds at most; a server that does not say is no error.
    """
    found = getattr(model, "window", None)
    return None if found is None else cast("Window | None", found())


def goes_by_length(model: object) -> bool:
    """Whether it reads the conversation as it is, so that rules may sum it up for it."""
    return hasattr(model, "window")


def ignore_text(_piece: str) -> None:
    """The `on_text` of a caller that does not show text as it streams."""


def never() -> bool:
    """The `cancelled` of a caller that waits however long it takes."""
    return False


def can_park(model: object) -> bool:
    """Whether a model can go on while a call of its own still waits for a person.

    A planner that cannot says so by `parks = False`.
    """
    return bool(getattr(model, "parks", True))


def sums_up_whole(model: object) -> bool:
    """Whether its summaries say all that is to take the place of a conversation's older part.

    Those of a recording do, and say so by `whole_summaries = True`; to those of any other model the
    turn adds what stands, and what the journal knows.
    """
    return bool(getattr(model, "whole_summaries", False))


@dataclass(frozen=True, kw_only=True)
class SoFar:
    """What has happened in a session, for a model that goes by more than the conversation."""

    workspace: str
    answers: Sequence[Sequence[CallId]]
    """For each answer that any model has given, oldest first, the ids of its calls."""
    summaries: int
    """How often the conversation was summed up."""
    failures: Sequence[tuple[str, str]] = ()
    """For each request since the last answer that got none, the model and what it said."""


def in_session(model: "ModelClient", so_far: Callable[[], SoFar]) -> "ModelClient":
    """The client to be asked in one session.

    A model that wants to know what has happened there has a method `in_session` of its own, which
    takes `so_far` and gives that client; any other is asked as it is.
    """
    bound = getattr(model, "in_session", None)
    return model if bound is None else cast("ModelClient", bound(so_far))


def with_effort(model: "ModelClient", effort: Effort) -> "ModelClient":
    """The client that is asked to think with `effort`, as far as the model can.

    A model that can has a method `with_effort` of its own; any other is asked as it is.
    """
    bound = getattr(model, "with_effort", None)
    return model if bound is None else cast("ModelClient", bound(effort))


class ModelClient(Protocol):
    """A model, wherever it runs. Safe to use from several threads at once."""

    name: str
    """As the settings write it, e.g. `autopilot`."""

    def complete(
        self,
        messages: Sequence[Message],
        tools: Sequence[ToolSpec],
        *,
        on_text: Callable[[str], None] = ignore_text,
        cancelled: Callable[[], bool] = never,
    ) -> ModelReply:
        """Answer the conversation, with words or with tool calls.

        `messages` starts with the system message; every tool call in it has its one answer.
        Without `tools` the answer can only be words; a planner that has none raises Refused.
        `on_text` is called with each piece of text as it arrives; `cancelled` is looked at at least
        five times a second, also while a provider is silent.
        Raises Retryable, ContextOverflow or Refused (`ml_intern/errors.py`), each with the text
        that had arrived, and Interrupted when `cancelled`.
        """
        ...

    def worst_cost_micro_usd(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec], known: Usage | None
    ) -> int | None:
        """What `complete` may cost at worst, in millionths of a US dollar.

        0: the model is on the list of free ones. None: unknown, which is for a person to allow.
        `known` is what the last answer in `messages` took, if all before it was sent as it stands.
        """
        ...
