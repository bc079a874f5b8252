"""With which token the Hugging Face Hub is asked, and where it is.

Looked up anew each time: a token may come, or become another, while the daemon runs.
"""

import os
import threading
from pathlib import Path

from ml_intern.clock import Clock
from ml_intern.credentials import secret
from ml_intern.errors import ConfigError
from ml_intern.hub.away import PATIENCE_S, HubAbroad
from ml_intern.settings import Settings

TOKEN_VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
CHANGE_PATIENCE_S = 3000.0
"""For a change: weights take their time."""
PUBLIC_HUB = "https://huggingface.co"
NO_TOKEN = (
    "There is no token of the Hugging Face Hub. Set HF_TOKEN or hf_token to one that may write, or "
    "say `hf auth login`."
)
OF_THIS_SHELL = "What a daemon was started with counts for that daemon alone."


def endpoint_of(settings: Settings) -> str:
    """The address of the Hub."""
    return (settings.hf_endpoint or os.environ.get("HF_ENDPOINT") or PUBLIC_HUB).rstrip("/")


def token_of(settings: Settings) -> str | None:
    """Of the setting, a variable or credential, or of the last login; None where there is none.

    Raises ConfigError for a credential that cannot be read.
    """
    if settings.hf_token is not None:
        return settings.hf_token.get_secret_value()
    return next(filter(None, map(secret, TOKEN_VARIABLES)), None) or stored_token()


def is_offline() -> bool:
    """Whether the variable is set that keeps the Hub's client from the network."""
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")


def token_file() -> Path:
    """Where `hf auth login` puts the token, whether it exists or not."""
    home = os.environ.get("HF_HOME") or "~/.cache/huggingface"
    return Path(os.environ.get("HF_TOKEN_PATH") or Path(home) / "token").expanduser()


def stored_token() -> str | None:
    """The one of the last login; None where there is none that can be read."""
    try:
        return token_file().read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def hub_of(
    settings: Settings, *, patience_s: float = PATIENCE_S, as_anybody: bool = False
) -> HubAbroad:
    """The Hub, for one command. `as_anybody`: it will do without a token.

    Raises ConfigError where there is none.
    """
    token = token_of(settings)
    if token is None and not as_anybody:
        raise ConfigError(f"{NO_TOKEN} {OF_THIS_SHELL}")
    return HubAbroad(endpoint_of(settings), token, patience_s=patience_s)


def changing(settings: Settings, clock: Clock, stop: threading.Event) -> HubAbroad | None:
    """The Hub, for a tool that changes it; None where there is no token, or no network."""
    token = token_of(settings)
    if token is None or is_offline():
        return None
    return HubAbroad(
        endpoint_of(settings), token, stop=stop, clock=clock, patience_s=CHANGE_PATIENCE_S
    )
