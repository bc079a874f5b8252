"""What came of a session, as one JSON-ready object and as lines for a person. Pure.

The words are those of the event that ended the turn: waiting is not done, and a limit is not a
failure.
"""

import math
import re
import shlex
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

from ml_intern.cli import exits
from ml_intern.cli.quantities import count, duration, number, percent
from ml_intern.client import models
from ml_intern.client.training import Training
from ml_intern.client.view import RESULTS, Step, View
from ml_intern.clock import parse_stamp, stamp
from ml_intern.events import BudgetReached
from ml_intern.messages import Choice, Usage
from ml_intern.money import MICRO_USD, bill
from ml_intern.session.caps import proposed

SHORT = 8
"""Characters of an id that we show; any unique prefix is understood."""

_ENDS = {
    "finished": "Done",
    "waiting": "Waiting",
    "stopped": "Stopped at a limit",
    "interrupted": "Interrupted",
    "failed": "Failed",
}


def short(identifier: str) -> str:
    """The beginning of an id, as people are shown it."""
    return identifier[:SHORT]


def heading(view: View, host_pid: int | None = None) -> str:
    """How it ended, in a few words. `host_pid`: the process that goes on with it."""
    if host_pid is not None:
        return "Going on"
    if view.outcome == "waiting":
        if view.needs_person:
            return "Waiting for you"
        if view.running_jobs:
            return "Waiting for a training job"
        return "Waiting for a model" if view.models_at else "Waiting"
    return _ENDS[view.outcome] if view.outcome else "Not finished"


def how_to_answer(view: View) -> list[str]:
    """The commands that answer what is open, ready to be typed; those for all of it first."""
    commands = []
    if len(view.approvals) > 1:
        everything = short(view.session_id)
        deny = f'ml-intern deny {everything} --reason "..."'
        commands += [f"ml-intern approve {everything}", deny]
    for key in view.approvals:
        deny = f'ml-intern deny {short(key)} --reason "..."'
        commands += [f"ml-intern approve {short(key)}", deny]
    if view.questions:
        commands.append(f'ml-intern say {short(view.session_id)} "..."')
    if view.reached is not None:
        commands.append(f"ml-intern extend {short(view.session_id)} {how_much(view.reached)}")
    for call_id in view.unknowns:
        which = f" {call_id}" if len(view.unknowns) > 1 else ""
        resolve = f"ml-intern resolve {short(view.session_id)}{which}"
        commands += [f"{resolve} --{choice}" for choice in get_args(Choice)]
    return commands


def how_much(reached: BudgetReached) -> str:
    """The option of `extend` that gives what is proposed."""
    kind = reached.cap.partition(":")[0]
    more = proposed(reached.cap, reached.used, reached.limit, reached.needed)
    match kind:
        case "tokens" | "iterations":
            return f"--{kind} {more}"
        case "seconds":
            return f"--hours {math.ceil(more / 360) / 10:.1f}"
        case "price":
            return f"--calls {more}"
        case _:
            usd = f"--usd {more / MICRO_USD:.2f}"
            return usd if kind == "session" else f"{usd} --cap {kind}"


def summary(view: View, *, trace: Path | None) -> dict[str, Any]:
    """Everything that a script may want to know; names are stable, times ISO 8601 in UTC."""
    made = view.results
    return {
        "session_id": view.session_id,
        "title": view.title,
        "model": view.model,
        "own_model": view.own_model,
        "switched_for": view.switched_for or None,
        "effort": view.effort,
        "effort_taken": view.lowered.get(view.model, view.effort),
        "outcome": view.outcome,
        "exit_code": exits.of_outcome(view.outcome),
        "detail": view.detail,
        "waiting_on": list(view.waiting_on) if view.outcome == "waiting" else [],
        "models_asked_again_at": stamp(view.asked_again_at) if view.asked_again_at else None,
        "answer_with": how_to_answer(view),
        "metrics": {split: view.metrics.get(split) for split in ("validation", "test")},
        "artefacts": {
            "workspace": str(view.workspace),
            **{name: str(made[name]) if name in made else None for name in RESULTS},
            "repo_id": view.repo_id or None,
            "trace": str(trace) if trace else None,
        },
        "trace_written": trace is not None and _is_there(trace),
        "jobs": [_job(job) for job in view.jobs.values()],
        "started_at": stamp(view.started) if view.started else None,
        "updated_at": stamp(view.updated) if view.updated else None,
        "wall_s": round(view.wall_s, 3),
        "working_s": round(view.working_s, 3),
        "waited_for_person_s": round(view.waited_s, 3),
        "tool_calls": len(view.steps),
        "model_calls": view.model_calls,
        "compactions": len(view.compactions),
        "last_compaction": models.compaction(view.compactions[-1]) if view.compactions else None,
        "input_tokens": view.input_tokens,
        "cache_read_tokens": view.usage.cache_read_tokens,
        "cache_write_tokens": view.usage.cache_write_tokens,
        "output_tokens": view.output_tokens,
        "cost_usd": view.cost_usd,
        "known_cost_usd": view.known_cost_micro_usd / MICRO_USD,
    }


