"""What the server will say: replies by conversation and place, each perhaps after some faults.

The place in a conversation is the number of assistant messages that the request holds, so a client
that asks again gets the same reply, also after a restart of either side. Faults come first: the
first request for a reply meets its first fault, the second its second, then the reply is given.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class Call:
    """A tool call. Arguments that are a string are sent as they are, well-formed or not."""

    name: str
    arguments: Mapping[str, Any] | str = field(default_factory=dict)
    call_id: str = ""
    """Default: one that is unique in the server."""

    @property
    def arguments_text(self) -> str:
        return self.arguments if isinstance(self.arguments, str) else json.dumps(self.arguments)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What goes wrong instead of a reply. Those of a stream come `after` so many of its frames."""

    kind: Literal[
        "status",  # an error of the dialect, or `body`, with `status` and `retry_after`
        "html",  # a web page, with `status` (200: in the place of a stream)
        "drop",  # the connection is closed without a byte
        "silence",  # nothing is ever said
        "stall",  # the stream falls silent
        "cut",  # the connection breaks in the middle of the stream
        "end",  # the stream ends in good order but incomplete
        "malformed",  # a frame that is not JSON, then the rest of the stream
        "error_event",  # the dialect's error in the middle of a stream
        "redirect",  # to the address `message`
    ]
    status: int = 200
    retry_after: str | None = None
    message: str = ""
    code: str = ""
    body: str = ""
    """In the place of the dialect's, as a provider sends it."""
    after: int = 2


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One answer of the model."""

    text: str = ""
    thinking: str = ""
    calls: tuple[Call, ...] = ()
    finish: Literal["stop", "tool_calls", "length", "content_filter"] | None = None
    """Default: `tool_calls` when there are calls, else `stop`."""
    pieces: int = 2
    """In how many pieces each text and each call's arguments come."""
    delay_s: float = 0.0
    """Before the first byte."""
    piece_delay_s: float = 0.0
    input_tokens: int | None = 100
    """All of them, cached ones included. None: the server reports no usage."""
    output_tokens: int = 10
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    frames: tuple[str, ...] = ()
    """Sent word for word in the place of what the dialect would make of the rest."""
    faults: tuple[Fault, ...] = ()
    always: Fault | None = None
    """In the place of the reply, however often it is asked for."""

    @property
    def finish_reason(self) -> str:
        return self.finish or ("tool_calls" if self.calls else "stop")


@dataclass(frozen=True, kw_only=True)
class Conversation:
    """The replies for conversations whose first words of a person match `when`."""

    when: re.Pattern[str]
    replies: Sequence[Reply]


class Script:
    """Replies by conversation; the first one that matches is taken."""

    def __init__(self, conversations: Sequence[Conversation]) -> None:
        self._conversations = conversations

    def reply(self, first_words: str, place: int) -> Reply | None:
        """The reply at `place`; None when the script is over or has no such conversation."""
        for conversation in self._conversations:
            if conversation.when.search(first_words):
                replies = conversation.replies
                return replies[place] if place < len(replies) else None
        return None


def script_of(replies: Sequence[Reply]) -> Script:
    """The same replies for every conversation."""
    return Script([Conversation(when=re.compile(""), replies=replies)])


def script_from_json(text: str) -> Script:
    """`{"conversations": [{"when": REGEX, "replies": [REPLY, ...]}], "replies": [REPLY, ...]}`.

    A REPLY has the fields of `Reply`; `replies` serve the conversations that no `when` matches.
    """
    script = json.loads(text)
    conversations = [
        Conversation(
            when=re.compile(item["when"]), replies=[_reply(each) for each in item["replies"]]
        )
        for item in script.get("conversations", [])
    ]
    rest = [_reply(each) for each in script.get("replies", [])]
    return Script([*conversations, Conversation(when=re.compile(""), replies=rest)])


def _reply(raw: Mapping[str, Any]) -> Reply:
    known = {each.name for each in fields(Reply)}
    if unknown := set(raw) - known:
        raise ValueError(f"A reply has no {sorted(unknown)}; it has {sorted(known)}.")
    parts: dict[str, Any] = dict(raw)
    parts["calls"] = tuple(Call(**each) for each in raw.get("calls", ()))
    parts["faults"] = tuple(Fault(**each) for each in raw.get("faults", ()))
    parts["always"] = Fault(**raw["always"]) if raw.get("always") else None
    parts["frames"] = tuple(raw.get("frames", ()))
    return Reply(**parts)
