"""Parquet files: read in the training environment, confined, and from then on tables like others.

The reader is a large library in another language, and a file may come from anywhere: it never reads
one in the daemon.
"""

import tempfile
from pathlib import Path

from ml_intern.errors import InputError
from ml_intern.tools.data.stop import check
from ml_intern.tools.protocol import ToolContext
from ml_intern.tools.run_script import run_python

SUFFIX = ".parquet"
TIMEOUT_S = 500.0
MOST_BYTES = 2 << 30
_SCRIPT = Path(__file__).parent / "training_side" / "parquet.py"


def converted(path: Path, scratch: Path, ctx: ToolContext) -> Path:
    """The rows of a Parquet file as JSON Lines, or as a folder of pictures, below `scratch`.

    Raises InputError, Stopped, SandboxError.
    """
    if (size := path.stat().st_size) > MOST_BYTES:
        raise InputError(
            f"{path} has {size:,} bytes; at most {MOST_BYTES:,} are read here. Write a part of it."
        )
    folder = Path(tempfile.mkdtemp(dir=scratch))
    done = run_python(
        ctx,
        ["-I", str(_SCRIPT), str(path), str(folder)],
        cwd=folder,
        timeout_s=TIMEOUT_S,
        extra_read=[_SCRIPT, path],
        extra_write=[folder],
    )
    check(ctx.cancelled)
    if not done.ok:
        last = (done.tail or done.head).strip().rpartition("\n")[2]
        raise InputError(
            f"{path} cannot be read as Parquet (exit code {done.exit_code}): "
            f"{last[:300] or 'no output'}"
        )
    pictures = folder / "images"
    return pictures if pictures.is_dir() else folder / "table.jsonl"
