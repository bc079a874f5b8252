"""Files that are there whole or not at all, whatever happens in the middle of writing."""

import os
import tempfile
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Put `data` at `path`, on disk, in place of what stands there; makes the folders above it.

    A symbolic link at `path` is replaced, not followed. After an OSError `path` is as before.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), 0o644)
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:  # whatever cut it short, half a file is none
        Path(name).unlink(missing_ok=True)
        raise
