"""Questions about the packages of the training environment, answered by its own interpreter."""

import importlib.resources
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml_intern.errors import ComputeError
from ml_intern.tools.event_lines import last_event
from ml_intern.tools.protocol import ToolContext
from ml_intern.tools.run_script import run_python
from ml_intern.tools.tracebacks import last_words

TIMEOUT_S = 90.0
"""Reading takes a tenth of a second; what must be imported may take a minute on a cold disk."""


def ask(ctx: ToolContext, request: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of `reading/answers.py` to a request.

    Confined and isolated, as all that runs there. Raises ComputeError when there is no answer.
    """
    folder = Path(str(importlib.resources.files("ml_intern.tools.library") / "reading"))
    done = run_python(
        ctx,
        ["-I", str(folder / "run.py"), json.dumps(request)],
        cwd=ctx.place.workspace,
        timeout_s=TIMEOUT_S,
        extra_read=(folder,),
    )
    report = last_event(done.text, "library")
    if report is None:
        raise ComputeError(
            f"The training environment's interpreter {ctx.place.training_python} gave no answer "
            f"about its packages: {last_words(done.text) or 'it printed nothing'}."
        )
    return {name: value for name, value in report.items() if name != "event"}
