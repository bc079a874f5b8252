"""How the model has behaved since a person last spoke: all that the guards count.

A fold of the journal; `apply` is its only writer.
"""

from collections import Counter
from dataclasses import dataclass

from ml_intern.events import (
    CallParked,
    Event,
    HintAbout,
    Hinted,
    ModelReplied,
    ToolFinished,
    ToolStarted,
    TurnFinished,
    Undone,
    UserSaid,
)
from ml_intern.messages import CallId, ToolCall
from ml_intern.session.guards.rounds import KEPT, Exchange, Repetition, Round, exchange, repetition


@dataclass(kw_only=True)
class _Asked:
    """A call whose answer is still to come."""

    call: ToolCall
    ran_sha256: str | None = None


class Conduct:
    """Grows by one event at a time. Not thread-safe: it belongs to one turn."""

    def __init__(self) -> None:
        self.words: ModelReplied | None = None
        """The last answer, if it was words alone and neither a hint nor an end has followed."""
        self.hints: Counter[HintAbout] = Counter()
        """Since the model last did something else than what they are about."""
        self.cut = 0
        """Answers in a row that were cut at the length limit and of which no call worked."""
        self.begun: list[str] = []
        """The words of an answer that was cut, which the next ones go on with."""
        self._asked: dict[CallId, _Asked] = {}
        self._parked: set[CallId] = set()
        self._answered: list[Exchange] = []
        self._rounds: list[Round] = []

    @property
    def repetition(self) -> Repetition | None:
        """The calls that come again and again, if they do; None while some have no answer."""
        return None if self._asked else repetition(self._rounds)

    @property
    def is_settled(self) -> bool:
        """Whether every call of the last answer has its own."""
        return not self._asked

    def apply(self, event: Event) -> None:
        """Take up one event, in journal order."""
        match event:
            case UserSaid() | Undone():
                self._begin_anew()
            case ModelReplied():
                self._hear(event)
            case Hinted(about=about):
                self.hints[about] += 1
                self.words = None
                if about == "plan":
                    self.begun.clear()
            case ToolStarted(call_id=call_id, arguments_sha256=sha256):
                if call_id in self._asked:  # else it was parked
                    self._asked[call_id].ran_sha256 = sha256
            case CallParked(call_id=call_id):
                # Words of a person follow, with which all counting begins anew.
                self._asked.pop(call_id, None)
                self._parked.add(call_id)
            case ToolFinished(call_id=call_id) if call_id in self._parked:
                # News for the model, whatever it has said or done since.
                self._parked.remove(call_id)
                self._begin_anew()
            case ToolFinished():
                self._take(event)
            case TurnFinished():
                self.words = None
            case _:
                pass

    def _begin_anew(self) -> None:
        self.words = None
        self.hints.clear()
        self.cut = 0
        self.begun.clear()
        self._rounds.clear()

    def _hear(self, reply: ModelReplied) -> None:
        self.words = None if reply.tool_calls else reply
        self._asked = {call.call_id: _Asked(call=call) for call in reply.tool_calls}
        self._answered = []
        if reply.tool_calls:
            self.hints = Counter({"repetition": self.hints["repetition"]})
            self.begun.clear()
        if reply.stop_reason != "length":
            self.cut = 0
            return
        self.cut += 1
        if not reply.tool_calls and reply.text.strip():
            self.begun.append(reply.text)

    def _take(self, finished: ToolFinished) -> None:
        asked = self._asked.pop(finished.call_id, None)
        if asked is None:
            return
        self._answered.append(exchange(finished, asked.call.arguments, asked.ran_sha256))
        if finished.ok:
            self.cut = 0
        if finished.ok and finished.answered_by == "person":
            self._begin_anew()
        if not self._asked:
            self._close_round()

    def _close_round(self) -> None:
        self._rounds = [*self._rounds[1 - KEPT :], frozenset(self._answered)]
        if repetition(self._rounds) is None:
            del self.hints["repetition"]
