"""Which columns the person named for the text and for the label."""

import re
from typing import Literal

from ml_intern.llm.autopilot.reading.page import vocabulary, words

Part = Literal["text", "label"]

_NAME = (
    r"(?:\"([^\"\n]{1,80})\"|'([^'\n]{1,80})'|`([^`\n]{1,80})`|“([^”\n]{1,80})”"
    r"|([^\W\d][\w.-]{0,79}))"
)
_TEXT = r"(?:input text|texts?|inputs?)"
_LABEL = r"(?:labels?|class(?:es)?|target|categor(?:y|ies))"

_NAME_AS_PART = words(
    rf"{_NAME} (?:column )?(?:as|is|for|holds|contains) (?:the |its |a )?(?:({_TEXT})"
    rf"|({_LABEL}))\b(?! of)"
)
_PART_COLUMN_NAME = words(
    rf"\b(?:({_TEXT})|({_LABEL}))[ _](?:column|field)(?: (?:is|called|named|in)"
    rf"|\s*[:=])*\s*{_NAME}".replace("[ _]", r"[\s_]")
)
_PART_IS_IN = words(
    rf"\b(?:({_TEXT})|({_LABEL})) (?:(?:is|are|stands?) )?(?:in|under) (?:the )?(?:column"
    rf"|field) {_NAME}"
)
_PART_EQUALS = words(rf"\b(?:({_TEXT})|(labels?))\s*[:=]\s*{_NAME}")
_QUOTED = r"(?:\"([^\"\n]{1,80})\"|'([^'\n]{1,80})'|`([^`\n]{1,80})`|“([^”\n]{1,80})”)"
_PART_IS_QUOTED = words(rf"\b(?:({_TEXT})|({_LABEL})) (?:(?:is|are|in|under) )?(?:the )?{_QUOTED}")
_QUOTED_PART = words(
    rf"{_QUOTED} (?:column )?(?:(?:is|as|for|holds) )?(?:the |its |a )(?:({_TEXT})"
    rf"|({_LABEL}))\b(?! of)"
)
_PREDICT = words(rf"\bpredict\w* (?:the )?{_QUOTED}(?: from (?:the )?{_QUOTED})?")
_WORDS = re.compile(r"[^\W\d_]+")
_SHORTEST_ALLUSION = 3
_NO_NAME = vocabulary(
    "it this that which what column columns field them used here model the a an and or as "
    "is in called named there data file these those each one"
)


def read_columns(text: str) -> dict[Part, str]:
    """The columns by their part; empty where the words name none."""
    named: dict[Part, str] = {}
    for pattern, name_first in (
        (_PART_COLUMN_NAME, False),
        (_PART_IS_IN, False),
        (_PART_IS_QUOTED, False),
        (_NAME_AS_PART, True),
        (_QUOTED_PART, True),
        (_PART_EQUALS, False),
    ):
        for found in pattern.finditer(text):
            groups = found.groups()
            names, parts = (groups[:-2], groups[-2:]) if name_first else (groups[2:], groups[:2])
            name = next((group for group in names if group), "").rstrip(".-")
            if name and name.lower() not in _NO_NAME:
                named.setdefault("text" if parts[0] else "label", name)
    return _predicted(text) | named


def _predicted(text: str) -> dict[Part, str]:
    """`predict 'mood' from 'note'`."""
    found = _PREDICT.search(text)
    if found is None:
        return {}
    label, source = (
        next((group for group in groups if group), "")
        for groups in (found.groups()[:4], found.groups()[4:])
    )
    return {"label": label, "text": source} if source else {"label": label}


def mentioned(text: str, columns: list[str]) -> list[str]:
    """Those columns that the words name as what is to be told: `by mood`, `predict the mood`."""
    lowered = text.lower()
    return [
        column
        for column in columns
        if re.search(
            r"\b(?:by|predict\w*|label\w*|class\w*|categor\w*|column|target|tell|guess)\W+"
            rf"(?:\w+\W+){{0,2}}?{re.escape(column.lower())}(?!\w)",
            lowered,
        )
    ]


def alluded(text: str, columns: list[str]) -> list[str]:
    """Those columns whose names begin like a word of the task, or the other way round: `urgent`
    and `Urg.`, `categories` and `category`."""
    spoken = {word for word in _WORDS.findall(text.lower()) if len(word) >= _SHORTEST_ALLUSION}
    return [
        column
        for column in columns
        if any(_begin_alike(part, word) for part in _parts(column) for word in spoken)
    ]


def _parts(column: str) -> list[str]:
    found = _WORDS.findall(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", column).lower())
    return [part for part in found if len(part) >= _SHORTEST_ALLUSION]


def _begin_alike(part: str, word: str) -> bool:
    """One begins with the other, but for a plural's ending."""
    return word.startswith(part.removesuffix("y")) or part.startswith(word.removesuffix("ies"))
