"""Cutting parts of messages, so that a conversation fits: what to cut, and what remains. Pure.

A cut is an event (`events.Shortened`); the journal and the trace keep the whole.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ml_intern.events import Cut
from ml_intern.messages import AssistantMessage, CallId, Message, ToolCall, ToolMessage
from ml_intern.wording import with_gap

SHORT_CHARS = 400
"""A text that is no longer is not worth a cut."""
LEAST_CHARS = 200
"""That remain of a part, however little room there is."""
MOST_OVER = 2
"""Times what was allowed that arguments may be, with many strings each short enough."""
OF_HEAD = 2 / 3
"""Of what remains; the rest is tail."""
LATER = "[Left out: a later call shows the same, as it is now]"


def cut_message(message: Message, cut: Cut) -> Message:
    """The message as the model sees it from now on."""
    match cut.part, message:
        case "text", _:
            return replace(message, text=cut_text(message.text, cut))
        case "thinking", AssistantMessage():
            return replace(message, thinking=cut_text(message.thinking, cut), signed=())
        case "arguments", AssistantMessage():
            calls = tuple(_cut_call(call, cut) for call in message.tool_calls)
            return replace(message, tool_calls=calls)
        case _:
            return message


def cut_text(text: str, cut: Cut) -> str:
    """Head, note and tail; the text itself where that is no shorter."""
    return with_gap(text, cut.head, cut.note, cut.tail)


def superseded(messages: Sequence[Message], shows: Mapping[CallId, str], before: int) -> list[Cut]:
    """Outputs before the place `before` of which a later one shows the same thing as it is now.

    `shows`: what the output of a call is a picture of, e.g. `file:train.py`.
    """
    newest: dict[str, int] = {}
    for place, message in enumerate(messages):
        if not isinstance(message, ToolMessage) or message.is_error:
            continue
        if (shown := shows.get(message.call_id)) is not None:
            newest[shown] = place
    return [
        Cut(place=place, part="text", head=0, tail=0, note=LATER)
        for place, message in enumerate(messages[:before])
        if isinstance(message, ToolMessage)
        and len(message.text) > SHORT_CHARS
        and newest.get(shows.get(message.call_id, ""), place) > place
    ]


def to_size(
    messages: Sequence[Message],
    places: Iterable[int],
    tokens: Callable[[str], int],
    most: int,
    note: Callable[[Message], str],
) -> list[Cut]:
    """Cuts that bring the long parts of the messages at `places` down to `most` tokens together.

    The longest are cut first, all to the same length; short ones stay. `note`: what is said of a
    message's part in the place of what is left out.
    """
    parts = [part for place in places for part in _parts(place, messages[place])]
    sizes = [tokens(text) for _, _, text in parts]
    cap = level(sizes, most)
    cuts: dict[tuple[int, str], Cut] = {}
    for (place, part, text), size in zip(parts, sizes, strict=True):
        if size <= cap or len(text) <= SHORT_CHARS:
            continue
        said = note(messages[place])
        chars = max(LEAST_CHARS, len(text) * cap // size - len(said))
        head = int(chars * OF_HEAD)
        cuts[place, part] = Cut(place=place, part=part, head=head, tail=chars - head, note=said)
    return list(cuts.values())


def level(sizes: Sequence[int], most: int) -> int:
    """The size to which all larger ones must be cut for the sum of all to be `most`."""
    left, count = most, len(sizes)
    for size in sorted(sizes):
        if size * count >= left:
            return max(0, left // count)
        left -= size
        count -= 1
    return max(sizes, default=0)


_Part = tuple[int, Any, str]


def _parts(place: int, message: Message) -> Iterable[_Part]:
    yield place, "text", message.text
    if isinstance(message, AssistantMessage):
        if message.thinking:
            yield place, "thinking", message.thinking
        for call in message.tool_calls:
            yield place, "arguments", call.arguments


def _cut_call(call: ToolCall, cut: Cut) -> ToolCall:
    """Each long string in the arguments; the whole where that is not enough, or is no JSON."""
    try:
        arguments = json.loads(call.arguments)
    except (ValueError, RecursionError):
        return replace(call, arguments=cut_text(call.arguments, cut))
    shorter = json.dumps(_cut_value(arguments, cut), ensure_ascii=False)
    if len(shorter) > len(call.arguments) or len(shorter) > MOST_OVER * (cut.head + cut.tail):
        whole = {"arguments": cut_text(call.arguments, cut)}
        shorter = json.dumps(whole, ensure_ascii=False)
    return replace(call, arguments=min(shorter, call.arguments, key=len))


def _cut_value(value: Any, cut: Cut) -> Any:
    match value:
        case str():
            return cut_text(value, cut)
        case list():
            return [_cut_value(each, cut) for each in value]
        case dict():
            return {name: _cut_value(each, cut) for name, each in value.items()}
        case _:
            return value
