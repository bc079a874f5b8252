"""What was said while nobody listened: looked for afterwards, and stored as if it had been heard.

Slack repeats an event for some minutes only. Looked at are the channels that the bot is in, the
threads of the newest sessions, and those below the messages that are found. What was heard before
is known by its key. Buttons that were pressed are gone: Slack keeps none.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

from ml_intern.client.door import Door
from ml_intern.clock import Clock
from ml_intern.errors import SlackLimited, SlackRefused
from ml_intern.queue.mail import Mail
from ml_intern.slack.drafts import CHANNEL, external_id, root_key
from ml_intern.slack.envelopes import heard
from ml_intern.slack.web import SlackWeb

log = logging.getLogger(__name__)

T = TypeVar("T")
Message = dict[str, Any]
"""As Slack gives it, and the `channel` that it stands in."""

LONGEST = timedelta(hours=24)
"""Older words are not looked for: whoever wrote them no longer waits."""
SKEW = timedelta(minutes=10)
"""By which our clock and Slack's may differ."""
MOST_CHANNELS = 40
MOST_THREADS = 40
"""Of sessions, and as many of others."""
MOST_PAGES = 5
PAGE = 200
_KINDS = "public_channel,private_channel,im"


class Absence:
    """Belongs to one thread."""

    def __init__(self, mail: Mail, door: Door, web: SlackWeb, clock: Clock, channel: str) -> None:
        """`channel`: the one of the settings; it is looked at first."""
        self._mail = mail
        self._door = door
        self._web = web
        self._clock = clock
        self._channel = channel

    def hear(self, since: datetime, stop: threading.Event) -> int:
        """Store what was said since then, in its order; how much was new.

        Where that is yet to come the clock was set back, and nobody can tell for how long words
        were missed: all of the time in which they are looked for at all is.
        Waits where Slack sets a limit. Raises SlackError, SlackLimited only when `stop` is set.
        """
        now = self._clock.now()
        longest = now - LONGEST
        oldest = f"{(longest if since > now else max(since - SKEW, longest)).timestamp():.6f}"
        bot = str(self._web.ask("auth.test").get("user_id", ""))
        found: list[Message] = []
        threads = dict.fromkeys(self._threads_of_sessions())
        others = []
        for channel in self._patiently(stop, self._channels):
            for message in self._history(channel, oldest, stop):
                if self._is_of_another(message, bot):
                    continue
                if (message.get("latest_reply") or "") > oldest:
                    others.append((channel, str(message["ts"])))
                if channel.startswith("D") or f"<@{bot}>" in (message.get("text") or ""):
                    found.append(message)
        threads |= dict.fromkeys(others[:MOST_THREADS])
        for channel, ts in threads:
            found += self._replies(channel, ts, oldest, stop)
        return sum(self._store(message, bot) for message in sorted(found, key=_age))

    def _store(self, message: Message, bot: str) -> bool:
        event = {"type": "message", **message}
        said = heard("events_api", {"event": event, "authorizations": [{"user_id": bot}]})
        return said is not None and self._mail.receive(CHANNEL, said.key, said.body)

    def _is_of_another(self, message: Message, bot: str) -> bool:
        """Whether this app has answered it, and this database does not know of it.

        That was a daemon at another database, or at this one before it was restored.
        """
        if bot not in (message.get("reply_users") or ()):
            return False
        return self._mail.known_as(CHANNEL, external_id(message["channel"], message["ts"])) is None

    def _channels(self) -> list[str]:
        """The bot's own; of an app with fewer scopes than it asks for, that of the settings."""
        first: list[str] = []
        try:
            if self._channel:
                first.append(self._web.channel_id(self._channel))
            pages = self._web.pages(
                "users.conversations", types=_KINDS, exclude_archived=True, limit=PAGE
            )
            listed = [str(one["id"]) for page in pages for one in page.get("channels", ())]
        except SlackRefused as exc:
            log.warning("slack_channels_not_listed", extra={"error": str(exc)})
            return first
        found = list(dict.fromkeys(first + listed))
        if len(found) > MOST_CHANNELS:
            log.warning("slack_channels_left_out", extra={"number": len(found) - MOST_CHANNELS})
        return found[:MOST_CHANNELS]

    def _threads_of_sessions(self) -> Iterator[tuple[str, str]]:
        for row in self._door.sessions(MOST_THREADS):
            root = self._mail.find(root_key(row.session_id))
            if root is not None and root.external_id is not None:
                channel, _, ts = root.external_id.partition(":")
                yield channel, ts

    def _history(self, channel: str, oldest: str, stop: threading.Event) -> list[Message]:
        asked = {"channel": channel, "oldest": oldest}
        return self._messages(stop, "conversations.history", asked)

    def _replies(
        self, channel: str, ts: str, oldest: str, stop: threading.Event
    ) -> Iterable[Message]:
        asked = {"channel": channel, "ts": ts, "oldest": oldest}
        for message in self._messages(stop, "conversations.replies", asked):
            if message["ts"] != ts:  # the parent leads every page
                yield message

    def _messages(
        self, stop: threading.Event, method: str, asked: Mapping[str, str]
    ) -> list[Message]:
        """Empty for what Slack does not show: another channel may have been written in."""

        def read() -> list[Message]:
            pages = islice(self._web.pages(method, **asked, limit=PAGE), MOST_PAGES)
            return [one for page in pages for one in page.get("messages", ())]

        try:
            found = self._patiently(stop, read)
        except SlackRefused as exc:
            log.warning("slack_words_not_looked_for", extra={**asked, "error": str(exc)})
            return []
        return [{**one, "channel": asked["channel"]} for one in found if "ts" in one]

    def _patiently(self, stop: threading.Event, read: Callable[[], T]) -> T:
        while True:
            try:
                return read()
            except SlackLimited as exc:
                if self._clock.wait(stop, exc.retry_after_s):
                    raise


def _age(message: Message) -> tuple[int, ...]:
    """Slack's times as numbers: a text of 9 digits sorts behind one of 10."""
    return tuple(int(part) for part in str(message["ts"]).split(".") if part.isdecimal())
