"""From the conversation to the case: each message is taken up once, in order. Pure and linear.

Tools that the planner does not use are passed over unread. A tool that answers anything but what
its contract says counts as failed; nothing here raises for what a tool or a person wrote.
"""

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ml_intern.llm.autopilot.answers import Answer, mapping, number, strings, text, whole
from ml_intern.llm.autopilot.case import (
    Case,
    Data,
    Failure,
    Prepared,
    Run,
    Script,
    Trouble,
)
from ml_intern.llm.autopilot.diagnosis import (
    Cause,
    diagnose_check,
    diagnose_job,
    everything_said,
)
from ml_intern.llm.autopilot.hearing import hear, hear_answer
from ml_intern.llm.autopilot.reading import read
from ml_intern.llm.autopilot.words import topic_of
from ml_intern.messages import AssistantMessage, Message, ToolCall, ToolMessage, UserMessage

_ARGUMENT_LINE = re.compile(r"( {4}([a-z_]\w*): ([^=\n]+?) = ([^\n]+?))\s*$")
_TAKEN = re.compile(r"\bexists\b|\btaken\b", re.IGNORECASE)
_UNKNOWN_ARGUMENT = re.compile(r"no argument ['\"`]?(\w+)")
_READ_ON = re.compile(r"\[more; read on with offset=(\d{1,9})\]")
_READ_LIMIT = 400
_PARTS_OF_A_BATCH = ("per_device_train_batch_size", "gradient_accumulation_steps")
"""Changed together, they leave the batch that was asked for as it is."""


def fold(messages: Sequence[Message], offered: frozenset[str]) -> Case:
    """The case after `messages`; `offered` are the names of the tools that may be called."""
    case = Case(offered=offered)
    calls: dict[str, ToolCall] = {}
    for message in messages:
        if isinstance(message, ToolMessage):
            call = calls.pop(message.call_id, None)
            if call is not None and call.name in _TAKERS:
                _TAKERS[call.name](case, Answer(call, message))
        elif isinstance(message, AssistantMessage):
            calls = {call.call_id: call for call in message.tool_calls}
            case.steps += bool(calls)
        elif isinstance(message, UserMessage) and not message.injected:
            _take_words(case, message.text)
    return case


def _take_words(case: Case, words: str) -> None:
    case.heard += 1
    if case.heard == 1:
        case.objective = read(words)
        return
    case.steps = 0
    case.unclear = 0
    case.unanswered = None
    case.failures.clear()
    case.questions.clear()
    topic, case.left_open = case.left_open, None
    if topic is None:
        hear(case, words)
    else:
        hear_answer(case, topic, words)


def _take_answer(case: Case, answer: Answer) -> None:
    topic = topic_of(text(answer.arguments, "question"))
    if answer.is_unfinished:
        case.left_open = topic
        return
    case.questions[topic] = case.questions.get(topic, 0) + 1
    words = answer.data.get("answer")
    if answer.is_error or not isinstance(words, str):
        case.unanswered = answer.error()
        return
    hear_answer(case, topic, words)


def _take_plan(case: Case, answer: Answer) -> None:
    if _note(case, answer, "plan", answer.worked("done")):
        case.plan_call = answer


def _take_inspection(case: Case, answer: Answer) -> None:
    if _note(
        case,
        answer,
        text(answer.arguments, "source"),
        answer.worked("columns") or answer.worked("task"),
    ):
        case.data = Data(answer.data)


def _take_preparation(case: Case, answer: Answer) -> None:
    whole_answer = answer.worked("train", "validation") and bool(
        text(answer.data, "train") and text(answer.data, "validation")
    )
    if _note(case, answer, answer.asked, whole_answer):
        case.prepared = Prepared(answer.data)
        case.preparations += 1


def _take_outline(case: Case, answer: Answer) -> None:
    if text(answer.arguments, "paper") == case.objective.paper and _note(
        case, answer, "", answer.worked("title")
    ):
        case.outline = answer.data


def _take_paper_recipe(case: Case, answer: Answer) -> None:
    if text(answer.arguments, "paper") == case.objective.paper and _note(
        case, answer, "", answer.worked("sentences")
    ):
        case.recipe = answer.data


def _take_experiment(case: Case, answer: Answer) -> None:
    if _note(case, answer, answer.asked, answer.worked("work", "settings")):
        case.experiment = answer.data


def _take_survey(case: Case, answer: Answer) -> None:
    if _note(case, answer, "", answer.worked("cpus")):
        case.hardware = answer.data


def _take_estimate(case: Case, answer: Answer) -> None:
    batch = whole(answer.arguments, "per_device_train_batch_size") or 0
    fits = answer.data.get("fits")
    if _note(case, answer, str(batch), not answer.is_error and isinstance(fits, bool)):
        largest = whole(answer.data, "largest_batch_size_that_fits")
        case.estimates.append((batch, bool(fits), largest))
        case.step_bytes = whole(answer.data, "total_bytes")


