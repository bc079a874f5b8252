"""Secrets by name: what systemd handed over (`LoadCredential=`), else the environment.

A credential is a file in `$CREDENTIALS_DIRECTORY`, named as the variable would be, such as
`ANTHROPIC_API_KEY`. Read anew each time, so that nothing here holds a secret.
"""

import os
from pathlib import Path

from ml_intern.errors import ConfigError


def secret(name: str) -> str | None:
    """The secret called `name`; None when there is none, or an empty one.

    Raises ConfigError for a credential that cannot be read.
    """
    folder = _folder()
    if folder is not None and (folder / name).is_file():
        return _read(folder / name) or None
    return os.environ.get(name, "").strip() or None


def credential_files() -> dict[str, str]:
    """Every credential that systemd handed over, name to value: all of them are secrets.

    Raises ConfigError for one that cannot be read.
    """
    folder = _folder()
    if folder is None or not folder.is_dir():
        return {}
    found = {path.name: _read(path) for path in sorted(folder.iterdir()) if path.is_file()}
    return {name: value for name, value in found.items() if value}


def _folder() -> Path | None:
    given = os.environ.get("CREDENTIALS_DIRECTORY")
    return Path(given) if given else None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as exc:
        raise ConfigError(f"The credential {path} cannot be read: {exc.strerror}.") from exc
    except UnicodeDecodeError as exc:
        raise ConfigError(f"The credential {path} is not text; store the bare key in it.") from exc
