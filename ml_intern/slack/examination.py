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
        yield _refused(exc)
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
        else:
            yield _people(web, name, listed, is_named="users:read" in scopes)


def _people(web: SlackWeb, name: str, listed: Sequence[str], *, is_named: bool) -> Finding:
    """Who is listed. `is_named`: whether the bot may look people up, which it need not."""
    found, strange = [], []
    for one in listed:
        try:
            found.append(_known(web, one, is_named=is_named))
        except SlackRefused as exc:
            found.append(f"{one} ({exc.error})")
            strange.append(one)
        except SlackError as exc:
            return Finding(found=f"{name}: {one} cannot be looked up: {exc}", next_step=_step(exc))
    words = f"{name}: {', '.join(found)}"
    if strange:
        step = f"put others in the place of {', '.join(strange)} in {name}"
        return Finding(found=words, next_step=step)
    people = any(_is_person(one) for one in listed)
    unseen = "" if is_named or not people else "; who they are only users:read would tell"
    return Finding(found=words + unseen)


def _known(web: SlackWeb, listed: str, *, is_named: bool) -> str:
    """Somebody of a list, as people read it. Raises SlackRefused for nobody."""
    if listed.startswith("S"):
        members = web.ask("usergroups.users.list", usergroup=listed).get("users", ())
        return f"{listed} (a group of {len(members)})"
    if not is_named or not _is_person(listed):
        return listed
    user = web.ask("users.info", user=listed).get("user", {})
    if user.get("deleted"):
        raise SlackRefused(f"{listed} was deactivated.", error="deactivated")
    return f"{listed} ({user.get('name')})"


def _is_person(listed: str) -> bool:
    return listed.startswith(("U", "W"))


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
        return _refused(exc, f"{name}: ")
    called = f"{name} (#{facts.get('name')})"
    if facts.get("is_archived"):
        step = NEXT_STEPS["is_archived"]
        return Finding(found=f"{called} is archived", next_step=step, is_fatal=True)
    if not facts.get("is_member"):
        step = NEXT_STEPS["not_in_channel"]
        return Finding(found=f"ml-intern is not in {called}", next_step=step, is_fatal=True)
    return Finding(found=f"in {called}")


def _refused(exc: SlackError, about: str = "") -> Finding:
    """What Slack said, and apart from it, once, what to do."""
    step = _step(exc)
    found = f"{about}{exc}".removesuffix(step).strip()
    return Finding(found=found, next_step=step, is_fatal=True)


def _step(exc: SlackError) -> str:
    if isinstance(exc, SlackRefused):
        return NEXT_STEPS.get(exc.error, "see docs/slack.md")
    return "see whether this machine reaches slack.com"
