"""Tools that answer as they did in a recorded session. Nothing runs; the plan is kept as ever.

Which call of the recording a call stands for is told by its place: the n-th of the m-th answer.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ConfigDict

from ml_intern.events import ModelReplied
from ml_intern.messages import CallId, SessionId
from ml_intern.queue.rows import Recorded
from ml_intern.tools.plan import Plan
from ml_intern.tools.protocol import Arguments, Tool, ToolContext, ToolOutcome, fail
from ml_intern.transcript.recording import Outcome, Recording

Journal = Callable[[SessionId, int], Sequence[Recorded]]
"""The events of a session after one of its numbers."""


class AnyArguments(Arguments):
    """Whatever was recorded."""

    model_config = ConfigDict(extra="allow")


def recorded_tools(recording: Recording, journal: Journal) -> list[Tool[Any]]:
    """One for each tool of the recording; `journal` gives the events of the session at work."""
    names = dict.fromkeys(use.name for use in recording.calls)
    outcomes = _Outcomes(recording, journal)
    return [Plan(), *(_tool(name, outcomes) for name in names if name != Plan.name)]


def _tool(name: str, outcomes: "_Outcomes") -> Tool[Any]:
    class RecordedTool(Tool[AnyArguments]):
        """Answers from the recording."""

        description = "Answers as it did in a recorded session."
        arguments = AnyArguments
        effect = "read"
        recovery = "pure"

        def run(self, args: AnyArguments, ctx: ToolContext) -> ToolOutcome:
            outcome = outcomes.of(ctx.place.session_id, ctx.call_id)
            if outcome is None:
                return fail(f"The recording has no result for this call of {name}.")
            return ToolOutcome(ok=not outcome.is_error, output=outcome.text)

    RecordedTool.name = name
    return RecordedTool()


class _Outcomes:
    """Of the calls of the sessions that play a recording. Safe from any thread."""

    def __init__(self, recording: Recording, journal: Journal) -> None:
        self._recording = recording
        self._journal = journal
        # Protects what was read of the journals, each event of which is read once.
        self._lock = threading.Lock()
        self._read: dict[SessionId, _Read] = {}

    def of(self, session_id: SessionId, call_id: CallId) -> Outcome | None:
        """None where the recording has none."""
        with self._lock:
            read = self._read.setdefault(session_id, _Read())
            for recorded in self._journal(session_id, read.seq):
                read.seq = recorded.seq
                if isinstance(recorded.event, ModelReplied):
                    self._take(read, recorded.event)
            use_id = read.use_ids.get(call_id)
        return None if use_id is None else self._recording.outcomes.get(use_id)

    def _take(self, read: "_Read", played: ModelReplied) -> None:
        for answer in self._recording.answers[read.answers : read.answers + 1]:
            for use, call in zip(answer.calls, played.tool_calls, strict=False):
                read.use_ids.setdefault(call.call_id, use.use_id)
        read.answers += 1


@dataclass
class _Read:
    seq: int = 0
    """Of the last event."""
    answers: int = 0
    use_ids: dict[CallId, str] = field(default_factory=dict)
    """The recorded ids, by those of the same calls here."""
