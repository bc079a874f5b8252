"""What can be asked of a session. Ops are orders; they are stored before they are acknowledged.

A closed union: the handlers in `ml_intern/session/handlers.py` match it and end in `assert_never`.
"""

from dataclasses import dataclass
from functools import cache
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic_core import PydanticSerializationError

from ml_intern.effort import Effort
from ml_intern.errors import InputError
from ml_intern.messages import ApprovalId, CallId, Choice


@dataclass(frozen=True, kw_only=True)
class UserInput:
    """A person says something: the task, an answer, or steering on the way."""

    kind: Literal["user_input"] = "user_input"
    text: str
    author: str


@dataclass(frozen=True, kw_only=True)
class ApprovalDecision:
    """A person has decided about one call; the session goes on with it.

    Written by `Store.decide` alone, in one transaction with the `ApprovalDecided` event that says
    how.
    """

    kind: Literal["approval_decision"] = "approval_decision"
    approval_id: ApprovalId


@dataclass(frozen=True, kw_only=True)
class ResolveUnknown:
    """A person says what is to become of a call whose effect nobody can look up.

    Accepted through `ml_intern/session/unknowns.py` alone, once for each time that a call is lost.
    """

    kind: Literal["resolve_unknown"] = "resolve_unknown"
    call_id: CallId
    choice: Choice
    resolved_by: str
    note: str = ""
    """For the model."""


@dataclass(frozen=True, kw_only=True)
class Interrupt:
    """Stop the turn. Travels in the control lane: never waits behind the turn that it stops."""

    kind: Literal["interrupt"] = "interrupt"
    asked_by: str
    reason: str = ""
    cancel_jobs: bool = True


@dataclass(frozen=True, kw_only=True)
class Resume:
    """What a session waited for has come, or its worker left in the middle of a turn."""

    kind: Literal["resume"] = "resume"
    on: str
    """What has come, as in `TurnFinished.waiting_on`: `job:ID`, `model:TIME`."""


@dataclass(frozen=True, kw_only=True)
class Expire:
    """Nobody answered a question in time; the model goes on without an answer."""

    kind: Literal["expire"] = "expire"
    call_id: CallId


@dataclass(frozen=True, kw_only=True)
class ExtendBudget:
    """There is more room under a cap; the session goes on.

    Written by `Store.extend` alone, in one transaction with the `BudgetExtended` event that says
    how much.
    """

    kind: Literal["extend_budget"] = "extend_budget"
    cap: str
    """As in `BudgetReached`."""
    key: str | None = None
    """By which whoever gave it may ask for it again; it counts once."""


@dataclass(frozen=True, kw_only=True)
class Undo:
    """Take the last words of a person, and what followed, out of the conversation.

    What was done to files, jobs and the outside stays done.
    """

    kind: Literal["undo"] = "undo"
    asked_by: str


@dataclass(frozen=True, kw_only=True)
class Compact:
    """Put a summary in the place of the older part of the conversation, however short it is."""

    kind: Literal["compact"] = "compact"
    asked_by: str


@dataclass(frozen=True, kw_only=True)
class ChangeModel:
    """Ask another model from now on."""

    kind: Literal["change_model"] = "change_model"
    model: str
    asked_by: str
    effort: Effort | None = None
    """With which models are asked to think from now on; None: as before."""


Op = (
    UserInput
    | ApprovalDecision
    | ResolveUnknown
    | Interrupt
    | Resume
    | Expire
    | ExtendBudget
    | Undo
    | Compact
    | ChangeModel
)


@cache
def _adapter() -> TypeAdapter[Op]:
    return TypeAdapter(
        Annotated[Op, Field(discriminator="kind")], config=ConfigDict(extra="forbid")
    )


def encode(op: Op) -> str:
    """The op as JSON text. Raises InputError for text that no UTF-8 can hold."""
    try:
        return _adapter().dump_json(op).decode()
    except PydanticSerializationError as exc:
        raise InputError("The text has half surrogates in it; send valid Unicode.") from exc


def decode(text: str | bytes) -> Op:
    """The inverse of `encode`. Raises pydantic.ValidationError for an unknown kind or a wrong
    field.
    """
    return _adapter().validate_json(text)
