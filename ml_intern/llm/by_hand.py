"""The model of a call that a person makes by hand: `by-hand`. It thinks nothing of its own.

A person's words are one call, as JSON: `{"tool": NAME, "arguments": {...}}`. It is made, under the
policy and with the records of any other call; its answer is the answer of the session.
"""

from collections.abc import Callable, Sequence

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError
from pydantic_core import to_json

from ml_intern.errors import Refused
from ml_intern.llm.client import ModelReply, ignore_text, never
from ml_intern.messages import (
    AssistantMessage,
    CallId,
    Message,
    ToolCall,
    ToolMessage,
    ToolSpec,
    Usage,
    UserMessage,
)

NAME = "by-hand"


class Call(BaseModel):
    """What a person wants called."""

    model_config = ConfigDict(extra="forbid")

    tool: str
    arguments: dict[str, JsonValue] = {}


def title_of(task: str) -> str:
    """What lists call a session that begins with this call: `read_paper by hand: two.pdf, 3.1`."""
    try:
        call = Call.model_validate_json(task)
    except ValidationError:
        return task
    given = (str(value) for value in call.arguments.values() if isinstance(value, str | int))
    told = ", ".join(each for each in given if each)
    return f"{call.tool} by hand{f': {told}' if told else ''}"


class ByHand:
    """Keeps nothing between requests, so any thread may ask it anything."""

    name = NAME

    def complete(
        self,
        messages: Sequence[Message],
        tools: Sequence[ToolSpec],
        *,
        on_text: Callable[[str], None] = ignore_text,
        cancelled: Callable[[], bool] = never,
    ) -> ModelReply:
        """The call that the person's last words are, then what it answered. Raises Refused."""
        if not tools:
            raise Refused(f"{NAME} has no words of its own, so it sums up nothing.")
        for message in reversed(messages):
            match message:
                case ToolMessage():
                    return _reply(AssistantMessage(text=message.text or "(an empty answer)"))
                case UserMessage(injected=False):
                    return _reply(AssistantMessage(tool_calls=(_called(message.text),)))
                case _:
                    pass
        raise Refused("Nobody has said what is to be called.")

    def worst_cost_micro_usd(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec], known: Usage | None
    ) -> int | None:
        """Nothing, ever."""
        return 0


def _called(text: str) -> ToolCall:
    try:
        call = Call.model_validate_json(text)
    except ValidationError as exc:
        where = exc.errors(include_url=False)[0]
        raise Refused(
            f'A call by hand is JSON such as {{"tool": "read", "arguments": {{}}}}; '
            f"{'.'.join(map(str, where['loc'])) or 'this'}: {where['msg']}."
        ) from exc
    return ToolCall(
        call_id=CallId("by-hand"), name=call.tool, arguments=to_json(call.arguments).decode()
    )


def _reply(message: AssistantMessage) -> ModelReply:
    return ModelReply(
        message=message,
        stop_reason="tool_calls" if message.tool_calls else "end",
        model=NAME,
        cost_micro_usd=0,
    )
