"""Which columns the person named for the text and for the label."""

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
    rf"\b(?:({_TEXT})|({_LABEL}))[ _](?:column|field|col)\b(?: (?:is|called|named|in)\b"
    rf"|\s*[:=])*\s*{_NAME}".replace("[ _]", r"[\s_]")
)
_PART_IS_IN = words(
    rf"\b(?:({_TEXT})|({_LABEL})) (?:(?:is|are|stands?) )?(?:in|under) (?:the )?(?:column"
    rf"|field) {_NAME}"
)
_PART_EQUALS = words(rf"\b(?:({_TEXT})|(labels?|y))\s*[:=]\s*{_NAME}")
_IN_AND_OUT = words(rf"\b(?:inputs?|x)\s*[:=]\s*{_NAME}\W+(?:and )?(?:outputs?|y)\s*[:=]\s*{_NAME}")
_QUOTED = r"(?:\"([^\"\n]{1,80})\"|'([^'\n]{1,80})'|`([^`\n]{1,80})`|“([^”\n]{1,80})”)"
_PART_IS_QUOTED = words(rf"\b(?:({_TEXT})|({_LABEL})) (?:(?:is|are|in|under) )?(?:the )?{_QUOTED}")
_QUOTED_PART = words(
    rf"{_QUOTED} (?:column )?(?:(?:is|as|for|holds) )?(?:the |its |a )(?:({_TEXT})"
    rf"|({_LABEL}))\b(?! of)"
)
_PREDICT = words(rf"\bpredict\w* (?:the )?{_QUOTED}(?: from (?:the )?{_QUOTED})?")
_NO_NAME = vocabulary(
    "of from for to on at by with be will should must has "
    "it this that which what column columns field them used here model the a an and or as "
    "is in called named there data file these those each one"
)


_BARE = 4


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
            name = _name(names)
            if name and name.lower() not in _NO_NAME:
                named.setdefault("text" if parts[0] else "label", name)
    return _predicted(text) | named


def _predicted(text: str) -> dict[Part, str]:
    """`predict 'mood' from 'note'`, `input=note, output=mood`."""
    found = _PREDICT.search(text)
    if found is not None:
        label, source = _two_names(found.groups(), 4)
        return {"label": label, "text": source} if source else {"label": label}
    found = _IN_AND_OUT.search(text)
    if found is not None:
        source, label = _two_names(found.groups(), 5)
        return {"label": label, "text": source}
    return {}


def _two_names(groups: tuple[str | None, ...], first: int) -> tuple[str, str]:
    return _name(groups[:first]), _name(groups[first:])


def _name(groups: tuple[str | None, ...]) -> str:
    """The group that matched; the fifth is a name without quotes, which may end a sentence."""
    for index, group in enumerate(groups):
        if group:
            return group.rstrip(".-") if index == _BARE else group
    return ""
