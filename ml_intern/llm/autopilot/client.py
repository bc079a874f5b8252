"""The autopilot as a model client: conversation in, words and tool calls out. No model, no cost."""

import json
from collections.abc import Callable, Sequence

from ml_intern.errors import Refused
from ml_intern.llm.autopilot.decide import decide
from ml_intern.llm.autopilot.fold import fold
from ml_intern.llm.autopilot.step import Step
from ml_intern.llm.client import ModelReply, ignore_text, never
from ml_intern.messages import AssistantMessage, CallId, Message, ToolCall, ToolSpec, Usage

NAME = "autopilot"
NO_WORDS = (
    "The autopilot plans with tools and writes nothing without them. Its conversation never grows "
    "too long, so there is nothing to sum up."
)


class Autopilot:
    """A planner by rules. It keeps nothing between requests, so any thread may ask it anything."""

    name = NAME
    parks = False
    """A step that waits for a yes is its only one: words in between end it, and it plans anew."""

    def complete(
        self,
        messages: Sequence[Message],
        tools: Sequence[ToolSpec],
        *,
        on_text: Callable[[str], None] = ignore_text,
        cancelled: Callable[[], bool] = never,
    ) -> ModelReply:
        """The next step. The same conversation gives the same reply.

        Raises Refused, with the words for the person, when the task cannot be done or was given up.
        """
        if not tools:
            raise Refused(NO_WORDS)
        step = decide(fold(messages, frozenset(tool.name for tool in tools)))
        if step.failed:
            raise Refused(step.text)
        if step.text:
            on_text(step.text)
        return ModelReply(
            message=AssistantMessage(text=step.text, tool_calls=_calls(step, messages)),
            stop_reason="tool_calls" if step.actions else "end",
            model=NAME,
            cost_micro_usd=0,
        )

    def worst_cost_micro_usd(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec], known: Usage | None
    ) -> int | None:
        """Nothing, ever."""
        return 0


def _calls(step: Step, messages: Sequence[Message]) -> tuple[ToolCall, ...]:
    """The actions with ids that count on from the calls of the conversation."""
    before = sum(len(m.tool_calls) for m in messages if isinstance(m, AssistantMessage))
    return tuple(
        ToolCall(
            call_id=CallId(f"autopilot-{before + index}"),
            name=action.name,
            arguments=json.dumps(action.arguments, ensure_ascii=False),
        )
        for index, action in enumerate(step.actions)
    )
