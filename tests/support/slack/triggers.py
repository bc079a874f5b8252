"""Trigger ids: good for one modal, for three seconds after the gesture that made them.

https://docs.slack.dev/interactivity/handling-user-interaction
"""

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass

from tests.support.slack.refusals import Refused

GOOD_FOR_S = 3.0
SHAPE = re.compile(r"\d+\.\d+\.[0-9a-f]+")


@dataclass
class Trigger:
    user: str
    made_at: float
    view_id: str | None
    """The modal in which the gesture was made."""
    used: bool = False


class Triggers:
    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._made: dict[str, Trigger] = {}
        self._numbers = itertools.count(1)

    def make(self, user: str, view_id: str | None = None) -> str:
        number = next(self._numbers)
        trigger_id = f"{number}.{number + 1_000_000}.{number:032x}"
        self._made[trigger_id] = Trigger(user, self._now(), view_id)
        return trigger_id

    def exchange(self, trigger_id: str) -> Trigger:
        if not SHAPE.fullmatch(trigger_id):
            raise Refused(
                "invalid_arguments", messages=["invalid `trigger_id` [json-pointer:/trigger_id]"]
            )
        trigger = self._made.get(trigger_id)
        if trigger is None:
            raise Refused("invalid_trigger_id")
        if trigger.used:
            raise Refused("exchanged_trigger_id")
        if self._now() - trigger.made_at > GOOD_FOR_S:
            raise Refused("expired_trigger_id")
        trigger.used = True
        return trigger
