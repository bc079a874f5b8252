"""Where settings and state lie."""

import os
from pathlib import Path

ENV_PREFIX = "ML_INTERN_"


def config_file() -> Path:
    """`config.toml` under the XDG configuration directory, whether it exists or not."""
    base = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(base).expanduser() / "ml-intern" / "config.toml"


def default_state_dir() -> Path:
    """systemd's `STATE_DIRECTORY`, else `ml-intern` under the XDG state directory."""
    given = os.environ.get("STATE_DIRECTORY")
    if given:
        return Path(given.split(":")[0])
    base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(base).expanduser() / "ml-intern"
