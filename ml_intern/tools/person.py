"""Asking the person: a question in words, or a yes to changing what they asked for."""

import json
from typing import ClassVar

from pydantic import Field

from ml_intern.events import Effect, Fact, Recovery
from ml_intern.tools.protocol import Arguments, Tool, ToolContext, ToolOutcome, Waiting, succeed


class QuestionArguments(Arguments):
    """One question."""

    question: str = Field(min_length=1, max_length=4000)


class AskPerson(Tool[QuestionArguments]):
    """Waits for a person's words; the handler of `UserInput` answers the call with them."""

    name: ClassVar[str] = "ask_person"
    description: ClassVar[str] = (
        "Ask the person one precise question and wait for the answer. "
        "Only for what you cannot find out or decide yourself."
    )
    arguments = QuestionArguments
    effect: ClassVar[Effect] = "read"
    recovery: ClassVar[Recovery] = "pure"

    def run(self, args: QuestionArguments, ctx: ToolContext) -> Waiting:
        return Waiting(on=f"answer:{ctx.call_id}", question=args.question)


class RequestArguments(Arguments):
    """One request that is open."""

    request: str = Field(min_length=6, description="Its id, as you were told, e.g. call_1a2b3c4d.")


class WithdrawRequest(Tool[RequestArguments]):
    """Ends a call that waits for a person's yes, before anybody decides; the turn does it."""

    name: ClassVar[str] = "withdraw_request"
    description: ClassVar[str] = (
        "Withdraw a call of yours that still waits for a person's yes and is not wanted any more. "
        "It will not run."
    )
    arguments = RequestArguments
    effect: ClassVar[Effect] = "read"
    recovery: ClassVar[Recovery] = "pure"

    def run(self, args: RequestArguments, ctx: ToolContext) -> ToolOutcome:
        document = json.dumps({"withdrawn": args.request})
        return ToolOutcome(ok=True, output=document, withdraws=args.request)


class ChangeArguments(Arguments):
    """One change to what was asked for."""

    what: str = Field(min_length=1, description="The setting or requirement, e.g. learning_rate.")
    was: str = Field(description="What the person asked for.")
    becomes: str = Field(min_length=1, description="What you want to use instead.")
    why: str = Field(min_length=1, description="The evidence, with numbers.")


class ProposeChange(Tool[ChangeArguments]):
    """Runs only after a person's yes, and then says so."""

    name: ClassVar[str] = "propose_change"
    description: ClassVar[str] = (
        "Ask for a yes before you change anything that the person asked for explicitly "
        "(a hyperparameter, the model, the data, the target)."
    )
    arguments = ChangeArguments
    effect: ClassVar[Effect] = "external"
    # It touches nothing, so it may simply be said again.
    recovery: ClassVar[Recovery] = "pure"
    is_question: ClassVar[bool] = True

    def run(self, args: ChangeArguments, ctx: ToolContext) -> ToolOutcome:
        agreed = {"what": args.what, "was": args.was, "becomes": args.becomes}
        return succeed({"agreed": True, **agreed}, Fact(kind="change_agreed", data=agreed))

    def ask_reason(self, args: ChangeArguments, ctx: ToolContext) -> str:
        return f"Change {args.what} from {args.was} to {args.becomes}."
