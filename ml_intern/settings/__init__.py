"""Every setting: what there is, and what holds in this process.

Read from (first wins): what the command line says, environment variables `ML_INTERN_*`, `.env` in
the working directory, `LLM_ENDPOINT` (for the model), `config.toml`, the defaults in the class.
"""

from ml_intern.settings.kinds import (
    EXAMPLES,
    LEAST_WINDOW,
    MOST_TOKENS,
    MOST_USD,
    Address,
    Expressions,
    ModelPrice,
)
from ml_intern.settings.loading import load
from ml_intern.settings.places import ENV_PREFIX, config_file, default_state_dir
from ml_intern.settings.settings import Settings

__all__ = [
    "ENV_PREFIX",
    "EXAMPLES",
    "LEAST_WINDOW",
    "MOST_TOKENS",
    "MOST_USD",
    "Address",
    "Expressions",
    "ModelPrice",
    "Settings",
    "config_file",
    "default_state_dir",
    "load",
]
