"""Does what the person of a recording did, when the session that plays it comes to that place."""

from ml_intern.cli.person import Decision
from ml_intern.client.author import author
from ml_intern.client.door import Request
from ml_intern.events import ApprovalRequested, Event, ModelReplied, SessionStarted
from ml_intern.messages import CallId
from ml_intern.ops import Compact, Undo, UserInput
from ml_intern.transcript.moving import Move
from ml_intern.transcript.recording import Act, Recording, mapped


class Understudy:
    """Follows one session, event by event. The task itself is said by whoever starts it."""

    def __init__(self, recording: Recording, *, asks: bool = True) -> None:
        """`asks`: whether questions of the model are open until somebody answers."""
        kinds = ("say", "undo", "compact", *(("answer",) if asks else ()))
        task, *later = [act for act in recording.acts if act.kind in kinds]
        self.task = task.text
        self._acts = later
        self._recording = recording
        self._calls: list[tuple[CallId, ...]] = []
        self._use_ids: dict[CallId, str] = {}
        """The recorded ids, by those of the same calls here."""
        self._workspace = ""

    def see(self, event: Event) -> None:
        """The session's next event."""
        match event:
            case SessionStarted(workspace=workspace):
                self._workspace = workspace
            case ModelReplied(tool_calls=calls):
                number, own = len(self._calls), tuple(call.call_id for call in calls)
                for answer in self._recording.answers[number : number + 1]:
                    pairs = zip(own, (use.use_id for use in answer.calls), strict=False)
                    self._use_ids |= dict(pairs)
                self._calls.append(own)
            case _:
                pass

    def due(self, *, at_rest: bool, asked: bool) -> Request | None:
        """What is to be done now; each once. `asked`: a question is open."""
        while self._acts and self._is_due(self._acts[0], at_rest=at_rest):
            act = self._acts[0]
            if act.kind == "answer" and not asked and not at_rest:
                return None
            self._acts.pop(0)
            if act.kind != "answer" or asked:
                return _request(act)
        return None

    def decision(self, asked: ApprovalRequested) -> Decision | None:
        """What was decided about this call in the recording, with this session's ids and folder."""
        recorded = self._recording.decisions.get(self._use_ids.get(asked.call_id, ""))
        match recorded:
            case None:
                return None
            case _ if recorded.verdict in ("deny", "expire"):
                return Decision(verdict="deny", reason=recorded.reason)
            case _ if recorded.arguments is not None:
                return Decision(verdict="edit", arguments=mapped(recorded.arguments, self._moved))
            case _:
                return Decision(verdict="approve")

    def _is_due(self, act: Act, *, at_rest: bool) -> bool:
        return len(self._calls) >= act.after and (at_rest or not act.at_rest)

    def _moved(self, text: str) -> str:
        move = Move(self._recording.cwd, self._workspace)
        return move.text(self._recording.ids.moved(text, self._calls))


def _request(act: Act) -> Request:
    match act.kind:
        case "undo":
            return Undo(asked_by=author())
        case "compact":
            return Compact(asked_by=author())
        case _:
            return UserInput(text=act.text, author=author())
