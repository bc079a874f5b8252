"""The app as Slack wants it described: with the least that it must be able to do."""

from typing import Any

SCOPES = {
    "app_mentions:read": "a mention starts a session",
    "channels:history": "replies in threads are heard, and what was sent is found again",
    "channels:read": "a channel may be named instead of its id",
    "chat:write": "sessions are told",
    "commands": "`/ml-intern TASK` starts a session",
    "files:write": "scripts that are too long to be shown, and loss curves",
    "groups:history": "as `channels:history`, in private channels",
    "groups:read": "as `channels:read`, for private channels",
    "im:history": "direct messages start sessions, too",
    "im:read": "direct messages that came while nobody listened are looked for",
    "metadata.message:read": "a message whose sending broke off is found, not sent twice",
    "usergroups:read": "user groups in slack_may_start and slack_may_decide",
}
"""What the bot needs, and what for."""
EVENTS = ("app_mention", "message.channels", "message.groups", "message.im")
COMMAND = "/ml-intern"


def manifest() -> dict[str, Any]:
    """For https://api.slack.com/apps?new_app=1, "From a manifest"."""
    return {
        "display_information": {
            "name": "ml-intern",
            "description": "A machine-learning engineer that works overnight",
        },
        "features": {
            "app_home": {"messages_tab_enabled": True, "messages_tab_read_only_enabled": False},
            "bot_user": {"display_name": "ml-intern", "always_online": True},
            "slash_commands": [
                {
                    "command": COMMAND,
                    "description": "Start a session with a task in plain words",
                    "usage_hint": "TASK",
                    "should_escape": False,
                }
            ],
        },
        "oauth_config": {"scopes": {"bot": list(SCOPES)}},
        "settings": {
            "event_subscriptions": {"bot_events": list(EVENTS)},
            "interactivity": {"is_enabled": True},
            "org_deploy_enabled": False,
            "socket_mode_enabled": True,
            "token_rotation_enabled": False,
        },
    }
