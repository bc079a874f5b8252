"""Who may start and steer, and who may decide: two lists of ids, asked anew at each act."""

import logging
import threading
from collections.abc import Iterable

from ml_intern.clock import Clock
from ml_intern.errors import SlackRefused, SlackUnclear
from ml_intern.slack.web import TOKEN, SlackWeb

log = logging.getLogger(__name__)

KEEP_S = 60.0
"""How long the members of a group are remembered."""


MOST_REFUSALS = 10
"""Of one person in an hour that are told and noted."""
HOUR_S = 3600.0


class Refusals:
    """Who was refused how often in this hour. For one thread; a restart begins anew."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lately: dict[str, tuple[float, int]] = {}
        """When the hour of a person began, and how often they were refused in it."""

    def take(self, user: str) -> int | None:
        """Count one more. None: it is one too many to be told and noted.

        Else how many were one too many in the person's hour before.
        """
        now = self._clock.monotonic()
        began, number = self._lately.get(user, (now, 0))
        left_out = 0
        if now - began >= HOUR_S:
            left_out, began, number = max(0, number - MOST_REFUSALS), now, 0
        self._lately[user] = (began, number + 1)
        return left_out if number < MOST_REFUSALS else None


class Access:
    """Ids of people (`U…`, `W…`), teams (`T…`, `E…`) and user groups (`S…`). For any thread.

    Questions about somebody who may be in a group raise SlackLimited and SlackUnclear when Slack
    cannot say now who is.
    """

    def __init__(
        self, may_start: Iterable[str], may_decide: Iterable[str], web: SlackWeb, clock: Clock
    ) -> None:
        self._start, self._decide = frozenset(may_start), frozenset(may_decide)
        self._web = web
        self._clock = clock
        self._lock = threading.Lock()  # protects `_members`
        self._members: dict[str, tuple[float, frozenset[str]]] = {}

    def may_start(self, user: str, team: str) -> bool:
        """Whether this person may start, steer, answer and stop."""
        return self._listed(self._start, user, team)

    def may_decide(self, user: str, team: str) -> bool:
        """Whether this person may approve, deny, edit, extend and resolve."""
        return self._listed(self._decide, user, team)

    def _listed(self, among: frozenset[str], user: str, team: str) -> bool:
        if user and (user in among or (team and team in among)):
            return True
        groups = [one for one in among if one.startswith("S")]
        return bool(user) and any(user in self._of(group) for group in groups)

    def _of(self, group: str) -> frozenset[str]:
        now = self._clock.monotonic()
        with self._lock:
            at, members = self._members.get(group, (-KEEP_S, frozenset()))
        if now - at < KEEP_S:
            return members
        try:
            listed = self._web.ask("usergroups.users.list", usergroup=group).get("users", ())
        except SlackRefused as exc:
            if exc.error in TOKEN:
                raise SlackUnclear(str(exc)) from exc
            log.warning("slack_group_unknown", extra={"group": group, "error": str(exc)})
            return frozenset()
        members = frozenset(str(one) for one in listed)
        with self._lock:
            self._members[group] = (now, members)
        return members
