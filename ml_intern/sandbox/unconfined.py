"""No isolation: only for a person who has said so in the settings. Limits and the scrubbed
environment remain.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from ml_intern.sandbox import confine
from ml_intern.sandbox.environment import scrubbed_environment
from ml_intern.sandbox.protocol import Access


class NoSandbox:
    """Code runs with all rights of the person; `Access` bounds only memory, file sizes and
    processes.
    """

    name = "none"

    def wrap(self, argv: Sequence[str], access: Access, *, cwd: Path) -> list[str]:
        specification = confine.specification(
            "none",
            cwd=str(cwd),
            memory_bytes=access.memory_bytes,
            max_file_bytes=access.max_file_bytes,
            max_processes=access.max_processes,
        )
        return [sys.executable, "-I", "-S", confine.__file__, *specification, *argv]

    def environment(self, home: Path, extra: Mapping[str, str]) -> dict[str, str]:
        return scrubbed_environment(home, extra)
