"""The `chat.*` methods. https://docs.slack.dev/reference/methods?family=chat"""

import json
import re
from typing import Any

from tests.support.slack.blocks import (
    IN_MESSAGE,
    MARKDOWN_LONGEST,
    check_blocks,
    markdown_length,
    with_ids,
)
from tests.support.slack.call import Call, Desk
from tests.support.slack.modals import file_exists
from tests.support.slack.payloads import as_message, changed_event, deleted_event, message_event
from tests.support.slack.refusals import Refused
from tests.support.slack.shapes import Problems
from tests.support.slack.workspace import BOT, BOT_USER, Channel, Json, Message, Workspace

POST_LONGEST = 40_000
"""Slack says that it cuts messages here; the stand-in refuses them, so that nobody relies on it."""
UPDATE_LONGEST = 4_000
METADATA_LARGEST = 8_000
"""Bytes of JSON. Slack has a limit and does not publish it."""


def post_message(desk: Desk, call: Call) -> Json:
    call.need("channel")
    channel = _writable(desk, call)
    content = _content(desk.workspace, call, POST_LONGEST)
    metadata = _metadata(call)
    thread_ts = _thread(channel, call)
    desk.limits.message(channel.id)
    message = Message(
        channel=channel.id,
        ts=desk.workspace.next_ts(),
        user=BOT_USER,
        bot_id=BOT,
        thread_ts=thread_ts,
        metadata=metadata,
        reply_broadcast=call.flag("reply_broadcast"),
        **content,
    )
    desk.workspace.store(message)
    desk.workspace.tell(*message_event(desk.workspace, message))
    return {"channel": channel.id, "ts": message.ts, "message": as_message(message)}


def update(desk: Desk, call: Call) -> Json:
    """With `text` and without `blocks`, the old blocks go; metadata stays unless it is given."""
    call.need("channel", "ts")
    channel, message = _own(desk.workspace, call, "cant_update_message")
    if channel.archived:
        raise Refused("is_inactive")
    if message.frozen:
        raise Refused("edit_window_closed")
    content = _content(desk.workspace, call, UPDATE_LONGEST)
    if "blocks" not in call.params and not call.text("text"):
        content["blocks"] = message.blocks
    metadata = _metadata(call) if "metadata" in call.params else message.metadata
    before = as_message(message)
    with desk.workspace.change():
        message.text, message.blocks, message.metadata = (
            content["text"], content["blocks"], metadata or None,
        )  # fmt: skip
        message.edited = {"user": BOT_USER, "ts": desk.workspace.next_ts()}
    desk.workspace.tell(*changed_event(desk.workspace, message, before))
    text = message.text
    return {"channel": channel.id, "ts": message.ts, "text": text, "message": as_message(message)}


def delete(desk: Desk, call: Call) -> Json:
    call.need("channel", "ts")
    channel, message = _own(desk.workspace, call, "cant_delete_message")
    with desk.workspace.change():
        del channel.messages[message.ts]
    desk.workspace.tell(*deleted_event(desk.workspace, message))
    return {"channel": channel.id, "ts": message.ts}


def post_ephemeral(desk: Desk, call: Call) -> Json:
    """Shown to one person who is in the channel, and gone when they reload."""
    call.need("channel", "user")
    channel = _writable(desk, call)
    content = _content(desk.workspace, call, POST_LONGEST)
    user = call.text("user")
    if user not in channel.members:
        raise Refused("user_not_in_channel")
    message = Message(
        channel=channel.id,
        ts=desk.workspace.next_ts(),
        user=BOT_USER,
        bot_id=BOT,
        thread_ts=call.text("thread_ts") or None,
        only_for=user,
        **content,
    )
    with desk.workspace.change():
        desk.workspace.ephemerals.append(message)
    return {"message_ts": message.ts}


def get_permalink(desk: Desk, call: Call) -> Json:
    call.need("channel", "message_ts")
    channel = desk.workspace.channels.get(call.text("channel"))
    if channel is None:
        raise Refused("channel_not_found")
    message = channel.messages.get(call.text("message_ts"))
    if message is None:
        raise Refused("message_not_found")
    link = f"https://workspace.slack.test/archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.is_reply:
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"channel": channel.id, "permalink": link}


def _writable(desk: Desk, call: Call) -> Channel:
    """A person's id stands for the direct conversation with them."""
    name = call.text("channel")
    if name in desk.workspace.users:
        return desk.workspace.direct(name)
    channel = desk.workspace.channel(name)
    if channel.archived:
        raise Refused("is_archived")
    public = channel.kind == "channel" and call.has_scope("chat:write.public")
    if BOT_USER in channel.members or public:
        return channel
    raise Refused("not_in_channel" if channel.kind == "channel" else "channel_not_found")


def _own(workspace: Workspace, call: Call, error: str) -> tuple[Channel, Message]:
    channel = workspace.channels.get(call.text("channel"))
    if channel is None:
        raise Refused("channel_not_found")
    message = channel.messages.get(call.text("ts"))
    if message is None:
        raise Refused("message_not_found")
    if message.bot_id != BOT:
        raise Refused(error)
    return channel, message


def _content(workspace: Workspace, call: Call, longest: int) -> dict[str, Any]:
    """Text, blocks or both."""
    text = call.text("text")
    blocks = call.parsed("blocks", "invalid_blocks_format")
    if call.text("markdown_text"):
        if text or blocks:
            raise Refused("markdown_text_conflict")
        blocks = [{"type": "markdown", "text": call.text("markdown_text")}]
    if len(text) > longest:
        raise Refused("msg_too_long")
    if blocks:
        _check_blocks(workspace, blocks)
    if not text.strip() and not blocks and not call.params.get("attachments"):
        raise Refused("no_text")
    return {"text": text, "blocks": with_ids(blocks or [], workspace.number)}


def _check_blocks(workspace: Workspace, blocks: Any) -> None:
    if not isinstance(blocks, list):
        raise Refused("invalid_blocks_format")
    problems = Problems(lambda named: file_exists(workspace, named))
    check_blocks(problems, "/blocks", blocks, IN_MESSAGE)
    if problems.messages:
        raise Refused("invalid_blocks", messages=problems.messages, errors=problems.messages)
    if markdown_length(blocks) > MARKDOWN_LONGEST:
        raise Refused("msg_blocks_too_long")


def _metadata(call: Call) -> Json | None:
    """https://docs.slack.dev/messaging/message-metadata"""
    metadata = call.parsed("metadata", "invalid_metadata_format")
    if not metadata:
        return None
    shaped = isinstance(metadata, dict) and set(metadata) <= {"event_type", "event_payload"}
    if not shaped or not isinstance(metadata.get("event_payload"), dict):
        raise Refused("invalid_metadata_format")
    if not re.fullmatch(r"[A-Za-z0-9_.:-]{1,255}", str(metadata.get("event_type", ""))):
        raise Refused("invalid_metadata_format")
    if len(json.dumps(metadata).encode()) > METADATA_LARGEST:
        raise Refused("metadata_too_large")
    return metadata


def _thread(channel: Channel, call: Call) -> str | None:
    """A reply's `ts` stands for its thread."""
    thread_ts = call.text("thread_ts")
    if not thread_ts:
        return None
    parent = channel.messages.get(thread_ts)
    if parent is None:
        raise Refused("thread_not_found")
    return parent.thread_ts or parent.ts
