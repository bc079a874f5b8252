"""What happens when the app has answered: to a modal, to a command, at a `response_url`.

https://docs.slack.dev/surfaces/modals#interactions and
https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
"""

import json
from dataclasses import dataclass

from tests.support.slack.blocks import with_ids
from tests.support.slack.modals import DEEPEST, check_view, clear, close, replace, show
from tests.support.slack.refusals import Refused
from tests.support.slack.workspace import BOT, BOT_USER, Json, Message, View, Workspace

URL_USES, URL_GOOD_FOR_S = 5, 30 * 60


def answer_submission(workspace: Workspace, view: View, answer: Json | None) -> str | None:
    """Do what the app says with the modal. What the person is told, when that cannot be done."""
    action = (answer or {}).get("response_action")
    try:
        if action is None:
            close(workspace, view)
        elif action == "clear":
            clear(workspace, view.user)
        elif action == "errors":
            return _write_errors(workspace, view, (answer or {}).get("errors"))
        elif action == "update":
            replace(workspace, view, check_view(workspace, (answer or {}).get("view")))
        elif action == "push" and len(workspace.screens[view.user]) < DEEPEST:
            definition = check_view(workspace, (answer or {}).get("view"))
            show(workspace, view.user, definition, on_top=True)
        else:
            return f"response_action {action!r}"
    except Refused as refused:
        return "; ".join(refused.messages) or refused.error
    return None


def _write_errors(workspace: Workspace, view: View, errors: Json | None) -> str | None:
    """Keys are the ids of input blocks; with any other, Slack shows none of them."""
    inputs = {block["block_id"] for block in view.blocks if block["type"] == "input"}
    if not errors or not set(errors) <= inputs:
        return f"errors for {sorted(errors or {})}, but the fields are {sorted(inputs)}"
    with workspace.change():
        view.errors = dict(errors)
    return None


@dataclass
class ReplyUrl:
    user: str
    channel: str
    message: Message | None
    made_at: float
    uses: int = 0


class ReplyUrls:
    """Addresses that come with clicks and commands: five uses in thirty minutes."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._made: dict[str, ReplyUrl] = {}

    def make(self, user: str, channel: str, message: Message | None = None) -> str:
        key = self._workspace.number("reply")
        self._made[key] = ReplyUrl(user, channel, message, self._workspace.now())
        return key

    def receive(self, key: str, body: bytes) -> tuple[int, str]:
        """A status and a line of text, as Slack answers there."""
        url = self._made.get(key)
        if url is None:
            return 404, "no_service"
        if self._workspace.now() - url.made_at > URL_GOOD_FOR_S:
            return 404, "expired_url"
        if url.uses >= URL_USES:
            return 404, "used_url"
        url.uses += 1
        try:
            say_back(self._workspace, url, json.loads(body))
        except (ValueError, AttributeError):
            return 400, "invalid_payload"
        except Refused as refused:
            return 400, refused.error
        return 200, "ok"


def say_back(workspace: Workspace, url: ReplyUrl, said: Json) -> None:
    """Replace or delete the message that was clicked, or say something new."""
    channel = workspace.channels[url.channel]
    if said.get("delete_original") and url.message:
        with workspace.change():
            channel.messages.pop(url.message.ts, None)
        return
    if not said.get("text") and not said.get("blocks"):
        raise Refused("no_text")
    blocks = with_ids(said.get("blocks", []), workspace.number)
    if said.get("replace_original") and url.message:
        with workspace.change():
            url.message.text, url.message.blocks = said.get("text", ""), blocks
        return
    public = said.get("response_type") == "in_channel"
    message = Message(
        channel=url.channel,
        ts=workspace.next_ts(),
        user=BOT_USER,
        bot_id=BOT,
        text=said.get("text", ""),
        blocks=blocks,
        thread_ts=said.get("thread_ts"),
        only_for=None if public else url.user,
    )
    with workspace.change():
        (workspace.store(message) if public else workspace.ephemerals.append(message))
