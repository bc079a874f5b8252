"""The file in the name of a model that answers from one: `replay/PATH`, `scripted/PATH`."""

from pathlib import Path

from ml_intern.errors import ConfigError


def file_of(name: str, what: str) -> Path:
    """Raises ConfigError when there is none; `what` it should be, for people."""
    path = Path(name.partition("/")[2])
    if not path.is_absolute():
        raise ConfigError(f"{name}: give the whole path of the {what}, from / on.")
    if not path.is_file():
        raise ConfigError(f"{name}: there is no file {path}.")
    return path
