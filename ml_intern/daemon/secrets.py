"""Every secret that this process holds, by name: what must never be written anywhere."""

import os
from urllib.parse import unquote, urlsplit

from ml_intern.credentials import credential_files
from ml_intern.settings import Settings
from ml_intern.tracing.redact import secrets_in


def secrets_of(settings: Settings) -> dict[str, str]:
    """From the environment, systemd's credentials and the settings. Raises ConfigError."""
    own = {"API_KEY": settings.api_key, "DATABASE": settings.database}
    password = _password(settings)
    said = {name: value.get_secret_value() for name, value in own.items() if value is not None}
    return {**secrets_in(os.environ), **credential_files(), **said, **password}


def _password(settings: Settings) -> dict[str, str]:
    """Of the database, which the server repeats without the rest of the address."""
    url = urlsplit(settings.database.get_secret_value() if settings.database else "")
    return {"DATABASE_PASSWORD": unquote(url.password)} if url.password else {}
