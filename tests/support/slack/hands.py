"""What tests let people do; users and channels by id or name."""

from collections.abc import Mapping
from typing import Any

from tests.support.slack.deliveries import Delivery
from tests.support.slack.gestures import Gestures
from tests.support.slack.workspace import BOT_USER, Workspace


class Hands:
    workspace: Workspace
    _people: Gestures

    def say(
        self,
        user: str,
        channel: str,
        text: str,
        thread_ts: str | None = None,
        files: Mapping[str, bytes] = {},
    ) -> str:
        """Write a message, with files by their names; its `ts`."""
        return self._people.say(user, channel, text, thread_ts, files)

    def mention(
        self,
        user: str,
        channel: str,
        text: str,
        thread_ts: str | None = None,
        files: Mapping[str, bytes] = {},
    ) -> str:
        """As `say`, with the bot's name before it: both a message and a mention to the app."""
        return self.say(user, channel, f"<@{BOT_USER}> {text}", thread_ts, files)

    def dm(self, user: str, text: str, thread_ts: str | None = None) -> str:
        """Write to the bot alone."""
        user_id = self.workspace.user(user).id
        return self.say(user_id, self.workspace.direct(user_id).id, text, thread_ts)

    def edit(self, user: str, ts: str, text: str) -> None:
        """Change one's own message: the app hears `message_changed`."""
        self._people.edit(user, ts, text)

    def unsay(self, user: str, ts: str) -> None:
        """Delete one's own message: the app hears `message_deleted`."""
        self._people.unsay(user, ts)

    def slash(self, user: str, command: str, text: str, channel: str) -> Delivery:
        return self._people.slash(user, command, text, channel)

    def click(
        self,
        user: str,
        message_ts: str,
        action_id: str,
        value: Any = None,
        *,
        block_id: str | None = None,
    ) -> Delivery:
        """Press a button, or choose `value` in a menu, of a message as it stands now."""
        return self._people.click(user, message_ts, action_id, value, block_id)

    def click_in_view(
        self,
        user: str,
        view_id: str,
        action_id: str,
        value: Any = None,
        *,
        block_id: str | None = None,
    ) -> Delivery:
        return self._people.click_in_view(user, view_id, action_id, value, block_id)

    def submit_view(self, user: str, view_id: str, values: Mapping[str, Any] = {}) -> Delivery:
        """`values` by action id, or by block id and action id; what is not given stays."""
        return self._people.submit_view(user, view_id, values)

    def close_view(self, user: str, view_id: str, *, all_views: bool = False) -> Delivery | None:
        return self._people.close_view(user, view_id, all_views=all_views)
