"""Two recordings of the same model's half, call by call: what the tools answered otherwise. Pure.

What differs from run to run by its nature is put aside first, by the rules of `normalized`, which
`docs/traces.md` states for people. Everything else that differs is a difference.
"""

import difflib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any, Literal

from ml_intern.transcript.line import ToolUse
from ml_intern.transcript.recording import CUT, Answer, Outcome, Recording

Kind = Literal["result", "call", "answer", "end"]
PUBLISH, REPO_NAME = "publish", "repo_name"
"""The tool that may choose another name than it is asked for, and its argument for that."""
_CONTEXT_LINES = 2
CUT_SHIFT = 400
"""Characters by which two texts of the same length in bytes may be cut apart."""

MEASURED = frozenset(
    (
        *("available_bytes", "available_memory_bytes", "disk_free_bytes", "free_bytes"),
        *("largest_batch_size_that_fits", "peak_memory_bytes", "memory_bytes", "pid", "port"),
    )
)
"""Fields of JSON answers whose numbers are measured of the machine, or given out by it."""
_TIMED = re.compile(
    r"(^|_)(seconds|s|ms|duration|elapsed|runtime|took|at|time|timestamp|date)$|_per_second$"
)
"""Names of fields that hold times or durations."""
_ID = re.compile(
    r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"
    r"|\b(?:call|toolu|msg|req|job)_[0-9A-Za-z]{6,}\b"
)
_TIME = re.compile(
    r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?\b"
    r"|\b\d\d:\d\d:\d\d(?:[.,]\d+)?\b"
)
_DURATION = re.compile(
    r"(?<![\w.])\d[\d,]*(?:\.\d+)?\s?(?:ms|s|sec|seconds?|min|minutes?|h|hours?|it/s|s/it)\b"
)
_PROCESS = re.compile(r"\b(pid|process|port)([ =:]+)\d+\b|(?<=localhost:)\d+|(?<=127\.0\.0\.1:)\d+")
_IN_NAME = r"[^\s/\"'`,;:()<>\[\]]"
_PATH = re.compile(rf"(?<![\w./:<>~-])(?:/(?:{_IN_NAME}+/)+|~/(?:{_IN_NAME}+/)*)({_IN_NAME}*)")
_KEPT = "/workspace"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One thing that came out otherwise."""

    kind: Kind
    where: str
    """E.g. `answer 3, call 1: evaluate`."""
    what: str
    """In words."""
    recorded_line: int | None
    new_line: int | None
    diff: tuple[str, ...] = ()
    """Lines of a unified diff, normalized; empty where nothing can be set side by side."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What came of it."""

    compared: int
    """Calls whose results were set side by side."""
    differences: tuple[Difference, ...]
    in_part: tuple[str, ...] = ()
    """Places of those of which only the beginnings are, because a trace holds no more of them."""


def compare(recorded: Recording, new: Recording) -> Comparison:
    """What `new` has otherwise than `recorded`."""
    recorded, new = _under_names_asked_for(recorded), _under_names_asked_for(new)
    differences: list[Difference] = []
    pairs: list[tuple[str, Outcome, Outcome]] = []
    """Results that there are on both sides, with their place."""
    answers = zip_longest(recorded.answers, new.answers)
    for number, (before, after) in enumerate(answers, start=1):
        if before is None or after is None:
            differences.append(_one_sided(number, before, after))
            continue
        differences += _calls(number, before, after)
        for place, was, now in _side_by_side(number, before, after, recorded, new):
            differences += _result(place, was, now)
            if was is not None and now is not None:
                pairs.append((place, was, now))
    differences += _ends(recorded, new)
    cut = (place for place, was, now in pairs if CUT.search(was.text) or CUT.search(now.text))
    return Comparison(compared=len(pairs), differences=tuple(differences), in_part=tuple(cut))


def _under_names_asked_for(recording: Recording) -> Recording:
    """With the name that a call of `publish` asked for, where that was taken and it took `NAME-2`,
    `NAME-3` and so on.
    """
    names = dict(_numbered_names(recording))
    if not names:
        return recording
    pattern = re.compile(rf"(?<![\w.-])(?:{'|'.join(map(re.escape, names))})(?![\w-])")
    outcomes = {
        use_id: replace(one, text=pattern.sub(lambda found: names[found[0]], one.text))
        for use_id, one in recording.outcomes.items()
    }
    return replace(recording, outcomes=outcomes)


def _numbered_names(recording: Recording) -> Iterator[tuple[str, str]]:
    """Each name that `publish` chose itself, with the one that was asked for."""
    for use in recording.calls:
        outcome = recording.outcomes.get(use.use_id)
        if use.name != PUBLISH or outcome is None:
            continue
        decision = recording.decisions.get(use.use_id)
        asked = {**use.input, **((decision.arguments if decision else None) or {})}
        wanted, published = str(asked.get(REPO_NAME)), _published(outcome)
        if re.fullmatch(rf"{re.escape(wanted)}-\d+", published):
            yield published, wanted


def _published(outcome: Outcome) -> str:
    """The name under which it was; empty: it was not."""
    facts = outcome.details.get("facts")
    for fact in facts if isinstance(facts, list) else []:
        match fact:
            case {"kind": "published", "data": {"repo_id": str(repo_id)}}:
                return repo_id.rpartition("/")[2]
            case _:
                continue
    return ""


def so_far(found: Comparison) -> Comparison:
    """Of a session that has not come to its end: without what may still come."""
    here = (one for one in found.differences if one.new_line is not None and one.kind != "end")
    return replace(found, differences=tuple(here))