def details(view: View) -> dict[str, Any]:
    """What `show` adds to the summary: task, plan, steps, open questions."""
    return {
        "task": view.task,
        "started_in": view.started_in,
        "plan": view.plan,
        "steps": [_step(step) for step in view.steps],
        "approvals": [
            {name: value for name, value in asdict(asked).items() if name != "kind"}
            for asked in view.approvals.values()
        ],
        "rules": [
            {name: value for name, value in asdict(rule).items() if name != "kind"}
            for rule in view.rules.values()
        ],
        "questions": [{"call_id": key, "question": text} for key, text in view.questions.items()],
        "unknowns": [
            {"call_id": step.call_id, "tool": step.tool, "arguments": step.arguments}
            for step in view.unknowns.values()
        ],
        "evaluations": view.evaluations,
    }


def lines(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The lines of a summary that have something to say: label and words."""
    artefacts = found["artefacts"]
    rows = [
        ("validation", _metrics(found["metrics"]["validation"])),
        ("test", _metrics(found["metrics"]["test"])),
        ("weights", artefacts["weights"]),
        ("loss curve", artefacts["loss_curve"]),
        ("model card", artefacts["model_card"]),
        ("reproduce", artefacts["reproduce"]),
        ("published", _published(artefacts)),
        ("workspace", None if artefacts["weights"] else artefacts["workspace"]),
        ("trace", _trace(found)),
        ("model", _model(found)),
        ("summed up", _compactions(found)),
        ("tokens", _tokens(found)),
        ("took", _took(found)),
    ]
    return [(label, words) for label, words in rows if words]


def _is_there(trace: Path) -> bool:
    """Whether the file is there for this user: a folder of somebody else shows nothing."""
    try:
        return trace.is_file()
    except PermissionError:
        return False


def _trace(found: Mapping[str, Any]) -> str | None:
    path: str | None = found["artefacts"]["trace"]
    if path is None or found["trace_written"]:
        return path
    return f"not there yet: {path} (if it stays so, `ml-intern doctor` tells why)"


def how_to_go_on(view: View, host_pid: int | None = None, *, is_hosted: bool = False) -> list[str]:
    """What can be typed next, each with its reason; nothing for what is done.

    `host_pid`: the process that goes on with it. `is_hosted`: whether some process works in the
    state directory, and so looks after its jobs.
    """
    session = short(view.session_id)
    if host_pid is not None:
        return [
            f"process {host_pid} works on it: ml-intern attach {session} shows how, "
            f"ml-intern interrupt {session} stops it"
        ]
    follow = "attach" if is_hosted else "resume"
    going = [
        f"a training job runs on ({job.label}): ml-intern {follow} {session} follows it, "
        f"ml-intern interrupt {session} stops it"
        for job in view.running_jobs
    ]
    match view.outcome:
        case "waiting" if view.needs_person:
            return [f"answer with: {command}" for command in how_to_answer(view)] + going
        case "finished":
            return going
        case "waiting" if view.models_at is not None:
            at = view.models_at.astimezone()
            by_itself = "it goes on by itself: " if is_hosted else ""
            return [
                *going,
                f"no model answers, and one is asked again at {at:%Y-%m-%d %H:%M}: "
                f"{by_itself}ml-intern {follow} {session} follows it, "
                f"ml-intern model {session} NAME has another one asked",
            ]
        case "interrupted" | "failed" | "stopped":
            kept = f'everything so far is kept; go on with: ml-intern say {session} "..."'
            return [*going, *_of_models(view), kept]
        case _:
            return going or [f"left as it stands; go on with: ml-intern resume {session}"]


def _of_models(view: View) -> list[str]:
    """What a person may do about models for which the turn failed."""
    told = models.for_people(view.troubles) if view.outcome == "failed" else ""
    if not told:
        return []
    session = short(view.session_id)
    return [f"{told}; mend that, or have another model asked: ml-intern model {session} NAME"]


def tilde(path: str) -> str:
    """`path` with the home folder as `~`; still right when pasted into a shell."""
    home = str(Path.home())
    if home != "/" and path.startswith(home + "/"):
        rest = path[len(home) + 1 :]
        return f"~/{rest}" if rest == shlex.quote(rest) else path
    return path


def tildes(text: str) -> str:
    """`text` with the home folder as `~` in every path."""
    home = str(Path.home())
    return text if home == "/" else re.sub(rf"(?<![\w./-]){re.escape(home)}/", "~/", text)


def _job(job: Training) -> dict[str, Any]:
    return {
        "job_id": job.job_id,
        "label": job.label,
        "status": job.status,
        "reason": job.reason,
        "step": job.step,
        "max_steps": job.max_steps,
        "epoch": job.epoch,
        "loss": job.loss,
        "eval_loss": job.eval_loss,
        "eval_accuracy": job.accuracy,
        "started_at": stamp(job.started),
    }


def _step(step: Step) -> dict[str, Any]:
    seconds = step.seconds()
    return {
        "call_id": step.call_id,
        "tool": step.tool,
        "arguments": step.arguments,
        "state": step.state,
        "started_at": stamp(step.started) if step.started else None,
        "ended_at": stamp(step.ended) if step.ended else None,
        "seconds": None if seconds is None else round(seconds, 3),
        "output": step.output,
        "answered_by": step.answered_by or None,
    }


def _metrics(measured: Mapping[str, Any] | None) -> str:
    if measured is None:
        return ""
    accuracy, f1, loss = (measured.get(name) for name in ("accuracy", "macro_f1", "loss"))
    parts = [
        f"{percent(accuracy)} accuracy{_interval(measured)}"
        if isinstance(accuracy, int | float)
        else "",
        f"macro F1 {number(f1)}" if isinstance(f1, int | float) else "",
        f"loss {number(loss)}" if isinstance(loss, int | float) else "",
        count(rows, "row") if isinstance(rows := measured.get("rows"), int) else "",
    ]
    return ", ".join(part for part in parts if part)


def _interval(measured: Mapping[str, Any]) -> str:
    match measured.get("accuracy_interval_95"):
        case [float() as low, float() as high]:
            return f" (95 % interval {low * 100:.1f} to {percent(high)})"
        case _:
            return ""


def _published(artefacts: Mapping[str, Any]) -> str:
    path = artefacts["published"]
    return " → ".join(part for part in (artefacts["repo_id"], path and tilde(path)) if part)


def _model(found: Mapping[str, Any]) -> str:
    """Which one answers, why not the session's own, how hard it thinks; or that none does now."""
    model, own, effort = found["model"], found["own_model"], found["effort"]
    taken = found["effort_taken"]
    words = models.answering(model, own, effort, None if taken == effort else taken)
    if found["models_asked_again_at"] is not None:
        at = parse_stamp(found["models_asked_again_at"]).astimezone()
        own_words = models.answering(own, own, effort, None)
        return f"{own_words}: no answer at present, asked again at {at:%H:%M:%S}"
    why = found["switched_for"]
    return f"{words}: {models.clause(why)}" if why else words


def _compactions(found: Mapping[str, Any]) -> str:
    """How often, where it was more than once, and what came of the last time."""
    last = found["last_compaction"]
    if last is None or found["compactions"] == 1:
        return (last or "").removeprefix("Summed up ")
    return f"{found['compactions']} times, the last time {last.removeprefix('Summed up ')}"


def _tokens(found: Mapping[str, Any]) -> str:
    read, written = found["cache_read_tokens"], found["cache_write_tokens"]
    return models.tokens(
        Usage(
            input_tokens=found["input_tokens"] - read - written,
            output_tokens=found["output_tokens"],
            cache_read_tokens=read,
            cache_write_tokens=written,
        )
    )


def _took(found: Mapping[str, Any]) -> str:
    known, waited = round(found["known_cost_usd"] * MICRO_USD), found["waited_for_person_s"]
    parts = [
        duration(found["working_s"]),
        f"waited for you {duration(waited)}" if waited >= 1 else "",
        count(found["tool_calls"], "tool call"),
        count(found["model_calls"], "model call"),
        f"cost {bill(known, is_whole=found['cost_usd'] is not None)}",
    ]
    return ", ".join(part for part in parts if part)
