"""The file in the name of a model that answers from one: `replay/PATH`, `scripted/PATH`."""

from pathlib import Path

from ml_intern.errors import ConfigError


def file_of(name: str, what: str) -> Path:
    """Raises ConfigError when none can be found; `what` it should be, for people."""
    path = Path(name.partition("/")[2])
    if not path.is_absolute():
        raise ConfigError(f"{name}: give the whole path of the {what}, from / on.")
    try:
        is_there, is_folder = path.is_file(), path.is_dir()
    except OSError as exc:
        raise ConfigError(f"{name}: {path} cannot be read ({exc.strerror}).") from exc
    if is_folder:
        raise ConfigError(f"{name}: {path} is a folder; give the path of the {what}.")
    if not is_there:
        raise ConfigError(f"{name}: there is no file {path}.")
    return path