def _one_sided(number: int, before: Answer | None, after: Answer | None) -> Difference:
    there = before or after
    assert there is not None
    calls = ", ".join(use.name for use in there.calls)
    about = f" with {calls}" if calls else ""
    missing = "was not given again" if after is None else "is not in the recording"
    return Difference(
        kind="answer",
        where=f"answer {number}",
        what=f"the model's answer{about} {missing}",
        recorded_line=before.line if before else None,
        new_line=after.line if after else None,
    )


def _ends(recorded: Recording, new: Recording) -> Iterator[Difference]:
    """How the last turn ended; where a person stopped it, nobody does when it is played."""
    if recorded.ended in ("", "interrupted", new.ended):
        return
    yield Difference(
        kind="end",
        where="the end",
        what=f"the last turn {recorded.ended}, now it {new.ended or 'goes on'}",
        recorded_line=recorded.ended_line,
        new_line=new.ended_line,
    )


def _calls(number: int, before: Answer, after: Answer) -> Iterator[Difference]:
    """Calls that one of them has alone; those of the same place have the same name."""
    for place, (was, now) in enumerate(zip_longest(before.calls, after.calls), start=1):
        if was is not None and now is not None and was.name == now.name:
            continue
        told = (was.name if was else "nothing", now.name if now else "nothing")
        yield Difference(
            kind="call",
            where=f"answer {number}, call {place}",
            what=f"{told[0]} was called, now {told[1]}",
            recorded_line=before.line,
            new_line=after.line,
        )


def _side_by_side(
    number: int, before: Answer, after: Answer, recorded: Recording, new: Recording
) -> Iterator[tuple[str, Outcome | None, Outcome | None]]:
    uses: Iterator[tuple[ToolUse, ToolUse]] = zip(before.calls, after.calls, strict=False)
    for place, (was, now) in enumerate(uses, start=1):
        where = f"answer {number}, call {place}: {was.name}"
        yield where, recorded.outcomes.get(was.use_id), new.outcomes.get(now.use_id)


def _result(where: str, was: Outcome | None, now: Outcome | None) -> Iterator[Difference]:
    if was is None or now is None:
        if was is not now:
            missing = "has no result now" if now is None else "had no result in the recording"
            yield _difference(where, f"the call {missing}", was, now)
        return
    if was.is_error != now.is_error:
        became = "failed, and now it does not" if was.is_error else "succeeded, and now it fails"
        yield _difference(where, f"the call {became}", was, now, _diff(was.text, now.text))
    elif diff := _diff(was.text, now.text):
        yield _difference(where, "another result", was, now, diff)


def _difference(
    where: str, what: str, was: Outcome | None, now: Outcome | None, diff: Sequence[str] = ()
) -> Difference:
    return Difference(
        kind="result",
        where=where,
        what=what,
        recorded_line=was.line if was else None,
        new_line=now.line if now else None,
        diff=tuple(diff),
    )


def _diff(was: str, now: str) -> list[str]:
    """The unified diff of two results; empty where only what is put aside differs."""
    before, after = normalized(was), normalized(now)
    if CUT.search(before) or CUT.search(after):
        before, after = _beginnings(before, after)
    if before == after:
        return []
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), "recorded", "now", lineterm="", n=_CONTEXT_LINES
    )
    return list(lines) or ["(only the ends of lines differ)"]


def _beginnings(before: str, after: str) -> tuple[str, str]:
    """As much of both as stands before the place where one of them was shortened."""
    shared = min(len(CUT.split(text, maxsplit=1)[0]) for text in (before, after)) - CUT_SHIFT
    return before[: max(0, shared)], after[: max(0, shared)]


# What is put aside


def normalized(text: str) -> str:
    """A result without what differs from run to run by its nature.

    In a JSON answer, fields that hold times, durations or measurements of the machine lose their
    numbers, and a field stands on a line of its own. In all texts, ids are numbered in the order in
    which they come; times, durations, process numbers and ports become words; a path outside the
    workspace keeps only its last name.
    """
    head, document = _parsed(text)
    if document is not None:
        text = head + json.dumps(_tamed(document), ensure_ascii=False, indent=1, sort_keys=True)
    text = _PATH.sub(_shortened, text)
    text = _TIME.sub("<time>", text)
    text = _DURATION.sub("<duration>", text)
    text = _PROCESS.sub(_without_number, text)
    return _numbered(text)


def _parsed(text: str) -> tuple[str, Any]:
    """A JSON object, with the note on its arguments that may stand before it."""
    head, newline, rest = text.partition("\n") if text.startswith("[") else ("", "", text)
    if not rest.lstrip().startswith("{"):
        return "", None
    try:
        found = json.loads(rest)
    except (ValueError, RecursionError):
        return "", None
    return head + newline, found if isinstance(found, dict) else None


def _tamed(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _tamed(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [_tamed(item, name) for item in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        if name in MEASURED:
            return "<measured>"
        if _TIMED.search(name):
            return "<duration>"
    if isinstance(value, str):
        return _tamed_text(value)
    return value


def _tamed_text(value: str) -> Any:
    """Texts of several lines become several lines, so that a diff shows the one that differs."""
    return value.splitlines() if "\n" in value else value


def _shortened(found: re.Match[str]) -> str:
    path = found[0]
    if path == _KEPT or path.startswith(f"{_KEPT}/"):
        return path
    return f"<path>/{found[1]}"


def _without_number(found: re.Match[str]) -> str:
    return f"{found[1]}{found[2]}<number>" if found[1] else "<number>"


def _numbered(text: str) -> str:
    numbers: dict[str, int] = {}

    def number(found: re.Match[str]) -> str:
        return f"<id {numbers.setdefault(found[0], len(numbers) + 1)}>"

    return _ID.sub(number, text)
