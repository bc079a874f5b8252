"""What Slack shows of things: messages, files, events, interactions, commands.

https://docs.slack.dev/reference/events and
https://docs.slack.dev/reference/interaction-payloads
"""

from collections.abc import Sequence
from typing import Any

from tests.support.slack.workspace import (
    APP,
    BOT,
    BOT_USER,
    TEAM,
    Channel,
    File,
    Json,
    Message,
    User,
    Workspace,
)

VERIFICATION = "verification-token"


def as_message(message: Message, *, metadata: bool = True, replies: Sequence[Message] = ()) -> Json:
    shown: Json = {"type": "message", "user": message.user, "text": message.text, "ts": message.ts}
    if message.bot_id:
        shown["bot_id"] = message.bot_id
    if message.bot_id == BOT:
        shown |= {"app_id": APP, "team": TEAM}
    if message.thread_ts or replies:
        shown["thread_ts"] = message.thread_ts or message.ts
    if message.parent_user:
        shown["parent_user_id"] = message.parent_user
    if replies:
        shown |= _reply_facts(replies)
    if message.blocks:
        shown["blocks"] = message.blocks
    if message.metadata and metadata:
        shown["metadata"] = message.metadata
    if message.files:
        shown["files"] = [{"id": file_id} for file_id in message.files]
    if message.edited:
        shown["edited"] = message.edited
    if message.reactions:
        shown["reactions"] = [
            {"name": name, "users": sorted(by), "count": len(by)}
            for name, by in message.reactions.items()
        ]
    return shown


def _reply_facts(replies: Sequence[Message]) -> Json:
    people = sorted({reply.user for reply in replies})
    return {
        "reply_count": len(replies),
        "reply_users": people,
        "reply_users_count": len(people),
        "latest_reply": replies[-1].ts,
    }


def as_file(file: File, url: str) -> Json:
    return {
        "id": file.id,
        "name": file.name,
        "title": file.title,
        "size": file.length,
        "channels": file.channels,
        "user": file.user,
        "url_private": f"{url}/files/{file.id}",
        "permalink": f"https://workspace.slack.test/files/{BOT_USER}/{file.id}",
    }


def _placed(workspace: Workspace, message: Message) -> tuple[str, Json]:
    """The name of the subscription that hears of it, and where it happened."""
    channel = workspace.channels[message.channel]
    where = {"channel": channel.id, "channel_type": channel.kind}
    return f"message.{channel.scope_family}", where


def message_event(workspace: Workspace, message: Message, url: str = "") -> tuple[str, Json]:
    """`url`: where the server is, for the addresses of files."""
    kind, where = _placed(workspace, message)
    author = workspace.users[message.user]
    event = as_message(message, metadata=False) | where | {"event_ts": message.ts}
    event["team"] = author.team
    if message.files:
        event["subtype"] = "file_share"
    return kind, event | attached(workspace, message, url)


def attached(workspace: Workspace, message: Message, url: str) -> Json:
    """The files of a message, which events hold whole."""
    found = [as_file(workspace.files[file_id], url) for file_id in message.files]
    return {"files": found} if found else {}


def mention_event(workspace: Workspace, message: Message, url: str) -> tuple[str, Json]:
    _, where = _placed(workspace, message)
    event = as_message(message) | {"type": "app_mention", "channel": where["channel"]}
    author = workspace.users[message.user]
    event |= {"event_ts": message.ts, "team": author.team}
    return "app_mention", event | attached(workspace, message, url)


def changed_event(workspace: Workspace, message: Message, before: Json) -> tuple[str, Json]:
    kind, where = _placed(workspace, message)
    ts = message.edited["ts"] if message.edited else message.ts
    change = {"message": as_message(message, metadata=False), "previous_message": before}
    event = {"type": "message", "subtype": "message_changed", "hidden": True, "ts": ts}
    return kind, event | where | change | {"event_ts": ts}


def deleted_event(workspace: Workspace, message: Message) -> tuple[str, Json]:
    kind, where = _placed(workspace, message)
    ts = workspace.next_ts()
    event = {"type": "message", "subtype": "message_deleted", "hidden": True, "ts": ts}
    return kind, event | where | {"deleted_ts": message.ts, "event_ts": ts}


def event_callback(workspace: Workspace, event: Json) -> Json:
    """https://docs.slack.dev/apis/events-api/#callback-field"""
    return {
        "token": VERIFICATION,
        "team_id": TEAM,
        "api_app_id": APP,
        "event": event,
        "type": "event_callback",
        "event_id": workspace.number("Ev"),
        "event_time": int(workspace.now()),
        "authorizations": [{"team_id": TEAM, "user_id": BOT_USER, "is_bot": True}],
    }


def person(user: User) -> Json:
    return {"id": user.id, "username": user.name, "name": user.name, "team_id": user.team}


def _interaction(kind: str, user: User, trigger_id: str) -> Json:
    return {
        "type": kind,
        "user": person(user),
        "api_app_id": APP,
        "token": VERIFICATION,
        "team": {"id": TEAM, "domain": "workspace"},
        "enterprise": None,
        "is_enterprise_install": False,
        "trigger_id": trigger_id,
    }


def message_actions(
    user: User, channel: Channel, message: Message, action: Json, trigger_id: str, reply_url: str
) -> Json:
    """https://docs.slack.dev/reference/interaction-payloads/block_actions-payload"""
    private = message.only_for is not None
    container: Json = {"type": "message", "message_ts": message.ts, "channel_id": channel.id}
    if message.thread_ts:
        container["thread_ts"] = message.thread_ts
    payload = _interaction("block_actions", user, trigger_id) | {
        "container": container | {"is_ephemeral": private},
        "channel": {"id": channel.id, "name": channel.name or "directmessage"},
        "state": {"values": {}},
        "response_url": reply_url,
        "actions": [action],
    }
    return payload if private else payload | {"message": as_message(message)}


def view_actions(user: User, view: Json, action: Json, trigger_id: str) -> Json:
    return _interaction("block_actions", user, trigger_id) | {
        "container": {"type": "view", "view_id": view["id"]},
        "view": view,
        "actions": [action],
    }


def view_submission(user: User, view: Json, trigger_id: str) -> Json:
    """https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload"""
    return _interaction("view_submission", user, trigger_id) | {"view": view, "response_urls": []}


def view_closed(user: User, view: Json, *, cleared: bool) -> Json:
    payload = _interaction("view_closed", user, "")
    del payload["trigger_id"]
    return payload | {"view": view, "is_cleared": cleared}


def slash_command(
    user: User, channel: Channel, command: str, text: str, trigger_id: str, reply_url: str
) -> dict[str, Any]:
    """https://docs.slack.dev/interactivity/implementing-slash-commands"""
    return {
        "token": VERIFICATION,
        "team_id": TEAM,
        "team_domain": "workspace",
        "channel_id": channel.id,
        "channel_name": channel.name or "directmessage",
        "user_id": user.id,
        "user_name": user.name,
        "command": command,
        "text": text,
        "api_app_id": APP,
        "is_enterprise_install": "false",
        "response_url": reply_url,
        "trigger_id": trigger_id,
    }
