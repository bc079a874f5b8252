"""One tool call in a few words: what it is about, and what came of it.

Answers are read as the tools write them, and never trusted to be whole: a missing field leaves its
words out. Pure.
"""

from collections.abc import Callable, Mapping
from typing import Any

from ml_intern.cli.quantities import count, duration, line, number, percent, size
from ml_intern.client.view import Step
from ml_intern.tools.untrusted import unmarked

Answer = Mapping[str, Any]

_SUBJECTS = (
    "path",
    "source",
    "model_dir",
    "command",
    "question",
    "what",
    "recipe",
    "repo_name",
    "job_id",
    "paper",
    "repository",
    "repo",
    "name",
    "page",
    "query",
    "library",
    "owner",
)
_MOST = 160


def subject(step: Step) -> str:
    """What the call is about, from its arguments; empty where the tool's name says it all."""
    if step.tool in ("plan", "watch_job", "cancel_job"):
        return ""
    if step.tool == "evaluate":
        return line(str(step.arguments.get("split", "validation")), 60)
    for name in _SUBJECTS:
        value = step.arguments.get(name)
        if isinstance(value, str) and value:
            return line(value, 60)
    return ""


def note(step: Step) -> str:
    """What came of a call that has its answer."""
    if step.state == "failed":
        return _failure(step)
    words = _WORDS.get(step.tool)
    if words is not None and (answer := step.answer):
        return line(", ".join(part for part in words(answer) if part), _MOST)
    if step.tool == "bash":
        return subject(step)
    return _joined(subject(step), _last_line(unmarked(step.output)))


def _failure(step: Step) -> str:
    answer = step.answer
    error = answer.get("error") or _last_line(unmarked(step.output))
    about = subject(step) if step.tool == "bash" else ""
    return _joined(about, str(error))


def _joined(*parts: str) -> str:
    return line(" · ".join(part for part in parts if part), _MOST)


def _last_line(output: str) -> str:
    """The last line of a text answer that says something."""
    lines = [found for found in output.splitlines() if found.strip()]
    if len(lines) > 1 and lines[-1].startswith("[exit code"):
        lines.pop()
    return lines[-1] if lines else ""


def _inspected(answer: Answer) -> list[str]:
    problems = [*_list(answer, "problems"), *_list(answer, "blocking")]
    return [
        _count(answer, "rows", "row"),
        _labels(answer),
        str(answer.get("task") or "no task that fits").replace("-", " "),
        count(len(problems), "problem") if problems else "",
    ]


def _labels(answer: Answer) -> str:
    """How many; none were counted while nobody has said which column holds them."""
    is_open = not answer.get("num_labels") and _list(_mapping(answer, "alternatives"), "label")
    return "label still open" if is_open else _count(answer, "num_labels", "label")


def _prepared(answer: Answer) -> list[str]:
    rows = answer.get("rows")
    parts = rows.items() if isinstance(rows, dict) else []
    dropped = answer.get("dropped")
    left_out = sum(dropped.values()) if isinstance(dropped, dict) else 0
    return [
        " / ".join(f"{name} {many:,}" for name, many in parts if isinstance(many, int)),
        count(len(_list(answer, "labels")), "label"),
        f"{left_out:,} left out" if left_out else "",
        *(f"“{text}” taken for no label" for text in _mapping(answer, "taken_for_no_label")),
    ]


def _surveyed(answer: Answer) -> list[str]:
    gpus = [gpu.get("name", "GPU") for gpu in _list(answer, "gpus") if isinstance(gpu, dict)]
    return [
        _count(answer, "cpus", "CPU"),
        _size(answer, "available_memory_bytes", "{} memory free"),
        ", ".join(gpus) or "no GPU",
        _size(answer, "disk_free_bytes", "{} disk free"),
    ]


def _estimated(answer: Answer) -> list[str]:
    return [
        _size(answer, "total_bytes", "needs {}"),
        _size(answer, "available_bytes", "{} free"),
        "fits" if answer.get("fits") else "does not fit",
    ]


def _wrote_recipe(answer: Answer) -> list[str]:
    values = answer.get("values")
    changed = count(len(values), "value") + " set" if isinstance(values, dict) and values else ""
    return [f"{answer.get('recipe', 'script')} → {answer.get('path', '?')}", changed]


def _dummy_forward(answer: Answer) -> list[str]:
    report = _mapping(answer, "report")
    fits = "" if answer.get("fits", True) else "does not fit into memory"
    return [_number(report, "loss", "loss {}"), _count(report, "parameters", "parameter"), fits]


