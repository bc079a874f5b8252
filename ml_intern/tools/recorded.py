"""Tools that answer as they did in a recorded session. Nothing runs; the plan is kept as ever.

Which call of the recording a call stands for is told by its place: the n-th of the m-th answer.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import ConfigDict

from ml_intern.events import ModelReplied
from ml_intern.messages import CallId, SessionId
from ml_intern.queue.rows import Recorded
from ml_intern.tools.plan import Plan
from ml_intern.tools.protocol import Arguments, Tool, ToolContext, ToolOutcome, fail
from ml_intern.transcript.recording import Outcome, Recording

Journal = Callable[[SessionId, int], Sequence[Recorded]]
"""The events of a session behind one of them, by its number."""


class AnyArguments(Arguments):
    """Whatever was recorded."""

    model_config = ConfigDict(extra="allow")


def recorded_tools(recording: Recording, journal: Journal) -> list[Tool[Any]]:
    """One for each tool of the recording, for one session, of which `journal` gives the events."""
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
    """Reads each event of the session once. Safe from any thread."""

    def __init__(self, recording: Recording, journal: Journal) -> None:
        self._recording = recording
        self._journal = journal
        self._lock = threading.Lock()  # of what was read so far
        self._seq = 0
        self._answers = 0
        self._uses: dict[CallId, str] = {}
        """The recorded call, by the one that stands for it."""

    def of(self, session_id: SessionId, call_id: CallId) -> Outcome | None:
        with self._lock:
            for one in self._journal(session_id, self._seq):
                self._seq = one.seq
                if isinstance(one.event, ModelReplied):
                    self._take(one.event)
            use_id = self._uses.get(call_id)
        return None if use_id is None else self._recording.outcomes.get(use_id)

    def _take(self, replied: ModelReplied) -> None:
        if self._answers < len(self._recording.answers):
            recorded = self._recording.answers[self._answers].calls
            for use, call in zip(recorded, replied.tool_calls, strict=False):
                self._uses.setdefault(call.call_id, use.use_id)
        self._answers += 1
