"""What Slack sends, as the few facts that we store. Foreign JSON is parsed here and nowhere else.

Slack sends the same again, in another envelope, and a mention as two events: the key of a letter is
what the person did, not what it came in.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

LONGEST = 100_000
"""Characters of a text that are stored."""
MOST_FILES, LONGEST_NAME = 20, 200
"""Of the files on a message, that are named."""
WORDS = (None, "file_share", "thread_broadcast")
"""Subtypes of messages that are somebody's words; the others are changes, joins and the like."""


@dataclass(frozen=True, kw_only=True)
class Heard:
    """One thing that somebody did, and the key under which it counts once."""

    key: str
    body: dict[str, Any] = field(hash=False)


def heard(kind: str, payload: Mapping[str, Any]) -> Heard | None:
    """What is to be dealt with; None for all else."""
    match kind:
        case "events_api":
            return _message(payload)
        case "slash_commands":
            return _command(payload)
        case "interactive":
            return _interaction(payload)
        case _:
            return None


def _message(payload: Mapping[str, Any]) -> Heard | None:
    event = _object(payload.get("event"))
    if event.get("type") not in ("message", "app_mention"):
        return None
    bot = _bot(payload)
    user, ts, channel = (_text(event, name) for name in ("user", "ts", "channel"))
    own = event.get("bot_id") or user == bot
    if own or event.get("subtype") not in WORDS or not (user and ts and channel):
        return None
    body = {
        "kind": "message",
        "user": user,
        "team": _text(event, "team") or _text(payload, "team_id"),
        "channel": channel,
        "ts": ts,
        "thread_ts": _text(event, "thread_ts"),
        "text": _text(event, "text")[:LONGEST],
        "bot": bot,
        "files": _file_names(event),
    }
    return Heard(key=f"slack:message:{channel}:{ts}", body=body)


def _command(payload: Mapping[str, Any]) -> Heard:
    body = {
        "kind": "command",
        "user": _text(payload, "user_id"),
        "name": _text(payload, "user_name"),
        "team": _text(payload, "team_id"),
        "channel": _text(payload, "channel_id"),
        "text": _text(payload, "text")[:LONGEST],
    }
    return Heard(key=f"slack:command:{_text(payload, 'trigger_id')}", body=body)


def _interaction(payload: Mapping[str, Any]) -> Heard | None:
    kind: Literal["block_actions", "view_submission"] | Any = payload.get("type")
    user = _object(payload.get("user"))
    team = _text(user, "team_id") or _text(_object(payload.get("team")), "id")
    who = {"user": _text(user, "id"), "name": _text(user, "username"), "team": team}
    if kind == "block_actions":
        return _click(payload, who)
    if kind == "view_submission":
        view = _object(payload.get("view"))
        key = f"slack:view:{_text(view, 'id')}:{_text(view, 'hash')}"
        return Heard(key=key, body={"kind": "submission", **who, "view": view})
    return None


def _click(payload: Mapping[str, Any], who: Mapping[str, str]) -> Heard | None:
    pressed = payload.get("actions")
    action = _object(pressed[0]) if isinstance(pressed, list) and pressed else {}
    container = _object(payload.get("container"))
    ts, action_id = _text(container, "message_ts"), _text(action, "action_id")
    if not ts or action.get("type") != "button":
        return None
    body = {
        "kind": "click",
        **who,
        "channel": _text(container, "channel_id"),
        "ts": ts,
        "thread_ts": _text(container, "thread_ts"),
        "action": action_id,
        "value": _text(action, "value"),
    }
    key = f"slack:click:{ts}:{who['user']}:{action_id}:{_text(action, 'action_ts')}"
    return Heard(key=key, body=body)


def _bot(payload: Mapping[str, Any]) -> str:
    """Our own user, as Slack says with every event."""
    found = payload.get("authorizations")
    first = _object(found[0]) if isinstance(found, list) and found else {}
    return _text(first, "user_id")


def _file_names(event: Mapping[str, Any]) -> list[str]:
    """Of what hangs on a message; a name may be missing."""
    found = event.get("files")
    listed = found if isinstance(found, list) else []
    named = [_text(_object(one), "name") or "a file without a name" for one in listed]
    return [name[:LONGEST_NAME] for name in named[:MOST_FILES]]


def _object(found: Any) -> dict[str, Any]:
    return found if isinstance(found, dict) else {}


def _text(found: Mapping[str, Any], name: str) -> str:
    """With a `?` for half a character, which no database takes."""
    value = found.get(name)
    return value.encode(errors="replace").decode() if isinstance(value, str) else ""
