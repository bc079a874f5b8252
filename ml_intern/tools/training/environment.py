"""The environment that training runs in, asked through its own interpreter."""

import importlib.resources
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml_intern.errors import ComputeError
from ml_intern.sandbox.run import Completed
from ml_intern.tools.event_lines import last_event
from ml_intern.tools.protocol import ToolContext
from ml_intern.tools.run_script import run_python
from ml_intern.tools.tracebacks import last_words

NEEDED = ("torch", "transformers", "datasets", "accelerate", "safetensors", "matplotlib")
"""Packages that the recipes and our own scripts import."""
HOW_TO_INSTALL = (
    "Install them into the environment of the setting `training_python`: "
    "pip install 'ml-intern[train]'"
)
_TIMEOUT_S = 90.0


@dataclass(frozen=True, kw_only=True)
class Environment:
    """What the training environment has."""

    python: str
    packages: dict[str, str]
    gpus: list[dict[str, Any]]
    requirements: dict[str, str]
    """Installed versions of what was asked for, and of all that it needs."""

    @property
    def missing(self) -> list[str]:
        """Packages without which nothing can be trained here."""
        return [name for name in NEEDED if name not in self.packages]


def probe(ctx: ToolContext, require: Sequence[str] = ()) -> Environment:
    """Ask. Raises ComputeError when the interpreter does not start or answers nothing."""
    done = run_training_side(ctx, "probe_environment", ["--require", *require], _TIMEOUT_S)
    report = last_event(done.text, "environment")
    if report is None:
        raise ComputeError(
            f"The training environment's interpreter {ctx.place.training_python} does not work: "
            f"{last_words(done.text) or 'it printed nothing'}. Check the setting training_python."
        )
    return Environment(
        python=report["python"],
        packages=report["packages"],
        gpus=report["gpus"],
        requirements=report["requirements"],
    )


def run_training_side(
    ctx: ToolContext, name: str, arguments: Sequence[str], timeout_s: float
) -> Completed:
    """Run one of our scripts in the training environment, confined and isolated.

    Isolated (`-I`): what the session's code leaves in its home or its environment is not imported.
    """
    script = training_side(name)
    return run_python(
        ctx,
        ["-I", str(script), *arguments],
        cwd=ctx.place.workspace,
        timeout_s=timeout_s,
        extra_read=(script,),
    )


def training_side(name: str) -> Path:
    """The file of one of our own scripts in `training_side`."""
    folder = importlib.resources.files("ml_intern.tools.training.training_side")
    return Path(str(folder / f"{name}.py"))


def recipe_file(name: str) -> Path:
    """The file of a recipe, found without importing anything of the recipes."""
    return Path(str(importlib.resources.files("ml_intern") / "recipes" / f"{name}.py"))
