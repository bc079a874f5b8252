"""Following one session until it rests, for a program; a terminal has its own way of showing.

Everything is asked through a door, so it makes no difference which process does the work.
For one thread.
"""

import threading
from collections.abc import Callable, Iterator

from ml_intern.client.author import author
from ml_intern.client.door import Door, TextPiece
from ml_intern.client.view import View
from ml_intern.client.waits import goes_on_by_itself
from ml_intern.events import ApprovalRequested
from ml_intern.messages import ApprovalId, SessionId
from ml_intern.ops import Interrupt
from ml_intern.queue.rows import Recorded

TICK_S = 0.125


class Following:
    """One session, from the beginning of its journal on."""

    def __init__(
        self,
        door: Door,
        session_id: SessionId,
        *,
        look: Callable[[], object],
        answer: Callable[[ApprovalRequested], None],
    ) -> None:
        """`look` is called several times a second, and raises where there is no use in waiting.

        `answer` is given each call that needs a yes, once; it decides, or leaves it open.
        """
        self.view = View()
        self._door = door
        self._session_id = session_id
        self._look = look
        self._answer = answer
        self._answered: set[ApprovalId] = set()
        self._news = threading.Event()
        self._seq = 0
        self._stopping = False

    def skip(self) -> None:
        """Take up what has happened already."""
        for recorded in self._door.events(self._session_id, self._seq):
            self._take_up(recorded)

    def events(self) -> Iterator[Recorded | TextPiece]:
        """What has not been taken up yet and all that comes, until nothing moves any more.

        An approval or a question that nobody answers here ends it; a running job does not, nor
        models that do not answer for a time.
        """
        watch = self._door.watch(self._session_id, self._seq, self._news.set)
        try:
            while True:
                self._look()
                self._news.clear()
                taken = watch.take()
                for item in taken:
                    yield self._take_up(item)
                if not taken and self._rests() and not self._goes_on():
                    return
                if not taken:
                    self._news.wait(TICK_S)
        finally:
            watch.close()

    def stop(self, reason: str) -> None:
        """Interrupt the session, and see that it and its jobs have ended."""
        self._stopping = True
        self._door.submit(self._session_id, Interrupt(asked_by=author(), reason=reason))
        for _ in self.events():
            pass

    def _take_up(self, item: Recorded | TextPiece) -> Recorded | TextPiece:
        if isinstance(item, Recorded):
            self._seq = item.seq
            self.view.apply(item)
        return item

    def _rests(self) -> bool:
        """Nothing is queued, nothing runs but jobs, and the watch, which may lag, has told all."""
        if self._door.session(self._session_id).state not in ("idle", "waiting"):
            return False
        return not self._door.events(self._session_id, self._seq)

    def _goes_on(self) -> bool:
        """Whether a resting session will move again."""
        if self._stopping:
            return bool(self.view.running_jobs)
        if self.view.outcome != "waiting":
            return False
        if (asked := self._unanswered()) is not None:
            self._answered.add(asked.approval_id)
            self._answer(asked)
            return True
        return goes_on_by_itself(self.view.waiting_on)

    def _unanswered(self) -> ApprovalRequested | None:
        asked = self.view.approvals.values()
        return next((one for one in asked if one.approval_id not in self._answered), None)
