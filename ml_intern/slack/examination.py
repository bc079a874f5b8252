"""Whether Slack would let us work: both tokens, the scopes, the channels and who may do what.

Changes nothing in Slack, and posts nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from slack_sdk.errors import SlackApiError, SlackClientError

from ml_intern.errors import SlackError, SlackRefused
from ml_intern.slack.manifest import SCOPES
from ml_intern.slack.web import NEXT_STEPS, SlackWeb, client

INSTALL = "install the app again with what `ml-intern slack manifest` prints"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What is as it should be, or what is to be done."""

    found: str
    next_step: str = ""
    """Empty where nothing is to be done."""
    is_fatal: bool = False
    """Without it nothing is told or heard."""


def examine(
    bot_token: str,
    app_token: str,
    base_url: str | None,
    channels: Sequence[str],
    may_start: Sequence[str],
    may_decide: Sequence[str],
) -> Iterator[Finding]:
    """All that can be looked up. Raises nothing."""
    web = SlackWeb(bot_token, base_url)
    try:
        who = web.ask("auth.test")
        scopes = web.scopes()
    except SlackError as exc:
        yield Finding(found=str(exc), next_step=_step(exc), is_fatal=True)
        return
    yield Finding(found=f"{who.get('user')} in the workspace {who.get('team')}")
    missing = sorted(set(SCOPES) - scopes)
    if missing:
        yield Finding(found=f"the bot lacks {', '.join(missing)}", next_step=INSTALL, is_fatal=True)
    yield _socket(app_token, base_url)
    for channel in channels:
        yield _channel(web, channel)
    if not channels:
        step = "set slack_channel to tell sessions that were started elsewhere"
        yield Finding(found="no channel: only sessions from Slack are told", next_step=step)
    for name, listed in (("slack_may_start", may_start), ("slack_may_decide", may_decide)):
        if not listed:
            step = f"set {name} to ids of people, e.g. U0123456789"
            yield Finding(found=f"{name} is empty: nobody may", next_step=step)


def _socket(app_token: str, base_url: str | None) -> Finding:
    try:
        client(None, base_url).apps_connections_open(app_token=app_token)
    except SlackApiError as exc:
        words = f"Slack refuses slack_app_token: {exc.response.get('error')}"
        step = "make an app-level token with the scope connections:write"
        return Finding(found=words, next_step=step, is_fatal=True)
    except (OSError, SlackClientError) as exc:
        return Finding(found=f"Slack cannot be reached: {exc}", is_fatal=True)
    return Finding(found="Socket Mode opens")


def _channel(web: SlackWeb, name: str) -> Finding:
    try:
        facts = web.ask("conversations.info", channel=web.channel_id(name)).get("channel", {})
    except SlackError as exc:
        return Finding(found=f"{name}: {exc}", next_step=_step(exc), is_fatal=True)
    called = f"{name} (#{facts.get('name')})"
    if facts.get("is_archived"):
        step = NEXT_STEPS["is_archived"]
        return Finding(found=f"{called} is archived", next_step=step, is_fatal=True)
    if not facts.get("is_member"):
        step = NEXT_STEPS["not_in_channel"]
        return Finding(found=f"ml-intern is not in {called}", next_step=step, is_fatal=True)
    return Finding(found=f"in {called}")


def _step(exc: SlackError) -> str:
    if isinstance(exc, SlackRefused):
        return NEXT_STEPS.get(exc.error, "see docs/slack.md")
    return "see whether this machine reaches slack.com"
