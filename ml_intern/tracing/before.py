"""Which line of a trace holds each message that is before the model.

Compactions and cuts name messages by their place in the conversation; whoever reads a file knows
lines. The same fold as the model's own conversation, without its texts. Not thread-safe.
"""

from dataclasses import replace

from ml_intern.context import compaction
from ml_intern.context.manager import ContextManager
from ml_intern.events import (
    BudgetExtended,
    BudgetNoticed,
    CallParked,
    Compacted,
    Event,
    Hinted,
    ModelReplied,
    Recalled,
    ToolFinished,
    Undone,
    UserSaid,
)
from ml_intern.messages import AssistantMessage, Message


class BeforeModel:
    """Grows by one event of a session at a time."""

    def __init__(self) -> None:
        self._context = ContextManager("")

    def take(self, event: Event, line: str) -> None:
        """`line`: the uuid of the line that holds the message which the event brings, if any."""
        if (bare := _bare(event)) is not None:
            self._context.add(bare, line)

    def message(self, place: int) -> Message:
        """Without its texts."""
        return self._context.messages()[place]

    def line(self, place: int) -> str:
        """Of the message at `place`; empty where none holds it."""
        return self._context.origins()[place]

    def kept_from(self, event: Compacted) -> str:
        """The line of the first message that a compaction, not taken yet, lets stand; empty: none.

        What the trace tells beside the conversation has no line of a message.
        """
        lines = self._context.origins()
        start = compaction.kept_from(event, len(lines))
        return next(filter(None, lines[start:]), "")


def _bare(event: Event) -> Event | None:
    """What the event changes in the conversation; None: nothing that is needed here."""
    match event:
        case Recalled(message=AssistantMessage()):
            return replace(event, message=AssistantMessage())
        case Recalled(message=message):
            return replace(event, message=replace(message, text=""))
        case UserSaid() | Hinted():
            return replace(event, text="")
        case ModelReplied():
            calls = tuple(replace(call, arguments="") for call in event.tool_calls)
            said = event.text.strip()[:1]
            return replace(event, text=said, thinking="", signed=(), tool_calls=calls)
        case ToolFinished():
            return replace(event, output="", facts=())
        case CallParked():
            return replace(event, output="")
        case Compacted():
            return replace(event, summary="")
        case BudgetNoticed() | BudgetExtended() | Undone():
            return event
        case _:
            return None
