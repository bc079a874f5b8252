"""Folders that are for this user alone."""

import errno
import os
from pathlib import Path

from ml_intern.errors import ConfigError


def private_folder(path: Path) -> None:
    """Create `path`, and what is missing above it, with mode 0700; one that exists stays as it is.

    Raises ConfigError when that is not possible.
    """
    try:
        for missing in [
            folder for folder in (*reversed(path.parents), path) if not folder.exists()
        ]:
            missing.mkdir(mode=0o700, exist_ok=True)
        if not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    except OSError as exc:
        raise ConfigError(
            f"The folder {path} cannot be used: {exc.strerror}. Set ML_INTERN_STATE_DIR to a "
            "folder that you may write, on a disk with room."
        ) from exc
    if not os.access(path, os.W_OK | os.X_OK):
        raise ConfigError(f"The folder {path} is not writable; set ML_INTERN_STATE_DIR to another.")