def _smoke_test(answer: Answer) -> list[str]:
    report = _mapping(answer, "report")
    losses = [loss for loss in _list(report, "losses") if isinstance(loss, int | float)]
    course = f"loss {number(losses[0])} → {number(losses[-1])}" if losses else ""
    return [_count(report, "steps", "step"), course or _number(report, "loss", "loss {}")]


def _launched(answer: Answer) -> list[str]:
    return [f"weights will be in {answer.get('output_dir', '?')}"]


def _watched(answer: Answer) -> list[str]:
    done, last = _mapping(answer, "done"), _mapping(answer, "last")
    evaluations = [found for found in _list(answer, "evaluations") if isinstance(found, dict)]
    newest = evaluations[-1] if evaluations else {}
    reason = answer.get("error") or answer.get("reason")
    return [
        str(answer.get("status", "")) if answer.get("status") != "succeeded" else "",
        _count(done, "global_step", "step"),
        _number({**last, **newest}, "loss", "loss {}"),
        _percent(newest, "eval_accuracy", "validation accuracy {}"),
        ", ".join(str(verdict) for verdict in _list(answer, "verdicts")),
        str(reason) if reason and answer.get("status") != "succeeded" else "",
    ]


def _evaluated(answer: Answer) -> list[str]:
    metrics = _mapping(answer, "metrics")
    return [
        _percent(metrics, "accuracy", f"{answer.get('split', '')} accuracy {{}}"),
        _number(metrics, "macro_f1", "macro F1 {}"),
        _count(answer, "rows", "row"),
    ]


def _read_paper(answer: Answer) -> list[str]:
    counted = (("sections", "section"), ("passages", "passage"), ("figures", "figure"))
    return [
        line(str(answer.get("title") or answer.get("url") or ""), 60),
        str(answer.get("section") or answer.get("path") or answer.get("table") or ""),
        *(count(len(_list(answer, name)), noun) for name, noun in counted if _list(answer, name)),
        "from pictures (OCR)" if answer.get("read_from") == "ocr" else "",
    ]


def _extracted(answer: Answer) -> list[str]:
    """How many values a paper states."""
    found = [each for each in answer.values() if isinstance(each, dict) and "from" in each]
    several = len(_mapping(answer, "ambiguous"))
    return [
        line(str(answer.get("title") or ""), 60),
        count(len(found), "value"),
        count(len(_list(answer, "metrics")), "result") if _list(answer, "metrics") else "",
        f"{several} stated in several ways" if several else "",
    ]


def _planned(answer: Answer) -> list[str]:
    work, total = _mapping(answer, "work"), _mapping(answer, "total")
    changed = len(_list(answer, "changes")) + len(_list(answer, "not_followed"))
    scaled, seconds = answer.get("scaled_to"), total.get("time_s")
    return [
        line(str(answer.get("recipe") or ""), 60),
        f"scaled to {percent(scaled)}" if isinstance(scaled, int | float) else "",
        _count(work, "updates", "update"),
        _size(_mapping(answer, "memory"), "total_bytes", "{} memory"),
        duration(seconds) if isinstance(seconds, int | float) else "time unknown",
        str(total.get("cost") or "cost unknown"),
        f"{count(changed, 'change')} against the paper" if changed else "as in the paper",
    ]


def _papers(answer: Answer) -> list[str]:
    """Of a list, how many there are and which is first; of one paper, its title."""
    items = [each for each in _list(answer, "items") if isinstance(each, dict)]
    title = items[0].get("title") if items else answer.get("title")
    about = title if isinstance(title, str) else str(answer.get("paper", ""))
    codes = answer.get("code")
    return [
        _count(answer, "found", "paper"),
        line(about, 80),
        *(
            count(len(repositories), kind)
            for kind in ("model", "dataset")
            if (repositories := _list(answer, f"{kind}s"))
        ),
        count(len(codes), "repository", "repositories")
        if isinstance(codes, list) and codes
        else "",
    ]


def _found_docs(answer: Answer) -> list[str]:
    """Of a search, how many pages and which is first; of a page, its address."""
    if "pages" in answer:
        return _many(answer, "pages", "page", "title")
    return [str(answer.get("url") or answer.get("note") or "")]


def _found_code(answer: Answer) -> list[str]:
    """Of a list, how many there are and which is first; of a file, its address."""
    if "examples" in answer:
        return _many(answer, "examples", "file", "path")
    if "repositories" in answer:
        return _many(answer, "repositories", "repository", "repository", "repositories")
    return [str(answer.get("url", ""))]


def _searched_hub(answer: Answer) -> list[str]:
    return _many(answer, "found", str(answer.get("kind", "entry")), "id")


