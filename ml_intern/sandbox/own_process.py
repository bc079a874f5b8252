"""How one of our own modules starts as a small process: no site packages, little environment."""

import os
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_PASSED = ("PATH", "LD_LIBRARY_PATH", "LANG")


def module_command(module: str) -> list[str]:
    """The command that runs `main` of `module`, which imports the standard library and its like."""
    program = f"import sys; sys.path.insert(0, sys.argv[1]); from {module} import main; main()"
    return [sys.executable, "-I", "-S", "-c", program, str(_ROOT)]


def module_environment() -> dict[str, str]:
    """None of our secrets: the process shows its environment to its user."""
    return {name: os.environ[name] for name in _PASSED if name in os.environ}
