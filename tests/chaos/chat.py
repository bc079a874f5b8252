"""People in Slack, and what they must find there: nothing lost, nothing twice, all in order.

Slack repeats an event until it is acknowledged; a click it does not, so people press again.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from ml_intern.events import SessionStarted
from ml_intern.messages import SessionId
from ml_intern.slack.manifest import SCOPES
from ml_intern.slack.thread import Thread
from tests.chaos.consent import Problem
from tests.chaos.peek import Tables
from tests.support.slack import APPROVER, REQUESTER, TRAINING, CannotDo, SlackServer
from tests.support.slack.workspace import BOT, Message

PRESS_S = 0.2
PRESS_AGAIN_S = 1.0


class Chat:
    """One workspace of Slack, for the daemons of one home."""

    def __init__(self) -> None:
        self._slack = SlackServer(
            scopes=SCOPES,
            pace_s=None,
            tiers=False,
            ack_within_s=1.0,
            retry_delays_s=(0.3,) * 1000,
        )
        self._slack.__enter__()
        self._stop = threading.Event()
        self._pressed: dict[str, float] = {}
        self._presser = threading.Thread(target=self._press_all, daemon=True)
        self._presser.start()

    @property
    def settings(self) -> dict[str, str]:
        """Of a daemon that is to be here."""
        return {
            "ML_INTERN_SLACK_API_URL": self._slack.base_url,
            "SLACK_BOT_TOKEN": self._slack.bot_token,
            "SLACK_APP_TOKEN": self._slack.app_token,
            "ML_INTERN_SLACK_MAY_START": REQUESTER,
            "ML_INTERN_SLACK_MAY_DECIDE": APPROVER,
        }

    def ask(self, task: str, *more: str) -> None:
        """A mention with a task, and words in its thread."""
        ts = self._slack.mention(REQUESTER, TRAINING, task)
        for words in more:
            self._slack.say(REQUESTER, TRAINING, words, ts)

    def is_at_rest(self) -> bool:
        """Whether Slack has been rid of everything."""
        return all(one.state != "pending" for one in list(self._slack.deliveries))

    def close(self) -> None:
        self._stop.set()
        self._presser.join()
        self._slack.__exit__(None)

    def _press_all(self) -> None:
        while not self._stop.wait(PRESS_S):
            for message in self._slack.messages(TRAINING):
                if "approve" in message.action_ids:
                    self._press(message)

    def _press(self, message: Message) -> None:
        """Twice at once, and again after a while if nothing has come of it."""
        now = time.monotonic()
        if now < self._pressed.get(message.ts, 0.0):
            return
        self._pressed[message.ts] = now + PRESS_AGAIN_S
        try:
            self._slack.click(APPROVER, message.ts, "approve")
            self._slack.click(APPROVER, message.ts, "approve")
        except CannotDo:
            return  # it has been decided meanwhile

    # What there must be

    def problems(self, tables: Tables) -> Iterator[Problem]:
        """Of a database and a workspace that have come to rest."""
        yield from self._letters(tables)
        yield from self._posts(tables)
        yield from _never_written(tables)

    def _letters(self, tables: Tables) -> Iterator[Problem]:
        keys = Counter(str(op.dedupe).removeprefix("key:") for op in tables.ops)
        origins = Counter(
            one.event.origin for one in tables.journal if isinstance(one.event, SessionStarted)
        )
        known = {row.dedupe for row in tables.letters}
        for row in tables.letters:
            if row.state != "done":
                yield "lost", f"letter {row.dedupe} is {row.state}: {row.note}"
        for message in self._slack.messages(TRAINING):
            if message.bot_id == BOT:
                continue
            key = f"slack:message:{TRAINING}:{message.ts}"
            times = keys[key] if message.thread_ts else origins[f"slack:{TRAINING}:{message.ts}"]
            if key not in known or times == 0:
                yield "lost", f"{message.text!r} in Slack"
            if times > 1:
                yield "duplicated", f"{message.text!r} in Slack counted {times} times"

    def _posts(self, tables: Tables) -> Iterator[Problem]:
        shown = [_row_of(one) for one in self._slack.messages(TRAINING) if one.bot_id == BOT]
        for row, times in Counter(shown).items():
            if times > 1:
                yield "duplicated", f"message {row} is in Slack {times} times"
        for post in tables.posts:
            if post.state not in ("sent", "superseded"):
                yield "lost", f"message {post.dedupe} is {post.state}"
        wanted = [one.dedupe for one in tables.posts if _is_new_message(one)]
        for row in set(wanted) - set(shown):
            yield "lost", f"message {row} is not in Slack"
        lanes = {one.dedupe: one.lane for one in tables.posts}
        for lane in set(lanes.values()):
            told = [row for row in shown if lanes.get(row) == lane]
            if told != [row for row in wanted if lanes[row] == lane and row in told]:
                yield "reordered", f"messages of {lane} in Slack: {told}"


def _is_new_message(post: Any) -> bool:
    """Those that somebody else has begun have never been sent by us."""
    return post.state == "sent" and post.body["act"] == "post" and "text" in post.body


def _row_of(message: Message) -> str:
    return str(((message.metadata or {}).get("event_payload") or {}).get("row", ""))


def _never_written(tables: Tables) -> Iterator[Problem]:
    """Each message that the journal gives has a row."""
    rows = {post.dedupe for post in tables.posts}
    for session_id, journal in tables.of_session.items():
        started = journal[0].event
        if not isinstance(started, SessionStarted) or not started.origin.startswith("slack:"):
            continue
        thread = Thread(SessionId(session_id), "", {}, lambda _session: "")
        for draft in (draft for one in journal for draft in thread.take(one)):
            if draft.dedupe not in rows:
                yield "lost", f"message {draft.dedupe} was never written"
