"""Launch, watch, and measure what came out of it."""

from pathlib import PurePosixPath
from typing import Any

from ml_intern.llm.autopilot.case import Case, Run
from ml_intern.llm.autopilot.rules.ask import hand_over
from ml_intern.llm.autopilot.step import Action, Step


def launch(case: Case) -> Step | None:
    """Start the job for this version of the script."""
    script, run = case.script, case.last_run
    if script is None or (run is not None and not _must_run_again(case, run, script.revision)):
        return None
    if case.failed("launch_training") >= 2:
        return hand_over(case, f"The job cannot be started: {case.error_of('launch_training')}")
    goes_on = run is not None and _goes_on(case, run, script.revision)
    folder = run.output_dir if run is not None and goes_on else _folder(case)
    arguments: dict[str, Any] = {"path": script.path, "output_dir": folder}
    if case.objective.timeout_s is not None:
        arguments["timeout_s"] = case.objective.timeout_s
    words = (
        "The job got lost; I start the same script in the same folder, where it goes on from its "
        "last checkpoint."
        if goes_on
        else "The checks have passed; I start the training."
    )
    return Step(words, (Action("launch_training", arguments),))


def _goes_on(case: Case, run: Run, revision: int) -> bool:
    """Whether the last run was lost and the same script may go on where it stood."""
    return run.cause == "lost" and run.revision == revision and not case.failed("launch_training")


def _must_run_again(case: Case, run: Run, revision: int) -> bool:
    """Another script, or the same one after a failure that nothing stands against any more."""
    if run.revision != revision:
        return True
    return run.cause is not None and (case.trouble is None or case.trouble.cause == "lost")


def _folder(case: Case) -> str:
    """A folder that no run has used: `runs/1`, `runs/2`, or what the person named."""
    wanted = _inside(case.objective.output_dir)
    numbers = range(1, len(case.taken) + 2)
    if wanted is None:
        names = [f"runs/{number}" for number in numbers]
    else:
        names = [wanted, *(f"{wanted}-{number + 1}" for number in numbers)]
    return next(name for name in names if name not in case.taken)


def _inside(wanted: str | None) -> str | None:
    """The person's folder, if it can lie in the workspace."""
    if not wanted or wanted.startswith(("/", "~")):
        return None
    parts = PurePosixPath(wanted).parts
    return None if not parts or ".." in parts else "/".join(parts)


def watch(case: Case) -> Step | None:
    """Wait for the job's end."""
    run = case.last_run
    if run is None or run.ended is not None:
        return None
    if case.failed("watch_job") >= 2:
        return hand_over(case, f"The job cannot be watched: {case.error_of('watch_job')}")
    return Step(
        "I wait for the job and read its metrics.", (Action("watch_job", {"job_id": run.job_id}),)
    )


def measure(case: Case) -> Step | None:
    """Our own score on validation, the only one that counts."""
    run = case.last_run
    if run is None or not run.trained or run.validation is not None:
        return None
    if case.failed("evaluate") >= 2:
        return hand_over(case, f"The model cannot be measured: {case.error_of('evaluate')}")
    return Step(
        "Training is done; I measure the weights on validation.",
        (Action("evaluate", {"model_dir": run.output_dir, "split": "validation"}),),
    )
