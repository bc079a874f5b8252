"""What a thread tells of the session's models: in small print, to nobody in particular, and rarely.

Models may come and go every minute; the same is said once in `SELDOM`.
"""

from datetime import datetime, timedelta

from ml_intern.client import models
from ml_intern.clock import stamp
from ml_intern.events import ModelSwitched, TurnFinished
from ml_intern.slack.blocks import context, said
from ml_intern.slack.drafts import Said
from ml_intern.slack.mrkdwn import fitting, moment

SELDOM = timedelta(minutes=5)
_WAIT = "wait"


class Models:
    """Those of one session. Belongs to its `Thread`."""

    def __init__(self) -> None:
        self._said_at: dict[str, datetime] = {}
        """When a model was last said to answer, by its name; and, as `_WAIT`, that none does."""
        self._none_answers = False
        self._was_told = False
        """That none answers, of this time without one."""

    def switched(self, event: ModelSwitched, at: datetime) -> Said | None:
        """Another model answers now. After a time without any, its answer is what is told."""
        if self._none_answers or not self._is_due(event.model, at):
            return None
        return _small(f":twisted_rightwards_arrows: {fitting(models.switch(event), 1000)}")

    def waits(self, end: TurnFinished, again: datetime, at: datetime) -> Said | None:
        """No model answers, and one is asked `again`; told when that begins."""
        if self._none_answers:
            return None
        self._none_answers = True
        self._was_told = self._is_due(_WAIT, at)
        if not self._was_told:
            return None
        return _small(
            ":hourglass_flowing_sand: No model answers. The session goes on by itself, not before "
            f"{moment(stamp(again))}. {fitting(end.detail, 1000)}"
        )

    def answered(self, model: str) -> Said | None:
        """One answers again, where it was told that none does."""
        told, self._was_told, self._none_answers = self._was_told, False, False
        if not told:
            return None
        return _small(f":arrow_forward: {fitting(model, 100)} answers; the session goes on.")

    def ended(self) -> None:
        """The session waits for no model any more; its end says so."""
        self._none_answers = self._was_told = False

    def _is_due(self, what: str, at: datetime) -> bool:
        before = self._said_at.get(what)
        if before is not None and at - before < SELDOM:
            return False
        self._said_at[what] = at
        return True


def noted(again: datetime) -> Said:
    """Words came that no model reads before one answers."""
    return said(
        f":memo: Noted. It is read when a model answers, not before {moment(stamp(again))}."
    )


def _small(markup: str) -> Said:
    return said(markup, context(markup))
