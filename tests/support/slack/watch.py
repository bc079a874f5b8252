"""What tests see of the stand-in: what is there, and waiting for what should come."""

import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from tests.support.slack.call import Call
from tests.support.slack.deliveries import EVENT, Delivery
from tests.support.slack.sockets import Sockets
from tests.support.slack.workspace import BOT, Channel, Message, User, View, Workspace

T = TypeVar("T")
Wanted = str | Callable[[Message], bool] | None
"""A part of the text, a question about the message, or nothing in particular."""


class Watch:
    workspace: Workspace
    requests: list[Call]
    deliveries: list[Delivery]
    _sockets: Sockets

    def add_user(self, user_id: str, name: str, **facts: Any) -> User:
        with self.workspace.change():
            user = self.workspace.users[user_id] = User(user_id, name, **facts)
        return user

    def add_channel(
        self, channel_id: str, name: str, members: Iterable[str] = (), kind: str = "channel"
    ) -> Channel:
        with self.workspace.change():
            channel = Channel(channel_id, name, kind, set(members))
            self.workspace.channels[channel_id] = channel
        return channel

    def add_user_group(self, group_id: str, members: Iterable[str]) -> None:
        with self.workspace.change():
            self.workspace.user_groups[group_id] = list(members)

    def channel(self, channel: str) -> Channel:
        return self.workspace.channel(channel)

    def messages(self, channel: str) -> list[Message]:
        with self.workspace.changed:
            return list(self.channel(channel).messages.values())

    def thread(self, channel: str, ts: str) -> list[Message]:
        """The parent and its replies, oldest first."""
        with self.workspace.changed:
            return self.channel(channel).thread(ts)

    def message(self, ts: str) -> Message:
        return self.workspace.message(ts)

    def ephemerals(self, user: str) -> list[Message]:
        """What only this person was shown."""
        with self.workspace.changed:
            user_id = self.workspace.user(user).id
            return [one for one in self.workspace.ephemerals if one.only_for == user_id]

    def screen(self, user: str) -> list[View]:
        """The modals that a person has open, the topmost last."""
        with self.workspace.changed:
            return list(self.workspace.screens.get(self.workspace.user(user).id, []))

    def calls(self, method: str) -> list[Call]:
        with self.workspace.changed:
            return [call for call in self.requests if call.method == method]

    @property
    def open_sockets(self) -> int:
        with self.workspace.changed:
            return len(self._sockets.open)

    @property
    def stray_acks(self) -> list[Any]:
        """Acknowledgements that came too late, twice, or for nothing."""
        return list(self._sockets.stray_acks)

    def events(self, kind: str) -> list[Delivery]:
        """Deliveries of events of one type, such as `app_mention`."""
        with self.workspace.changed:
            return [
                one
                for one in self.deliveries
                if one.kind == EVENT and one.payload["event"]["type"] == kind
            ]

    def wait_for(self, what: Callable[[], T | None], timeout_s: float = 10.0) -> T:
        """Until `what()` is something. Asked after every change, and often for other facts."""
        deadline = time.monotonic() + timeout_s
        while not (found := what()):
            assert time.monotonic() < deadline, f"{what} did not come true in {timeout_s} s"
            with self.workspace.changed:
                self.workspace.changed.wait(0.02)
        return found

    def wait_for_message(
        self, channel: str, wanted: Wanted = None, timeout_s: float = 10.0
    ) -> Message:
        """The first that the app has posted there and that is as `wanted`."""
        return self.wait_for(lambda: _first(self._from_app(channel), wanted), timeout_s)

    def wait_for_ephemeral(
        self, user: str, wanted: Wanted = None, timeout_s: float = 10.0
    ) -> Message:
        return self.wait_for(lambda: _first(self.ephemerals(user), wanted), timeout_s)

    def wait_for_view(
        self,
        user: str,
        wanted: Callable[[View], bool] = lambda _view: True,
        timeout_s: float = 10.0,
    ) -> View:
        """What the person sees on top, once it is as `wanted`."""
        return self.wait_for(
            lambda: next((view for view in self.screen(user)[-1:] if wanted(view)), None), timeout_s
        )

    def wait_for_sockets(self, number: int, timeout_s: float = 10.0) -> None:
        self.wait_for(lambda: self.open_sockets == number, timeout_s)

    def wait_until_settled(self, timeout_s: float = 10.0) -> None:
        """Until every delivery is acknowledged or given up."""
        self.wait_for(lambda: all(one.state != "pending" for one in self.deliveries), timeout_s)

    def _from_app(self, channel: str) -> list[Message]:
        return [message for message in self.messages(channel) if message.bot_id == BOT]


def _first(messages: list[Message], wanted: Wanted) -> Message | None:
    for message in messages:
        if wanted is None or (
            wanted in message.text if isinstance(wanted, str) else wanted(message)
        ):
            return message
    return None