def _looked_at(answer: Answer) -> list[str]:
    licence = _mapping(answer, "licence").get("id")
    return [
        str(answer.get("repo", "")),
        str(licence) if licence else "",
        "gated" if answer.get("gated") else "",
    ]


def _read_file(answer: Answer) -> list[str]:
    return [
        str(answer.get("repo", "")),
        str(answer.get("path") or ""),
        _count(answer, "total", "entry", "entries") or _count(answer, "lines", "line"),
    ]


def _changed_hub(answer: Answer) -> list[str]:
    return [
        str(answer.get("operation", "")),
        str(answer.get("repo", "")),
        str(answer.get("url", "")),
    ]


def _checked(answer: Answer) -> list[str]:
    conflicts = len(_list(answer, "conflicts"))
    return [
        count(len(_list(answer, "licences")), "licence"),
        f"{count(conflicts, 'question')}, agreed to" if conflicts else "no conflict",
    ]


def _published(answer: Answer) -> list[str]:
    files, data = answer.get("file_count"), answer.get("data_file_count")
    of_data = f" ({data:,} with the data)" if isinstance(data, int) and data else ""
    return [
        str(answer.get("repo_id", "")),
        count(files, "file") + of_data if isinstance(files, int) else "",
    ]


def _edited(answer: Answer) -> list[str]:
    lines = str(answer.get("diff", "")).splitlines()
    added = sum(found.startswith("+") and not found.startswith("+++") for found in lines)
    removed = sum(found.startswith("-") and not found.startswith("---") for found in lines)
    return [f"{answer.get('path', '?')} +{added} -{removed}"]


def _wrote(answer: Answer) -> list[str]:
    return [str(answer.get("path", "?")), _size(answer, "bytes", "{}")]


def _agreed(answer: Answer) -> list[str]:
    return [f"{answer.get('what', '')}: {answer.get('was', '')} → {answer.get('becomes', '')}"]


_WORDS: dict[str, Callable[[Answer], list[str]]] = {
    "plan": lambda answer: [f"{answer.get('done', 0)} done, {answer.get('open', 0)} open"],
    "ask_person": lambda answer: [f"“{answer.get('answer', '')}”"],
    "propose_change": _agreed,
    "write": _wrote,
    "edit": _edited,
    "inspect_dataset": _inspected,
    "prepare_dataset": _prepared,
    "papers": _papers,
    "read_paper": _read_paper,
    "extract_recipe": _extracted,
    "plan_experiment": _planned,
    "survey_hardware": _surveyed,
    "estimate_memory": _estimated,
    "write_recipe": _wrote_recipe,
    "dummy_forward": _dummy_forward,
    "smoke_test": _smoke_test,
    "launch_training": _launched,
    "watch_job": _watched,
    "cancel_job": lambda answer: [str(answer.get("status", ""))],
    "evaluate": _evaluated,
    "write_model_card": lambda answer: [str(answer.get("path", ""))],
    "write_reproduce_bundle": lambda answer: [str(answer.get("path", ""))],
    "publish": _published,
    "docs": _found_docs,
    "github": _found_code,
    "hub_search": _searched_hub,
    "hub_details": _looked_at,
    "hub_files": _read_file,
    "hub_change": _changed_hub,
    "check_licences": _checked,
}


def _mapping(answer: Answer, name: str) -> Answer:
    value = answer.get(name)
    return value if isinstance(value, dict) else {}


def _list(answer: Answer, name: str) -> list[Any]:
    value = answer.get(name)
    return value if isinstance(value, list) else []


def _many(answer: Answer, name: str, noun: str, of_first: str, plural: str = "") -> list[str]:
    """How many there are in all, and which is the first."""
    found = [each for each in _list(answer, name) if isinstance(each, dict)]
    total = answer.get("total")
    many = total if isinstance(total, int) else len(found)
    first = found[0].get(of_first, "") if found else ""
    return [count(many, noun, plural or None), line(str(first), 80)]


def _count(answer: Answer, name: str, noun: str, plural: str = "") -> str:
    value = answer.get(name)
    return count(value, noun, plural or None) if isinstance(value, int) else ""


def _size(answer: Answer, name: str, words: str) -> str:
    value = answer.get(name)
    return words.format(size(value)) if isinstance(value, int | float) else ""


def _number(answer: Answer, name: str, words: str) -> str:
    value = answer.get(name)
    return words.format(number(value)) if isinstance(value, int | float) else ""


def _percent(answer: Answer, name: str, words: str) -> str:
    value = answer.get(name)
    return words.format(percent(value)) if isinstance(value, int | float) else ""
