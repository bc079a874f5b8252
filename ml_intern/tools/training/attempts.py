"""The runs that led to a model, in order: how each ended, and what was changed for the next."""

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ml_intern.tools.protocol import ToolContext
from ml_intern.tools.tracebacks import last_words
from ml_intern.tools.training.jobs import Job, all_jobs, read_log, state
from ml_intern.tools.training.metrics import best
from ml_intern.tools.training.recipe import Parameter, parameters


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One run."""

    job_id: str
    ending: str
    """In words for a model card."""
    changes: tuple[str, ...]
    """Against the run before it; empty for the first."""


def attempts(ctx: ToolContext, final: Job) -> list[Attempt]:
    """Every run of the session up to and including `final`."""
    return list(_attempts(ctx, final))


def _attempts(ctx: ToolContext, final: Job) -> Iterator[Attempt]:
    before: Job | None = None
    for job in all_jobs(ctx):
        changes = () if before is None else differences(before.source(), job.source())
        yield Attempt(job_id=job.job_id, ending=_ending(ctx, job), changes=changes)
        if job.job_id == final.job_id:
            return
        before = job


def _ending(ctx: ToolContext, job: Job) -> str:
    found, log = state(ctx, job), read_log(ctx, job)
    if found.status != "succeeded":
        return f"{found.status}: {last_words(log.tail) or found.reason}"
    measured = [e for e in log.course.evaluations if e.eval_accuracy is not None]
    if not measured:
        return "succeeded"
    top = best(measured)
    return f"succeeded; best validation accuracy while training {top.eval_accuracy:.4f}"


def differences(before: bytes, after: bytes) -> tuple[str, ...]:
    """What distinguishes two scripts: arguments by name, anything else by the number of lines."""
    old, new = before.decode("utf-8", "replace"), after.decode("utf-8", "replace")
    old_arguments, new_arguments = parameters(old), parameters(new)
    named = tuple(
        f"`{name}`: {_shown(old_arguments[name].default)} → {_shown(found.default)}"
        for name, found in new_arguments.items()
        if name in old_arguments and old_arguments[name].default != found.default
    )
    others = _other_lines(_without(old, old_arguments), _without(new, new_arguments))
    return (*named, f"{others} other lines of the script") if others else named


def _shown(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)


def _without(source: str, arguments: Mapping[str, Parameter]) -> list[str]:
    own = {parameter.line for parameter in arguments.values()}
    return [line for number, line in enumerate(source.split("\n")) if number not in own]


def _other_lines(old: Sequence[str], new: Sequence[str]) -> int:
    changed = difflib.unified_diff(old, new, lineterm="", n=0)
    return sum(line.startswith("+") and not line.startswith("+++") for line in changed)
