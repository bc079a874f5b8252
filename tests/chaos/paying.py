"""What costs money in the suite: a tool that orders something outside, and a model with a price.

Each order asks for the answer that it is to get: its words are what whoever decides goes by.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from ml_intern.llm.client import ModelReply
from ml_intern.messages import AssistantMessage, Message, ToolSpec
from ml_intern.tools.protocol import Arguments, Tool, ToolContext, ToolOutcome

Wanted = Literal["approve", "deny", "edit", "like", "slack", "edited"]
"""`like`: approved with all like it. `slack`: decided there. `edited`: what an edit makes of it."""
ORDERS = "orders.txt"
"""In the workspace: a line for each order that was taken, its label and its words."""
CENT = 10_000
"""In millionths of a dollar."""
WORST, REAL = 40 * CENT, 10 * CENT
"""Of one order."""
TAKES_S = 0.1
PAID = "chaos-paid"
"""The model of the suite, at a price."""
REPLY_WORST, REPLY_REAL = 5 * CENT, CENT


class OrderArguments(Arguments):
    """One order."""

    label: str
    words: Wanted


class Order(Tool[OrderArguments]):
    """Orders something outside; nobody can look up whether it was done."""

    name: ClassVar[str] = "order"
    description: ClassVar[str] = "Order something outside, for money."
    arguments = OrderArguments
    effect: ClassVar[Any] = "external"

    def worst_cost_micro_usd(self, args: OrderArguments, ctx: ToolContext) -> int:
        """The same for all."""
        return WORST

    def run(self, args: OrderArguments, ctx: ToolContext) -> ToolOutcome:
        """The second of three is free: what was reserved for it comes back."""
        with Path(ctx.place.workspace / ORDERS).open("a") as orders:
            orders.write(f"{args.label} {args.words}\n")
        time.sleep(TAKES_S)
        cost = 0 if args.label.endswith(".1") else REAL
        return ToolOutcome(ok=True, output=f"ordered {args.label}", cost_micro_usd=cost)


def at_a_price(
    answer: Callable[[Sequence[Message], Sequence[ToolSpec]], AssistantMessage | str],
) -> Callable[[Sequence[Message], Sequence[ToolSpec]], ModelReply]:
    """The same answers, each of which costs."""

    def paid(messages: Sequence[Message], tools: Sequence[ToolSpec]) -> ModelReply:
        said = answer(messages, tools)
        message = AssistantMessage(text=said) if isinstance(said, str) else said
        return ModelReply(
            message=message,
            stop_reason="tool_calls" if message.tool_calls else "end",
            model=PAID,
            cost_micro_usd=REPLY_REAL,
        )

    return paid
