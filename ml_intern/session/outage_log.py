"""What the log says of a session whose models do not answer."""

import logging
from collections.abc import Iterable, Sequence

from ml_intern.events import Event, ModelReplied, ModelSwitched, TurnFinished
from ml_intern.messages import SessionId
from ml_intern.queue.rows import Recorded

log = logging.getLogger(__name__)


class OutageLog:
    """One line when another model answers, and one when the session begins to wait for any."""

    def __init__(self, session_id: SessionId, journal: Iterable[Recorded]) -> None:
        """`journal`: what has happened before, of which nothing is said."""
        self._session_id = session_id
        self._waits = False
        for recorded in journal:
            self._follow(recorded.event)

    def take(self, event: Event) -> None:
        """Something has been recorded."""
        match event:
            case ModelSwitched(model=model, instead_of=before, reason=reason):
                about = {"model": model, "instead_of": before, "reason": reason}
                log.warning("model_switched", extra={"session_id": self._session_id, **about})
            case TurnFinished(waiting_on=on, detail=detail) if _lacks_model(on) and not self._waits:
                about = {"waiting_on": ", ".join(on), "error": detail}
                log.warning("no_model_answers", extra={"session_id": self._session_id, **about})
            case _:
                pass
        self._follow(event)

    def _follow(self, event: Event) -> None:
        match event:
            case ModelReplied():
                self._waits = False
            case TurnFinished(waiting_on=on):
                self._waits = _lacks_model(on)
            case _:
                pass


def _lacks_model(waiting_on: Sequence[str]) -> bool:
    return any(on.startswith("model:") for on in waiting_on)
