"""What people do in Slack's window, and what the app hears of it.

Whatever a person could not do there (write into a channel they are not in, press a button that is
not shown, leave a required field empty) is `CannotDo`.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.support.slack import payloads
from tests.support.slack.answers import ReplyUrl, ReplyUrls, answer_submission, say_back
from tests.support.slack.deliveries import COMMAND, EVENT, INTERACTION, Delivery
from tests.support.slack.fields import find_element, pressed, state_of
from tests.support.slack.modals import clear, close, shown
from tests.support.slack.refusals import CannotDo, Refused
from tests.support.slack.triggers import Triggers
from tests.support.slack.workspace import BOT_USER, Channel, Json, Message, User, View, Workspace

EVENT_SCOPES = {
    "app_mention": "app_mentions:read",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.im": "im:history",
}
FAILED = "We had some trouble connecting. Try again?"
TIMED_OUT = 'failed with the error "operation_timeout"'


MARKUP = re.compile(r"(<[@#!][^<>]*>|<https?://[^<>]*>|https?://[^\s<>]+)")


def typed(text: str) -> str:
    """What Slack makes of what somebody types: three characters escaped, addresses in brackets.

    Mentions are written as markup, since nobody can type them.
    https://docs.slack.dev/messaging/formatting-message-text#escaping
    """
    parts = MARKUP.split(text)
    return "".join(_link(part) if odd else _escape(part) for odd, part in _alternate(parts))


def _alternate(parts: list[str]) -> list[tuple[bool, str]]:
    return [(number % 2 == 1, part) for number, part in enumerate(parts)]


def _link(part: str) -> str:
    return part if part.startswith("<") else f"<{_escape(part)}>"


def _escape(part: str) -> str:
    return part.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class Gestures:
    """Users and channels by id or name. Safe from any thread."""

    def __init__(
        self,
        workspace: Workspace,
        triggers: Triggers,
        reply_urls: ReplyUrls,
        *,
        url: Callable[[], str],
        hears: Callable[[str], bool],
        post: Callable[[Delivery], None],
    ) -> None:
        self._workspace, self._triggers, self._reply_urls = workspace, triggers, reply_urls
        self._url, self._hears, self._post = url, hears, post
        workspace.tell = self.tell

    def tell(self, subscription: str, event: Json) -> None:
        """An event for the app, when it has subscribed to it and is there to see it."""
        channel = self._workspace.channels[event["channel"]]
        if BOT_USER in channel.members and self._hears(subscription):
            payload = payloads.event_callback(self._workspace, event)
            self._send(EVENT, payload)

    def say(
        self,
        user: str,
        channel: str,
        text: str,
        thread_ts: str | None = None,
        files: Mapping[str, bytes] = {},
    ) -> str:
        person, place = self._there(user, channel)
        if thread_ts and thread_ts not in place.messages:
            raise CannotDo(f"No message {thread_ts} in {place.id}")
        text = typed(text)
        bot_id = f"B{person.id[1:]}" if person.is_bot else None
        message = Message(place.id, self._workspace.next_ts(), person.id, text, bot_id, thread_ts)
        message.files = [
            self._workspace.put_file(name, content, person.id) for name, content in files.items()
        ]
        self._workspace.store(message)
        self.tell(*payloads.message_event(self._workspace, message, self._url()))
        if f"<@{BOT_USER}>" in text and place.kind != "im":
            self.tell(*payloads.mention_event(self._workspace, message, self._url()))
        return message.ts

    def edit(self, user: str, ts: str, text: str) -> None:
        message = self._own(user, ts)
        before = payloads.as_message(message)
        with self._workspace.change():
            message.text = typed(text)
            message.edited = {"user": message.user, "ts": self._workspace.next_ts()}
        self.tell(*payloads.changed_event(self._workspace, message, before))

    def unsay(self, user: str, ts: str) -> None:
        message = self._own(user, ts)
        with self._workspace.change():
            del self._workspace.channels[message.channel].messages[ts]
        self.tell(*payloads.deleted_event(self._workspace, message))

    def slash(self, user: str, command: str, text: str, channel: str) -> Delivery:
        person, place = self._there(user, channel)
        trigger_id = self._triggers.make(person.id)
        key = self._reply_urls.make(person.id, place.id)
        payload = payloads.slash_command(
            person, place, command, text, trigger_id, f"{self._url()}/commands/{key}"
        )
        back = ReplyUrl(person.id, place.id, None, self._workspace.now())
        delivery = Delivery(self._workspace, COMMAND, payload)

        def answered(answer: Json | None) -> None:
            try:
                if answer:
                    say_back(self._workspace, back, answer)
            except Refused as refused:
                delivery.trouble = f"{command} failed with the error {refused.error!r}"

        delivery.on_ack = answered
        return self._dispatch(delivery, f"{command} {TIMED_OUT}")

    def click(
        self, user: str, message_ts: str, action_id: str, value: Any, block_id: str | None
    ) -> Delivery:
        message = self._seen(message_ts)
        person, place = self._there(user, message.channel)
        if message.only_for not in (None, person.id):
            raise CannotDo(f"{person.id} does not see {message_ts}")
        block, element = find_element(message.blocks, action_id, value, block_id)
        action = pressed(block, element, value, self._workspace.next_ts())
        key = self._reply_urls.make(person.id, place.id, message)
        payload = payloads.message_actions(
            person,
            place,
            message,
            action,
            self._triggers.make(person.id),
            f"{self._url()}/actions/{key}",
        )
        return self._send(INTERACTION, payload, trouble=FAILED)

    def click_in_view(
        self, user: str, view_id: str, action_id: str, value: Any, block_id: str | None
    ) -> Delivery:
        person, view = self._on_screen(user, view_id)
        block, element = find_element(view.blocks, action_id, value, block_id)
        action = pressed(block, element, value, self._workspace.next_ts())
        trigger_id = self._triggers.make(person.id, view.id)
        payload = payloads.view_actions(person, shown(view), action, trigger_id)
        return self._send(INTERACTION, payload, trouble=FAILED)

    def submit_view(self, user: str, view_id: str, values: Mapping[str, Any]) -> Delivery:
        person, view = self._on_screen(user, view_id)
        if "submit" not in view.definition:
            raise CannotDo(f"{view_id} has no button to submit it")
        state = state_of(view, values)
        trigger_id = self._triggers.make(person.id, view.id)
        payload = payloads.view_submission(person, shown(view, state), trigger_id)
        delivery = Delivery(self._workspace, INTERACTION, payload)

        def answered(answer: Json | None) -> None:
            delivery.trouble = answer_submission(self._workspace, view, answer)

        delivery.on_ack = answered
        return self._dispatch(delivery, FAILED)

    def close_view(self, user: str, view_id: str, *, all_views: bool) -> Delivery | None:
        """Tells the app only when the view asks for that."""
        person, view = self._on_screen(user, view_id)
        if all_views:
            clear(self._workspace, person.id)
        else:
            close(self._workspace, view)
        if not view.definition.get("notify_on_close"):
            return None
        payload = payloads.view_closed(person, shown(view), cleared=all_views)
        return self._send(INTERACTION, payload)

    def _seen(self, message_ts: str) -> Message:
        try:
            return self._workspace.message(message_ts)
        except Refused:
            raise CannotDo(f"There is no message {message_ts}") from None

    def _own(self, user: str, ts: str) -> Message:
        message = self._seen(ts)
        if message.user != self._workspace.user(user).id:
            raise CannotDo(f"{ts} is not from {user}")
        return message

    def _there(self, user: str, channel: str) -> tuple[User, Channel]:
        person, place = self._workspace.user(user), self._workspace.channel(channel)
        if person.id not in place.members:
            raise CannotDo(f"{person.id} is not in {place.id}")
        if place.archived:
            raise CannotDo(f"{place.id} is archived")
        return person, place

    def _on_screen(self, user: str, view_id: str) -> tuple[User, View]:
        person = self._workspace.user(user)
        screen = self._workspace.screens.get(person.id, [])
        if not screen or screen[-1].id != view_id:
            raise CannotDo(f"{view_id} is not what {person.id} sees")
        return person, screen[-1]

    def _send(self, kind: str, payload: Json, *, trouble: str | None = None) -> Delivery:
        return self._dispatch(Delivery(self._workspace, kind, payload), trouble)

    def _dispatch(self, delivery: Delivery, trouble: str | None) -> Delivery:
        def failed() -> None:
            delivery.trouble = trouble

        delivery.on_fail = failed
        self._post(delivery)
        return delivery
