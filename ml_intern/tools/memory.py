"""The model's own memory: short facts that every compaction of the conversation keeps."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from ml_intern.events import Effect, Fact, Recovery
from ml_intern.tools.facts import pinned
from ml_intern.tools.protocol import Arguments, Tool, ToolContext, ToolOutcome, fail, succeed

MOST_PINS = 40
MOST_CHARS = 4_000
"""Of all pins together: they stand in every request."""

Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=1_000)]


class MemoryArguments(Arguments):
    """What to do, and with what."""

    action: Literal["pin", "list", "unpin"]
    text: Text = Field("", description="The fact, in one or two sentences; for `pin`.")
    id: str = Field("", description="Of a pin, as `list` says it; for `unpin`.")


class Memory(Tool[MemoryArguments]):
    """Pins are facts of the session."""

    name: ClassVar[str] = "memory"
    description: ClassVar[str] = (
        "Pin a short fact that must outlive every summary of this conversation (a decision and "
        "its reason, a path, a number, an id), list what is pinned, or unpin what counts no more."
    )
    arguments = MemoryArguments
    effect: ClassVar[Effect] = "read"
    recovery: ClassVar[Recovery] = "pure"
    goes_alone: ClassVar[bool] = True

    def run(self, args: MemoryArguments, ctx: ToolContext) -> ToolOutcome:
        pins = pinned(ctx.facts)
        match args.action:
            case "list":
                return succeed({"pins": [{"id": key, "text": pins[key]} for key in pins]})
            case "pin":
                return self._pin(args.text, pins, ctx)
            case "unpin":
                return self._unpin(args.id, pins)

    def _pin(self, text: str, pins: dict[str, str], ctx: ToolContext) -> ToolOutcome:
        if not text:
            return fail("Say in `text` what to pin.")
        same = next((key for key, known in pins.items() if known == text), None)
        if same is not None:
            return succeed({"pinned": same, "note": "It was pinned already."})
        chars = sum(map(len, pins.values()))
        if len(pins) >= MOST_PINS or chars + len(text) > MOST_CHARS:
            return fail(
                f"There is room for {MOST_PINS} pins of {MOST_CHARS:,} characters together; there "
                f"are {len(pins)} of {chars:,}. Unpin what counts no more, or say it shorter.",
                pins=pins,
            )
        key = ctx.call_id.removeprefix("call_")[:6]
        return succeed({"pinned": key}, Fact(kind="pin", data={"id": key, "text": text}))

    def _unpin(self, key: str, pins: dict[str, str]) -> ToolOutcome:
        if key not in pins:
            return fail(f"Nothing is pinned as {key!r}.", pins=pins)
        return succeed({"unpinned": key}, Fact(kind="unpin", data={"id": key}))
