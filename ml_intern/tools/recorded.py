"""Tools that answer as they did in a recorded session. Nothing runs; the plan is kept as ever.

Which call of the recording a call stands for is told by its place: the n-th of the m-th answer.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pydantic import ConfigDict

from ml_intern.events import ModelReplied
from ml_intern.messages import CallId, SessionId
from ml_intern.queue.rows import Recorded
from ml_intern.tools.plan import Plan
from ml_intern.tools.protocol import Arguments, Tool, ToolContext, ToolOutcome, fail
from ml_intern.transcript.recording import Outcome, Recording

Journal = Callable[[SessionId], Sequence[Recorded]]


class AnyArguments(Arguments):
    """Whatever was recorded."""

    model_config = ConfigDict(extra="allow")


def recorded_tools(recording: Recording, journal: Journal) -> list[Tool[Any]]:
    """One for each tool of the recording; `journal` gives the events of the session at work."""
    names = dict.fromkeys(use.name for use in recording.calls)
    return [Plan(), *(_tool(name, recording, journal) for name in names if name != Plan.name)]


def _tool(name: str, recording: Recording, journal: Journal) -> Tool[Any]:
    class RecordedTool(Tool[AnyArguments]):
        """Answers from the recording."""

        description = "Answers as it did in a recorded session."
        arguments = AnyArguments
        effect = "read"
        recovery = "pure"

        def run(self, args: AnyArguments, ctx: ToolContext) -> ToolOutcome:
            outcome = _recorded(recording, journal(ctx.place.session_id), ctx.call_id)
            if outcome is None:
                return fail(f"The recording has no result for this call of {name}.")
            return ToolOutcome(ok=not outcome.is_error, output=outcome.text)

    RecordedTool.name = name
    return RecordedTool()


def _recorded(recording: Recording, journal: Sequence[Recorded], call_id: CallId) -> Outcome | None:
    for answer, played in zip(recording.answers, _answers(journal), strict=False):
        for use, call in zip(answer.calls, played.tool_calls, strict=False):
            if call.call_id == call_id:
                return recording.outcomes.get(use.use_id)
    return None


def _answers(journal: Sequence[Recorded]) -> Iterator[ModelReplied]:
    return (one.event for one in journal if isinstance(one.event, ModelReplied))
