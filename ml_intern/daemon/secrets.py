"""Every secret that this process holds, by name: what must never be written anywhere."""

import os

from ml_intern.credentials import credential_files
from ml_intern.settings import Settings
from ml_intern.tracing.redact import secrets_in


def secrets_of(settings: Settings) -> dict[str, str]:
    """From the environment, systemd's credentials and the settings. Raises ConfigError."""
    key = settings.api_key
    own = {} if key is None else {"API_KEY": key.get_secret_value()}
    return {**secrets_in(os.environ), **credential_files(), **own}
