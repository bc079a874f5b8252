"""Which methods there are, with the scopes and the tier that Slack's page of each names."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.support.slack import chat, conversations, files, modals, people
from tests.support.slack.call import Call, Desk
from tests.support.slack.workspace import Json


@dataclass(frozen=True)
class Method:
    run: Callable[[Desk, Call], Json]
    scopes: tuple[str, ...] = ()
    """One of these; methods about channels look further, by the kind of channel."""
    tier: int | None = None
    for_app: bool = False


def _connections_open(desk: Desk, call: Call) -> Json:
    """https://docs.slack.dev/reference/methods/apps.connections.open"""
    return {"url": desk.open_socket()}


WRITE = ("chat:write",)
READ = ("channels:read", "groups:read", "im:read")
HISTORY = ("channels:history", "groups:history", "im:history")

METHODS = {
    "apps.connections.open": Method(_connections_open, ("connections:write",), 3, for_app=True),
    "auth.test": Method(people.auth_test),
    "chat.delete": Method(chat.delete, WRITE, 3),
    "chat.getPermalink": Method(chat.get_permalink),
    "chat.postEphemeral": Method(chat.post_ephemeral, WRITE, 4),
    "chat.postMessage": Method(chat.post_message, WRITE),
    "chat.update": Method(chat.update, WRITE, 3),
    "conversations.history": Method(conversations.history, HISTORY, 3),
    "conversations.info": Method(conversations.info, READ, 3),
    "conversations.join": Method(conversations.join, ("channels:join",), 3),
    "conversations.list": Method(conversations.list_, READ, 2),
    "conversations.open": Method(conversations.open_, ("im:write",), 3),
    "conversations.replies": Method(conversations.replies, HISTORY, 3),
    "files.completeUploadExternal": Method(files.complete_upload, ("files:write",), 4),
    "files.getUploadURLExternal": Method(files.get_upload_url, ("files:write",), 4),
    "files.info": Method(files.info, ("files:read",), 4),
    "reactions.add": Method(people.reactions_add, ("reactions:write",), 3),
    "usergroups.users.list": Method(people.usergroups_users_list, ("usergroups:read",), 2),
    "users.conversations": Method(conversations.of_user, READ, 3),
    "users.info": Method(people.users_info, ("users:read",), 4),
    "views.open": Method(modals.views_open, (), 4),
    "views.push": Method(modals.views_push, (), 4),
    "views.update": Method(modals.views_update, (), 4),
}
