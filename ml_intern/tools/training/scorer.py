"""Our own measurement of a model, where the session's code can change nothing of it.

The scorer reads the model and the data and writes neither; its home is a folder of ours, and it is
isolated (`-I`), so that nothing that the session's code left behind is imported. A metric counts
only if the weights are the same bytes before, during and after it.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml_intern.errors import ComputeError
from ml_intern.sandbox.protocol import Access
from ml_intern.sandbox.run import Completed, run_confined
from ml_intern.tools.confinement import output_of
from ml_intern.tools.event_lines import last_event
from ml_intern.tools.protocol import ToolContext
from ml_intern.tools.tracebacks import last_words
from ml_intern.tools.training.environment import recipe_file
from ml_intern.tools.training.model_folder import ModelFolder

SCORER = "score_classifier"


def score(
    ctx: ToolContext,
    model: ModelFolder,
    data: Path,
    environment: Mapping[str, str],
    *,
    timeout_s: float,
) -> dict[str, Any]:
    """The scorer's report on `model` over the rows in `data`.

    Raises ComputeError when it gives none, or the weights changed meanwhile.
    """
    before = model.weights_sha256()
    completed = _run(ctx, model, data, environment, timeout_s)
    report = last_event(completed.text, "score")
    if completed.exit_code != 0 or report is None:
        raise ComputeError(f"The model could not be scored: {_why(completed)}")
    if not before == report["weights_sha256"] == model.weights_sha256():
        raise ComputeError(f"The weights in {model.name} changed while they were scored.")
    return report


def _run(
    ctx: ToolContext,
    model: ModelFolder,
    data: Path,
    environment: Mapping[str, str],
    timeout_s: float,
) -> Completed:
    place = ctx.place
    script = recipe_file(SCORER)
    home = place.held_out / ".scorer"
    home.mkdir(parents=True, exist_ok=True)
    try:
        return run_confined(
            place.sandbox,
            [
                *(str(place.training_python), "-I", str(script)),
                *("--model_dir", str(model.path), "--data", str(data)),
            ],
            access=Access(
                read=(script, model.path, data), write=(home,), memory_bytes=place.memory_bytes
            ),
            cwd=home,
            environment=place.sandbox.environment(home, environment),
            timeout_s=timeout_s,
            cancelled=ctx.cancelled,
            output=output_of(ctx),
        )
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _why(completed: Completed) -> str:
    if completed.timed_out:
        return "it took too long."
    if completed.cancelled:
        return "it was interrupted."
    return last_words(completed.text) or f"exit code {completed.exit_code}."
