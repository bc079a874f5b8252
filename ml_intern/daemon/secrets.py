"""Every secret that this process holds, by name, and what takes them out of all that is written."""

import getpass
import os
from pathlib import Path

from ml_intern.credentials import credential_files
from ml_intern.daemon.hub_access import stored_token
from ml_intern.daemon.stores import database_of
from ml_intern.queue import address
from ml_intern.settings import Settings
from ml_intern.tracing.redaction import Redactor, secrets_in
from ml_intern.tracing.redaction.home import Home


def secrets_of(settings: Settings) -> dict[str, str]:
    """From the environment, credentials of systemd and settings. Raises ConfigError, InputError."""
    own = {
        "API_KEY": settings.api_key,
        "DATABASE": settings.database,
        "HF_TOKEN": settings.hf_token,
        "SLACK_BOT_TOKEN": settings.slack_bot_token,
        "SLACK_APP_TOKEN": settings.slack_app_token,
    }
    said = {name: value.get_secret_value() for name, value in own.items() if value is not None}
    stored = stored_token()
    return {
        **({} if stored is None else {"HF_STORED_TOKEN": stored}),
        **secrets_in(os.environ),
        **credential_files(),
        **said,
        **_passwords(settings),
    }


def redactor_of(settings: Settings) -> Redactor:
    """For traces, logs, Slack and errors alike. Raises ConfigError, InputError."""
    return Redactor(
        secrets_of(settings),
        patterns=settings.redact_patterns,
        allowed=settings.redact_allow,
        home=_home() if settings.redact_home else None,
    )


def _home() -> Home:
    try:
        return Home(Path.home(), getpass.getuser())
    except (RuntimeError, OSError, KeyError):  # a user without an entry, as in some containers
        return Home(Path("/"), "")


def _passwords(settings: Settings) -> dict[str, str]:
    """Of the database, which the server repeats without the rest of the address."""
    found = enumerate(address.passwords(database_of(settings)))
    return {f"DATABASE_PASSWORD_{number}": value for number, value in found}