def _take_recipe(case: Case, answer: Answer) -> None:
    key = answer.asked
    if not _note(case, answer, key, answer.worked("path") and bool(text(answer.data, "path"))):
        case.unknown_arguments.update(_UNKNOWN_ARGUMENT.findall(answer.error()))
        return
    asked = mapping(answer.arguments, "values")
    before = case.script
    values = {**asked, **mapping(answer.data, "arguments")}
    recipe = text(answer.arguments, "recipe")
    case.script = Script(text(answer.data, "path"), recipe, values)
    if before is None or before.outdated:
        case.written = values
    if before is not None:
        case.script.revision = before.revision + 1
        if before.outdated:
            case.steered.clear()
        else:
            _count_change(case, asked, before.values)


def _take_read(case: Case, answer: Answer) -> None:
    script = case.script
    if script is None or text(answer.arguments, "path") != script.path:
        return
    lines = answer.output.split("\n")
    if not _note(case, answer, f"{script.revision}:{script.read_to}", not answer.is_error):
        return
    for line in lines:
        found = _ARGUMENT_LINE.search(line)
        if found is not None and found[2] in script.values:
            script.lines.setdefault(found[2], found[1])
    offset = whole(answer.arguments, "offset") or 1
    limit = whole(answer.arguments, "limit") or _READ_LIMIT
    more = _READ_ON.search(lines[-1])
    script.read_to = int(more[1]) - 1 if more is not None else offset - 1 + limit
    script.read_whole = more is None and len(lines) < limit


def _take_edit(case: Case, answer: Answer) -> None:
    script = case.script
    if script is None or text(answer.arguments, "path") != script.path:
        return
    old, new = text(answer.arguments, "old"), text(answer.arguments, "new")
    found = _ARGUMENT_LINE.fullmatch(new)
    if not _note(case, answer, f"{old}\n{new}", answer.worked("path")):
        script.lines.clear()
        script.read_to, script.read_whole = 0, False
        return
    script.revision += 1
    if found is None:
        script.lines.clear()
        return
    name, value = found[2], _literal(found[4])
    _count_change(case, {name: value}, script.values)
    script.values = {**script.values, name: value}
    script.lines[name] = new


def _literal(source: str) -> Any:
    try:
        return ast.literal_eval(source)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return source


def _count_change(case: Case, new: Mapping[str, Any], old: Mapping[str, Any]) -> None:
    """One change may take several edits; what the person asked for is none of ours."""
    changed = {name: value for name, value in new.items() if old.get(name) != value}
    ours = [name for name in changed if name not in case.steered]
    for name in changed:
        case.steered.pop(name, None)
        if name in case.objective.asked and name not in _PARTS_OF_A_BATCH:
            case.objective = case.objective.with_asked(**{name: changed[name]})
    if not ours:
        return
    words = ", ".join(f"{name} {old.get(name)} → {changed[name]}" for name in ours)
    if case.changing:
        case.changes[-1] += f", {words}"
    else:
        case.changes.append(words)
    case.changing = True


def _take_write(case: Case, answer: Answer) -> None:
    """Somebody else's edit of the script: what is known of it is void."""
    if case.script is not None and text(answer.arguments, "path") == case.script.path:
        case.script.revision += 1
        case.script.lines.clear()


def _take_forward(case: Case, answer: Answer) -> None:
    _take_check(case, answer, "dummy_forward")


def _take_smoke(case: Case, answer: Answer) -> None:
    _take_check(case, answer, "smoke_test")


def _take_check(case: Case, answer: Answer, stage: str) -> None:
    script = case.script
    if script is None:
        return
    case.changing = False
    passed = answer.worked("report")
    _note(case, answer, str(script.revision), passed)
    if not passed:
        cause = diagnose_check(answer)
        _fall_into(case, stage, cause, everything_said(answer), script.values)
    elif stage == "smoke_test":
        script.smoke_revision = script.revision
    elif answer.data.get("fits") is False:
        memory = mapping(answer.data, "memory")
        case.step_bytes = whole(memory, "total_bytes") or case.step_bytes
        _fall_into(case, stage, "memory", _too_large(memory), script.values)
    else:
        script.forward_revision = script.revision
        script.forward = mapping(answer.data, "report")


def _too_large(memory: Mapping[str, Any]) -> str:
    said = "the estimate for this script does not fit into the memory that is available"
    none_fits = whole(memory, "largest_batch_size_that_fits") == 0
    return f"{said}; not even one row at a time would fit" if none_fits else said


def _fall_into(case: Case, stage: str, cause: Cause, said: str, values: Mapping[str, Any]) -> None:
    case.trouble = Trouble(stage, cause, said, values, len(case.changes))


