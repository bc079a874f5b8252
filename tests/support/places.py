"""A session's workplace on real folders, with the strongest sandbox that this machine has."""

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from ml_intern.events import Fact
from ml_intern.messages import CallId
from ml_intern.sandbox.choose import choose_sandbox
from ml_intern.sandbox.system_paths import interpreter_folders
from ml_intern.tools.facts import Facts
from ml_intern.tools.protocol import ToolContext, Workplace
from tests.support.contexts import a_place

TRAINING_PYTHON = Path(os.environ.get("ML_INTERN_TEST_PYTHON", sys.executable))


def real_place(folder: Path, **changes: Any) -> Workplace:
    """A workplace below `folder`; every folder exists."""
    session = folder / "state" / "sessions" / "11111111-1111-4111-8111-111111111111"
    folders = {
        "workspace": session / "workspace",
        "held_out": session / "held_out",
        "jobs": session / "jobs",
        "started_in": folder / "started_in",
        "published": folder / "published",
    }
    for path in folders.values():
        path.mkdir(parents=True, exist_ok=True)
    return a_place(folder, **{**folders, "training_python": TRAINING_PYTHON, **changes})


def confined_place(folder: Path, **changes: Any) -> Workplace:
    """The same, able to run code: in the training environment, confined."""
    sandbox = choose_sandbox("auto", interpreter_folders(TRAINING_PYTHON))
    return real_place(folder, sandbox=sandbox, **changes)


def context_in(place: Workplace, *facts: Fact, **changes: Any) -> ToolContext:
    """A context for one call in `place`, after these facts."""
    return replace(
        ToolContext(place=place, call_id=CallId("call_1"), facts=Facts(facts)), **changes
    )
