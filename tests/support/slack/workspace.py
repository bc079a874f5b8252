"""The workspace: who is in it, what was said, what is open on whose screen.

Everything here is guarded by `changed`, which is notified after every change. Knows nothing about
HTTP, tokens or sockets; what the app should hear of goes to `tell`.
"""

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.support.slack.blocks import elements_of
from tests.support.slack.refusals import Refused

TEAM = "T0TEAM"
APP = "A0APP"
BOT_USER = "U0BOT"
BOT = "B0BOT"

Json = dict[str, Any]


@dataclass
class User:
    id: str
    name: str
    is_bot: bool = False
    deleted: bool = False
    team: str = TEAM
    """Another one for a guest from a shared channel."""


@dataclass
class Message:
    channel: str
    ts: str
    user: str
    text: str
    bot_id: str | None = None
    thread_ts: str | None = None
    blocks: list[Json] = field(default_factory=list)
    metadata: Json | None = None
    files: list[str] = field(default_factory=list)
    edited: Json | None = None
    parent_user: str | None = None
    """Who began the thread that it is a reply in."""
    only_for: str | None = None
    """The one person who sees an ephemeral message."""
    frozen: bool = False
    """Past the time in which the workspace allows edits."""
    reactions: dict[str, set[str]] = field(default_factory=dict)
    reply_broadcast: bool = False

    @property
    def words(self) -> str:
        """Everything that is written on it, in its blocks too."""
        return "\n".join([self.text, *_texts(self.blocks)])

    @property
    def action_ids(self) -> list[str]:
        """What can be pressed on it."""
        return [one["action_id"] for block in self.blocks for one in elements_of(block)
                if "action_id" in one]  # fmt: skip

    @property
    def is_reply(self) -> bool:
        return self.thread_ts is not None and self.thread_ts != self.ts


def _texts(thing: Any) -> Iterator[str]:
    """The `text` of everything in it, from top to bottom."""
    if isinstance(thing, list):
        for one in thing:
            yield from _texts(one)
    elif isinstance(thing, dict):
        for name, value in thing.items():
            if name == "text" and isinstance(value, str):
                yield value
            else:
                yield from _texts(value)


@dataclass
class Channel:
    id: str
    name: str
    kind: str = "channel"
    """`channel` (public), `group` (private) or `im`."""
    members: set[str] = field(default_factory=set)
    archived: bool = False
    messages: dict[str, Message] = field(default_factory=dict)

    @property
    def scope_family(self) -> str:
        return {"channel": "channels", "group": "groups", "im": "im"}[self.kind]

    def thread(self, ts: str) -> list[Message]:
        """The parent and its replies, oldest first."""
        return [
            message
            for message in self.messages.values()
            if message.ts == ts or message.thread_ts == ts
        ]


@dataclass
class File:
    id: str
    name: str
    length: int
    content: bytes | None = None
    title: str = ""
    complete: bool = False
    channels: list[str] = field(default_factory=list)
    user: str = BOT_USER


@dataclass
class View:
    id: str
    user: str
    definition: Json
    hash: str
    root_id: str
    previous_id: str | None = None
    errors: dict[str, str] = field(default_factory=dict)
    """What is written under the fields since the last submission."""
    open: bool = True

    @property
    def blocks(self) -> list[Json]:
        return self.definition["blocks"]

    @property
    def words(self) -> str:
        """Everything that is written on it."""
        return "\n".join(_texts([self.definition]))


class Workspace:
    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.changed = threading.Condition(threading.RLock())
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.user_groups: dict[str, list[str]] = {}
        self.files: dict[str, File] = {}
        self.views: dict[str, View] = {}
        self.screens: dict[str, list[View]] = {}
        """The modals that a person has open, the topmost last."""
        self.ephemerals: list[Message] = []
        self.tell: Callable[[str, Json], None] = lambda _kind, _event: None
        self._last_ts = 0
        self._numbers = itertools.count(1)

    @contextmanager
    def change(self) -> Iterator[None]:
        with self.changed:
            try:
                yield
            finally:
                self.changed.notify_all()

    def put_file(self, name: str, content: bytes, user: str) -> str:
        """A file that a person brought; its id."""
        file = File(self.number("F"), name, len(content), content, name, complete=True, user=user)
        with self.change():
            self.files[file.id] = file
        return file.id

    def number(self, prefix: str) -> str:
        """An id that no other thing has."""
        with self.changed:
            return f"{prefix}{next(self._numbers):09d}"

    def next_ts(self) -> str:
        with self.changed:
            self._last_ts = max(self._last_ts + 1, int(self.now() * 1_000_000))
            return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def channel(self, name_or_id: str) -> Channel:
        """By id, `#name` or name; `channel_not_found` otherwise."""
        if found := self.channels.get(name_or_id):
            return found
        name = name_or_id.removeprefix("#")
        for channel in self.channels.values():
            if channel.name == name and channel.kind != "im":
                return channel
        raise Refused("channel_not_found")

    def user(self, name_or_id: str) -> User:
        if found := self.users.get(name_or_id):
            return found
        for user in self.users.values():
            if user.name == name_or_id:
                return user
        raise Refused("user_not_found")

    def direct(self, user_id: str) -> Channel:
        """The conversation of the bot with one person, made when there is none."""
        for channel in self.channels.values():
            if channel.kind == "im" and user_id in channel.members:
                return channel
        channel = Channel(self.number("D"), "", "im", {user_id, BOT_USER})
        with self.change():
            self.channels[channel.id] = channel
        return channel

    def store(self, message: Message) -> Message:
        messages = self.channels[message.channel].messages
        with self.change():
            if message.is_reply and message.thread_ts in messages:
                message.parent_user = messages[message.thread_ts].user
            messages[message.ts] = message
        return message

    def message(self, ts: str) -> Message:
        """Wherever it stands, also one that a single person sees."""
        for channel in self.channels.values():
            if ts in channel.messages:
                return channel.messages[ts]
        for message in self.ephemerals:
            if message.ts == ts:
                return message
        raise Refused("message_not_found")