def _take_launch(case: Case, answer: Answer) -> None:
    script = case.script
    if script is None:
        return
    case.changing = False
    output_dir = text(answer.arguments, "output_dir")
    case.taken.add(output_dir)
    key = f"{script.revision}:{','.join(sorted(strings(answer.data, 'missing')))}"
    if _note(case, answer, key, answer.worked("job_id") and bool(text(answer.data, "job_id"))):
        case.trouble = None
        case.runs.append(
            Run(
                output_dir=text(answer.data, "output_dir") or output_dir,
                job_id=text(answer.data, "job_id"),
                revision=script.revision,
                values=script.values,
                heard=case.heard,
            )
        )
        return
    _forget_missing(case, script, strings(answer.data, "missing"))


def _forget_missing(case: Case, script: Script, missing: list[str]) -> None:
    """What the launch misses is done again, whatever the conversation says of it."""
    for name in missing:
        if "forward" in name or "memory" in name:
            script.forward_revision = 0
        elif "smoke" in name:
            script.smoke_revision = 0
        elif "inspect" in name:
            case.data = None
        elif "prepare" in name:
            case.prepared = None


def _take_end(case: Case, answer: Answer) -> None:
    run = _run_of(case, "job_id", text(answer.arguments, "job_id"))
    if run is None:
        return
    worked = answer.worked("status") and text(answer.data, "status") not in ("", "running")
    if not _note(case, answer, run.job_id, worked):
        return
    run.ended = answer.data
    run.output_dir = text(answer.data, "output_dir") or run.output_dir
    run.cause = diagnose_job(answer.data)
    # Only a person cancels; who has spoken since has said what is to become of it.
    settled = run.cause == "cancelled" and case.heard > run.heard
    if run.cause is not None and not settled:
        said = everything_said(answer)
        _fall_into(case, "training", run.cause, said, run.values)


def _take_evaluation(case: Case, answer: Answer) -> None:
    split = text(answer.arguments, "split") or "validation"
    run = _run_of(case, "output_dir", text(answer.arguments, "model_dir"))
    if run is None:
        return
    metrics = mapping(answer.data, "metrics")
    worked = not answer.is_error and number(metrics, "accuracy") is not None
    if not _note(case, answer, f"{run.output_dir}:{split}", worked):
        if split == "test":
            case.test_refused = answer.error()
            case.earlier_test = mapping(answer.data, "earlier") or None
    elif split == "test":
        run.test = answer.data
    else:
        run.validation = answer.data


def _take_card(case: Case, answer: Answer) -> None:
    run = _run_of(case, "output_dir", text(answer.arguments, "model_dir"))
    if run is not None and _note(case, answer, run.output_dir, answer.worked("path")):
        run.card = answer.data


def _take_bundle(case: Case, answer: Answer) -> None:
    run = _run_of(case, "output_dir", text(answer.arguments, "model_dir"))
    if run is not None and _note(case, answer, run.output_dir, answer.worked("path")):
        run.bundle = answer.data


def _take_publication(case: Case, answer: Answer) -> None:
    if answer.is_unfinished:
        return
    if _note(case, answer, text(answer.arguments, "model_dir"), answer.worked("path")):
        case.published = {**answer.data, "model_dir": text(answer.arguments, "model_dir")}
        case.not_published = None
    elif _TAKEN.search(answer.error()) and len(case.names_taken) < 2:
        case.names_taken.add(text(answer.arguments, "repo_name"))
    else:
        case.not_published = answer.error()


def _take_consent(case: Case, answer: Answer) -> None:
    if answer.is_unfinished:
        return
    asked = answer.arguments
    key = (text(asked, "what"), text(asked, "becomes"))
    case.consents[key] = answer.worked("agreed") and answer.data.get("agreed") is True


def _run_of(case: Case, name: str, value: str) -> Run | None:
    for run in reversed(case.runs):
        if value and getattr(run, name) == value:
            return run
    return None


def _note(case: Case, answer: Answer, key: str, worked: bool) -> bool:
    """Keep count of failures of the same kind in a row; returns `worked`."""
    failure = case.failures.get(answer.name)
    if worked:
        case.failures.pop(answer.name, None)
    elif failure is not None and failure.key == key:
        failure.times += 1
        failure.error = answer.error()
    else:
        spoken = answer.is_error and bool(text(answer.data, "error"))
        case.failures[answer.name] = Failure(key, answer.error(), spoken)
    return worked


_TAKERS: dict[str, Callable[[Case, Answer], None]] = {
    "plan": _take_plan,
    "ask_person": _take_answer,
    "propose_change": _take_consent,
    "read_paper": _take_outline,
    "extract_recipe": _take_paper_recipe,
    "plan_experiment": _take_experiment,
    "inspect_dataset": _take_inspection,
    "prepare_dataset": _take_preparation,
    "survey_hardware": _take_survey,
    "estimate_memory": _take_estimate,
    "write_recipe": _take_recipe,
    "read": _take_read,
    "edit": _take_edit,
    "write": _take_write,
    "dummy_forward": _take_forward,
    "smoke_test": _take_smoke,
    "launch_training": _take_launch,
    "watch_job": _take_end,
    "evaluate": _take_evaluation,
    "write_model_card": _take_card,
    "write_reproduce_bundle": _take_bundle,
    "publish": _take_publication,
}
