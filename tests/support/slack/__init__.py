"""A stand-in for Slack that speaks its Web API over HTTP and Socket Mode over WebSocket.

It refuses what the real one refuses: blocks that are too long, a missing scope, a trigger id that
is old or used, a channel that is unknown, a second message in the same second. It can be slow,
silent, down, or break off in the middle. In a test:

    with SlackServer() as slack:
        client = WebClient(slack.bot_token, base_url=slack.base_url, retry_handlers=[])
        ts = slack.mention(REQUESTER, TRAINING, "train a classifier")
        ...  # and then slack.wait_for_message(TRAINING, "started"), slack.click(...), ...
"""

from tests.support.slack.call import Call
from tests.support.slack.deliveries import Attempt, Delivery
from tests.support.slack.refusals import CannotDo, Refused
from tests.support.slack.server import (
    APPROVER,
    GENERAL,
    PRIVATE,
    REQUESTER,
    STRANGER,
    TRAINING,
    SlackServer,
)
from tests.support.slack.tokens import BOT_SCOPES
from tests.support.slack.workspace import BOT_USER, TEAM, Message, View

__all__ = [
    "APPROVER",
    "BOT_SCOPES",
    "BOT_USER",
    "GENERAL",
    "PRIVATE",
    "REQUESTER",
    "STRANGER",
    "TEAM",
    "TRAINING",
    "Attempt",
    "Call",
    "CannotDo",
    "Delivery",
    "Message",
    "Refused",
    "SlackServer",
    "View",
]
