"""The result of a call in one line: what went wrong, the metrics in it, or how it begins. Pure."""

import json
import re
from collections.abc import Iterator
from typing import Any

MOST_CHARS = 160
MOST_METRICS = 4
MOST_NUMBER = 2**63
"""Longer whole numbers are no metrics."""
MOST_PARSED_CHARS = 200_000
"""Longer JSON is not looked into."""
_METRIC = re.compile(
    r"(?:^|_)(?:accuracy|acc|auc|bleu|f1|loss|mae|mse|perplexity|precision|recall|rmse|rouge\w*|score)$"
)
"""Names of fields that hold a metric."""


def gist(result: str, *, is_error: bool) -> str:
    """At most `MOST_CHARS` characters on one line; empty where the result holds nothing."""
    fields = _object(result)
    error = fields.get("error")
    if isinstance(error, str):
        return _cut(error)
    if is_error or not fields:
        return _cut(result)
    return _cut(", ".join(_metrics(fields) or _scalars(fields)) or result)


def _object(result: str) -> dict[str, Any]:
    """The JSON object that the result is; an empty one where it is none."""
    if not result.lstrip().startswith("{") or len(result) > MOST_PARSED_CHARS:
        return {}
    try:
        value = json.loads(result)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _metrics(fields: dict[str, Any]) -> list[str]:
    """E.g. `["eval_accuracy 0.9583"]`, from the outside inwards; of a name the first."""
    found: dict[str, str] = {}
    for name, value in _numbers(fields):
        if _METRIC.search(name):
            found.setdefault(name, f"{name} {value:.4g}")
    return list(found.values())[:MOST_METRICS]


def _scalars(fields: dict[str, Any]) -> list[str]:
    """Texts and numbers that stand at the top."""
    pairs = ((name, item) for name, item in fields.items() if isinstance(item, str | int | float))
    return [
        f"{name} {json.dumps(item) if isinstance(item, bool) else item}" for name, item in pairs
    ]


def _numbers(fields: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """Those that have a name."""
    level: list[Any] = [fields]
    while level:
        inner: list[Any] = []
        for one in level:
            for name, item in (
                one.items() if isinstance(one, dict) else (("", each) for each in one)
            ):
                if isinstance(item, dict | list):
                    inner.append(item)
                elif _is_number(item):
                    yield name, item
        level = inner


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(value, float) or abs(value) < MOST_NUMBER


def _cut(text: str) -> str:
    """Its first line that holds anything; of Python's traceback the last, which names the error."""
    lines = [one.strip() for one in text.splitlines() if one.strip()]
    told = next(iter(lines), "")
    told = lines[-1] if told.startswith("Traceback (") else told
    return told if len(told) <= MOST_CHARS else f"{told[: MOST_CHARS - 1]}…"
