"""Who is there: `auth.test`, `users.info`, `usergroups.users.list`, `reactions.add`."""

import re

from tests.support.slack.call import Call, Desk
from tests.support.slack.refusals import Refused
from tests.support.slack.workspace import APP, BOT, BOT_USER, TEAM, Json


def auth_test(_desk: Desk, call: Call) -> Json:
    """https://docs.slack.dev/reference/methods/auth.test"""
    facts = {"url": "https://workspace.slack.test/", "team": "Workspace", "team_id": TEAM}
    if call.token is not None and call.token.for_app:
        return {**facts, "app_id": APP, "app_name": "ml-intern"}
    return {**facts, "user": "ml-intern", "user_id": BOT_USER, "bot_id": BOT}


def users_info(desk: Desk, call: Call) -> Json:
    """https://docs.slack.dev/reference/methods/users.info"""
    call.need("user")
    user = desk.workspace.users.get(call.text("user"))
    if user is None:
        raise Refused("user_not_found")
    profile = {"display_name": user.name, "real_name": user.name}
    return {
        "user": {
            "id": user.id,
            "team_id": user.team,
            "name": user.name,
            "real_name": user.name,
            "deleted": user.deleted,
            "is_bot": user.is_bot,
            "tz": "Etc/UTC",
            "tz_offset": 0,
            "profile": profile,
        }
    }


def usergroups_users_list(desk: Desk, call: Call) -> Json:
    """https://docs.slack.dev/reference/methods/usergroups.users.list"""
    call.need("usergroup")
    members = desk.workspace.user_groups.get(call.text("usergroup"))
    if members is None:
        raise Refused("no_such_subteam")
    return {"users": list(members)}


def reactions_add(desk: Desk, call: Call) -> Json:
    """https://docs.slack.dev/reference/methods/reactions.add"""
    call.need("channel", "timestamp", "name")
    channel = desk.workspace.channels.get(call.text("channel"))
    if channel is None:
        raise Refused("channel_not_found")
    if not re.fullmatch(r"[a-z0-9_+'-]+(::skin-tone-[2-6])?", call.text("name")):
        raise Refused("invalid_name")
    message = channel.messages.get(call.text("timestamp"))
    if message is None:
        raise Refused("message_not_found")
    if BOT_USER not in channel.members:
        raise Refused("not_in_channel")
    with desk.workspace.change():
        by = message.reactions.setdefault(call.text("name"), set())
        if BOT_USER in by:
            raise Refused("already_reacted")
        by.add(BOT_USER)
    return {}
