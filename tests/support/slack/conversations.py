"""The `conversations.*` methods.

https://docs.slack.dev/reference/methods?family=conversations
"""

import base64
from collections.abc import Sequence
from typing import TypeVar

from tests.support.slack.call import Call, Desk
from tests.support.slack.payloads import as_message, attached
from tests.support.slack.refusals import Refused
from tests.support.slack.workspace import BOT_USER, Channel, Json, Message

T = TypeVar("T")
KINDS = {"public_channel": "channel", "private_channel": "group", "im": "im"}


def info(desk: Desk, call: Call) -> Json:
    channel = call.readable(desk, "channel", "read")
    _visible(channel)
    return {"channel": as_channel(channel)}


def list_(desk: Desk, call: Call) -> Json:
    found = _of_kinds(desk, call)
    return _listed([one for one in found if one.kind == "channel" or BOT_USER in one.members], call)


def of_user(desk: Desk, call: Call) -> Json:
    """Those that the bot is in. https://docs.slack.dev/reference/methods/users.conversations"""
    if call.text("user") not in ("", BOT_USER):
        raise Refused("user_not_found")
    return _listed([one for one in _of_kinds(desk, call) if BOT_USER in one.members], call)


def _of_kinds(desk: Desk, call: Call) -> list[Channel]:
    wanted = (call.text("types") or "public_channel").split(",")
    kinds = {KINDS[name] for name in wanted if name in KINDS}
    for kind in sorted(kinds):
        call.scopes(f"{Channel('', '', kind).scope_family}:read")
    return [
        channel
        for channel in desk.workspace.channels.values()
        if channel.kind in kinds and not (channel.archived and call.flag("exclude_archived"))
    ]


def _listed(found: Sequence[Channel], call: Call) -> Json:
    page, cursor = _page(found, call, 100)
    return {"channels": [as_channel(one) for one in page], **_more(cursor)}


def join(desk: Desk, call: Call) -> Json:
    call.need("channel")
    channel = desk.workspace.channels.get(call.text("channel"))
    if channel is None:
        raise Refused("channel_not_found")
    if channel.kind != "channel":
        raise Refused("method_not_supported_for_channel_type")
    if channel.archived:
        raise Refused("is_archived")
    with desk.workspace.change():
        channel.members.add(BOT_USER)
    return {"channel": as_channel(channel)}


def open_(desk: Desk, call: Call) -> Json:
    """A direct conversation with one person."""
    users = [one for one in call.text("users").split(",") if one]
    if not users:
        raise Refused("users_list_not_supplied")
    if users[0] not in desk.workspace.users:
        raise Refused("user_not_found")
    return {"channel": {"id": desk.workspace.direct(users[0]).id}}


def history(desk: Desk, call: Call) -> Json:
    """Newest first; replies stand in their threads only."""
    channel = _read(desk, call)
    found = [
        message
        for message in reversed(channel.messages.values())
        if (not message.is_reply or message.reply_broadcast) and _between(message, call)
    ]
    page, cursor = _page(found, call, 100)
    return {
        "messages": _shown(desk, channel, page, call),
        "has_more": bool(cursor),
        **_more(cursor),
    }


def replies(desk: Desk, call: Call) -> Json:
    """Oldest first; the parent leads every page."""
    call.need("channel", "ts")
    channel = _read(desk, call)
    parent = channel.messages.get(call.text("ts"))
    if parent is None:
        raise Refused("thread_not_found")
    thread = channel.thread(parent.thread_ts or parent.ts)
    found = [message for message in thread[1:] if _between(message, call)]
    page, cursor = _page(found, call, 1000)
    shown = _shown(desk, channel, [thread[0], *page], call)
    return {"messages": shown, "has_more": bool(cursor), **_more(cursor)}


def _read(desk: Desk, call: Call) -> Channel:
    channel = call.readable(desk, "channel", "history")
    _visible(channel)
    if BOT_USER not in channel.members:
        raise Refused("not_in_channel")
    if call.flag("include_all_metadata"):
        call.scopes("metadata.message:read")
    return channel


def _visible(channel: Channel) -> None:
    if channel.kind != "channel" and BOT_USER not in channel.members:
        raise Refused("channel_not_found")


def _between(message: Message, call: Call) -> bool:
    oldest, latest = call.text("oldest"), call.text("latest")
    at = float(message.ts)
    if call.flag("inclusive"):
        return (not oldest or at >= float(oldest)) and (not latest or at <= float(latest))
    return (not oldest or at > float(oldest)) and (not latest or at < float(latest))


def _page(found: Sequence[T], call: Call, default: int) -> tuple[Sequence[T], str]:
    """A page, and the cursor of the next one or nothing.

    https://docs.slack.dev/apis/web-api/pagination
    """
    limit = call.number("limit", default)
    if not 1 <= limit <= 1000:
        raise Refused("invalid_limit")
    start = _position(call.text("cursor"))
    end = start + limit
    return found[start:end], _cursor(end) if end < len(found) else ""


def _cursor(position: int) -> str:
    return base64.b64encode(f"next:{position}".encode()).decode()


def _position(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        return int(base64.b64decode(cursor, validate=True).decode().removeprefix("next:"))
    except ValueError:
        raise Refused("invalid_cursor") from None


def _more(cursor: str) -> Json:
    return {"response_metadata": {"next_cursor": cursor}}


def _shown(desk: Desk, channel: Channel, messages: Sequence[Message], call: Call) -> list[Json]:
    metadata = call.flag("include_all_metadata")
    return [
        as_message(message, metadata=metadata, replies=channel.thread(message.ts)[1:])
        | attached(desk.workspace, message, desk.url())
        for message in messages
    ]


def as_channel(channel: Channel) -> Json:
    facts: Json = {
        "id": channel.id,
        "name": channel.name,
        "is_channel": channel.kind == "channel",
        "is_group": channel.kind == "group",
        "is_im": channel.kind == "im",
        "is_private": channel.kind != "channel",
        "is_archived": channel.archived,
        "is_member": BOT_USER in channel.members,
        "num_members": len(channel.members),
    }
    if channel.kind == "im":
        facts["user"] = next(iter(channel.members - {BOT_USER}))
    return facts
