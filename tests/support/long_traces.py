"""Traces of any length, made up: what is said in them is of the sizes that real sessions have.

The same arguments give the same bytes.
"""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Literal

from ml_intern.messages import SessionId, Usage
from ml_intern.tracing.chain import Chain, Entry
from ml_intern.tracing.mark import Place
from ml_intern.transcript.line import (
    Answered,
    Body,
    Compacted,
    JsonObject,
    Replied,
    Said,
    Text,
    Thinking,
    ToolUse,
    TurnTook,
    encode,
)

Kind = Literal["turns", "one-turn", "compacted", "long-line"]
KINDS: tuple[Kind, ...] = ("turns", "one-turn", "compacted", "long-line")

SESSION = SessionId("33333333-3333-4333-8333-333333333333")
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
EXCHANGES_PER_TURN = 12
EXCHANGES_PER_COMPACTION = 200
KEPT = 6
LONG_LINE_BYTES = 60_000_000
_POOL = 200
"""Different outputs, words and scripts; they come again and again."""
_ENDS = ("", "saved checkpoint-00100", "größer 📈", "lr 3.00e-04")
_TOOLS = ("bash", "read", "write", "python", "train", "evaluate")

_Saying = tuple[Body, JsonObject]
_END: _Saying = (TurnTook(duration_ms=60_000), {"outcome": "finished"})


def write(
    path: Path,
    kind: Kind,
    size_bytes: int,
    *,
    line_bytes: int = LONG_LINE_BYTES,
    exchanges_per_compaction: int = EXCHANGES_PER_COMPACTION,
) -> int:
    """Write one session in one file of at least this size; how many exchanges it has.

    An exchange is an answer with a call, and its result: about 10 kB. `turns`: a person speaks
    every `EXCHANGES_PER_TURN` of them, in a session that is never summed up; `compacted`: the same,
    summed up as often as a model's context makes it; `one-turn`: a person speaks once; `long-line`:
    as `turns`, with one result of `line_bytes`.
    """
    session, exchanges = _Session(), 0
    ends = Answered if kind == "one-turn" else TurnTook
    with path.open("wb") as file:
        for body, extra in _bodies(kind, line_bytes, exchanges_per_compaction):
            file.write(session.line(body, extra))
            exchanges += isinstance(body, Answered)
            if file.tell() >= size_bytes and isinstance(body, ends):
                break
        if kind == "one-turn":
            file.write(session.line(*_END))
    return exchanges


class _Session:
    """Gives what is said its place, time and links."""

    def __init__(self) -> None:
        self._chain = Chain(SESSION)
        self._at = BEGAN
        self._number = 0

    def line(self, body: Body, extra: JsonObject) -> bytes:
        self._number += 1
        self._at += timedelta(seconds=3)
        entry = Entry(
            place=Place(self._number, 0),
            at=self._at,
            version="0.1.0",
            body=body,
            extra=extra,
            calls_are_open=isinstance(body, Answered),
            may_begin_part=False,
        )
        return b"".join(map(encode, self._chain.add(entry)))


def _bodies(kind: Kind, line_bytes: int, exchanges: int) -> Iterator[_Saying]:
    """Without an end."""
    chance = random.Random(7)
    outputs = [_output(chance) for _ in range(_POOL)]
    scripts = [_script(chance) for _ in range(_POOL)]
    yield _said("Fine-tune a classifier on the digits, 95 % on the held-out images."), {}
    for number in count():
        yield _reply(number, chance.choice(scripts)), {"durationMs": 2_000}
        output = chance.choice(outputs)
        if kind == "long-line" and number == EXCHANGES_PER_TURN // 2:
            output = output * (line_bytes // len(json.dumps(output)))
        yield _answered(number, output), {}
        if (number + 1) % EXCHANGES_PER_TURN == 0 and kind != "one-turn":
            is_full = (number + 1) % exchanges < EXCHANGES_PER_TURN
            yield from _between(number, compacted=kind == "compacted" and is_full)


def _between(number: int, *, compacted: bool) -> Iterator[_Saying]:
    """The end of a turn, and what the next one begins with."""
    yield _END
    if compacted:
        yield Compacted(after="", before_tokens=180_000), {}
        yield Said(text="So far: the loss falls. " * 80, is_summary=True), {"kept": KEPT}
    yield _said(f"Go on with step {number}, and look at the learning rate."), {}


def _said(text: str) -> Said:
    return Said(text=text)


def _reply(number: int, script: str) -> Replied:
    use = ToolUse(
        use_id=f"call_{number:08}",
        name=_TOOLS[number % len(_TOOLS)],
        input={"command": "python train.py --lr 3e-4", "script": script, "timeout_s": 600},
    )
    return Replied(
        message_id=f"msg_{number:08}",
        request_id=f"req_{number:08}",
        model="claude-sonnet-4-5",
        blocks=(
            Thinking(text="The validation loss is above that of training. " * 8),
            Text(text=f"Step {number}: I look at the loss, and then at the confusion matrix."),
            use,
        ),
        stop_reason="tool_use",
        usage=Usage(input_tokens=900, output_tokens=300, cache_read_tokens=60_000),
        cost_usd=0.03,
    )


def _answered(number: int, output: str) -> Answered:
    return Answered(
        use_id=f"call_{number:08}",
        text=output,
        is_error=number % 40 == 3,
        details={"tool": _TOOLS[number % len(_TOOLS)], "durationMs": 1_500},
        asked_in="",
    )


def _output(chance: random.Random) -> str:
    """Lines of a log, 1 to 14 kB."""
    return "\n".join(
        f"epoch {step // 100} step {step:5} loss {chance.random():.4f} "
        f"accuracy {chance.random():.4f} {chance.choice(_ENDS)}"
        for step in range(chance.randrange(15, 260))
    )


def _script(chance: random.Random) -> str:
    return "\n".join(
        f"model.layers[{chance.randrange(40)}].weight.data.mul_({chance.random():.6f})  # scaled"
        for _ in range(chance.randrange(2, 40))
    )
