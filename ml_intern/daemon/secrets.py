"""Every secret that this process holds, by name: what must never be written anywhere."""

import os

from ml_intern.credentials import credential_files
from ml_intern.daemon.stores import database_of
from ml_intern.queue import address
from ml_intern.settings import Settings
from ml_intern.tracing.redaction import secrets_in


def secrets_of(settings: Settings) -> dict[str, str]:
    """From the environment, credentials of systemd and settings. Raises ConfigError, InputError."""
    own = {
        "API_KEY": settings.api_key,
        "DATABASE": settings.database,
        "SLACK_BOT_TOKEN": settings.slack_bot_token,
        "SLACK_APP_TOKEN": settings.slack_app_token,
    }
    said = {name: value.get_secret_value() for name, value in own.items() if value is not None}
    return {**secrets_in(os.environ), **credential_files(), **said, **_passwords(settings)}


def _passwords(settings: Settings) -> dict[str, str]:
    """Of the database, which the server repeats without the rest of the address."""
    found = enumerate(address.passwords(database_of(settings)))
    return {f"DATABASE_PASSWORD_{number}": value for number, value in found}
