"""Whether and how this process talks to Slack: the settings, and the threads that they make."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ml_intern.client.door import Door
from ml_intern.clock import Clock
from ml_intern.credentials import secret
from ml_intern.daemon.folders import private_folder
from ml_intern.daemon.supervisor import Supervisor
from ml_intern.errors import ConfigError
from ml_intern.queue.store import Store
from ml_intern.settings import Settings

if TYPE_CHECKING:
    from ml_intern.slack.app import Slack

BOT_TOKEN, APP_TOKEN = "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"
"""The variables, or the systemd credentials, that hold the tokens where no setting does."""


def tokens(settings: Settings) -> tuple[str, str] | None:
    """Of the bot and of the app; None where neither is set. Raises ConfigError."""
    bot = settings.slack_bot_token
    app = settings.slack_app_token
    bot_token = bot.get_secret_value() if bot is not None else secret(BOT_TOKEN)
    app_token = app.get_secret_value() if app is not None else secret(APP_TOKEN)
    if not bot_token and not app_token:
        return None
    for token, name, start in (
        (bot_token, "slack_bot_token", "xoxb-"),
        (app_token, "slack_app_token", "xapp-"),
    ):
        if not token or not token.startswith(start):
            lacks = f"does not begin with `{start}`" if token else "is not set"
            raise ConfigError(
                f"Slack needs two tokens, and {name} {lacks}: set both or neither, as "
                "docs/slack.md says."
            )
    assert bot_token
    assert app_token
    return bot_token, app_token


def slack_of(
    settings: Settings,
    store: Store,
    door: Door,
    clock: Clock,
    *,
    redact: Callable[[Any], Any],
) -> "Slack | None":
    """None where Slack is not set up. Raises ConfigError for half of it."""
    found = tokens(settings)
    if found is None:
        return None
    # Here, because Slack's client takes half a second to import.
    from ml_intern.slack.app import Setup, Slack

    folder = settings.slack_folder or settings.state_dir / "slack"
    if settings.slack_folder is None:
        private_folder(folder)
    setup = Setup(
        bot_token=found[0],
        app_token=found[1],
        channel=settings.slack_channel or "",
        may_start=settings.slack_may_start,
        may_decide=settings.slack_may_decide,
        channels=settings.notify_channels,
        folder=folder,
        base_url=settings.slack_api_url,
    )
    return Slack(setup, store, door, clock, redact=redact)


def start(slack: "Slack", readers: Supervisor) -> None:
    """Begin: all that happens from now on is told."""
    slack.teller.begin()
    readers.start("slack-teller", slack.teller.run)
    for sender in slack.senders:
        readers.start(sender.name, sender.run)
    readers.start("slack-clerk", slack.clerk.run)
    readers.start("slack-listener", slack.listener.run)
