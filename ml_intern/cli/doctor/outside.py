"""What lies outside: Slack, the token of the Hub, and the dataset that traces go to."""

import os
from collections.abc import Iterator

from ml_intern.cli.doctor.check import Check, Verdict
from ml_intern.cli.quantities import count
from ml_intern.client.door import Health
from ml_intern.client.remote import connect
from ml_intern.daemon.hub_access import endpoint_of, hub_of, stored_token, token_file, token_of
from ml_intern.daemon.slack import tokens
from ml_intern.daemon.uploads import traces_of
from ml_intern.errors import HubError, HubRefused, MLInternError
from ml_intern.settings import Settings
from ml_intern.tools.training.on_hub import NOBODY
from ml_intern.tracing.upload.ledger import Ledger

HUB_PATIENCE_S = 15.0
_HERE = "the settings of this shell"


def slack(settings: Settings) -> Iterator[Check]:
    """Asks Slack, where it is set up."""
    try:
        found = tokens(settings)
    except MLInternError as exc:
        yield Check(name="slack", verdict="fail", found=str(exc))
        return
    if found is None:
        yield _without_tokens(settings)
        return
    # Here, because Slack's client takes half a second to import.
    from ml_intern.slack.examination import examine as examine_slack

    named = [settings.slack_channel, *settings.notify_channels.values()]
    channels = list(dict.fromkeys(name for name in named if name))
    may = (settings.slack_may_start, settings.slack_may_decide)
    for one in examine_slack(*found, settings.slack_api_url, channels, *may):
        verdict: Verdict = "fail" if one.is_fatal else "warn" if one.next_step else "ok"
        yield Check(name="slack", verdict=verdict, found=one.found, next_step=one.next_step)


def _without_tokens(settings: Settings) -> Check:
    """Whoever has set a channel or people wants Slack, and has not got it here."""
    if not (settings.slack_channel or settings.slack_may_start or settings.slack_may_decide):
        return Check(name="slack", verdict="ok", found="not set up (docs/slack.md says how)")
    return Check(
        name="slack",
        verdict="warn",
        found="the settings name a channel or people, but this process has neither token",
        next_step="give SLACK_BOT_TOKEN and SLACK_APP_TOKEN to the daemon, and here to look; "
        "see docs/slack.md",
    )


def hub_token(settings: Settings) -> Check:
    if settings.hf_token is not None:
        words = "present in the settings"
    elif stored_token() == token_of(settings) is not None:
        words = f"present in {token_file()}"
    else:
        words = "none" if token_of(settings) is None else "present in the environment"
    return Check(name="hub token", verdict="ok", found=f"{words}; {_published(settings)}")


def _published(settings: Settings) -> str:
    if token_of(settings) is None:
        return "models are published to a folder"
    if settings.author == NOBODY:
        return f"models are published to a folder, as the setting author is {NOBODY}"
    return f"models are published on the Hub as {settings.author}/NAME"


def traces(settings: Settings) -> Check:
    """Asks the daemon; where none runs, the Hub, with the settings of this shell."""
    folder = traces_of(settings)
    if folder.exists() and not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
        step = "make it a folder that you may write; what is missing there is written then"
        words = f"are not written: {folder} is no folder that can be written"
        return Check(name="traces", verdict="warn", found=words, next_step=step)
    daemon = connect(settings.socket_path)
    if daemon is not None:
        with daemon:
            return _sent_by(daemon.health(), settings)
    if not settings.traces_upload or token_of(settings) is None:
        why = "there is no token" if settings.traces_upload else "traces_upload is false"
        return Check(name="traces", verdict="ok", found=f"stay here, by {_HERE}: {why}")
    try:
        return _dataset(settings)
    except HubError as exc:
        return _not_sent(f"cannot be sent to {endpoint_of(settings)} with {_HERE}: {exc}")


def _sent_by(daemon: Health, settings: Settings) -> Check:
    who = f"the daemon (process {daemon.pid})"
    if daemon.traces_off:
        return Check(
            name="traces", verdict="ok", found=f"stay here: {who} says {daemon.traces_off}"
        )
    if daemon.traces_trouble:
        return _not_sent(f"are not sent by {who}: {daemon.traces_trouble}")
    ledger = Ledger.load(traces_of(settings))
    seen = {True: ", private", False: ", which everybody can read", None: ""}[ledger.known.private]
    place = f" to {ledger.now}{seen}" if ledger.now else ""
    words = f"{who} sends them{place}; {count(daemon.traces_pending, 'file')} to send"
    if daemon.traces_held:
        return _not_sent(f"{words}, {count(daemon.traces_held, 'file')} held back")
    return Check(name="traces", verdict="ok", found=words)


def _dataset(settings: Settings) -> Check:
    """What a daemon of these settings would do. Raises HubError, ConfigError."""
    with hub_of(settings, patience_s=HUB_PATIENCE_S) as hub:
        who = hub.who()
        repo_id = settings.traces_repo.format(user=who.user)
        place = f"{endpoint_of(settings)}/datasets/{repo_id}"
        if who.role == "read":
            words = f"cannot be sent to {place} with {_HERE}: the token of {who.user} may only read"
            return _not_sent(words)
        try:
            seen = hub.look(repo_id)
        except HubRefused as exc:
            if exc.reason != "missing":
                raise
            words = "which is not there yet"
        else:
            words = "private" if seen.private else "which everybody can read"
    words = f"a daemon with {_HERE} sends them to {place}, {words}"
    return Check(name="traces", verdict="ok", found=words)


def _not_sent(words: str) -> Check:
    step = "see `ml-intern traces status`, or set traces_upload to false"
    return Check(name="traces", verdict="warn", found=words, next_step=step)
