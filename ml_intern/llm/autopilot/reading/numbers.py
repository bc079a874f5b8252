"""Numbers as people write them: `0,95`, `.85`, `3e-4`, `ninety-five`."""

import re

NUMBER = r"[-+]?(?:\d+(?:[.,]\d+)?|[.,]\d+)(?:e[-+]?\d+)?"
WHOLE = r"(\d{1,9})(?![\d%]|[.,]\d|\s*%)"
PERCENT = r"(?:\s*%|\s*percent(?:age\s+points?)?\b|\s*per\s+cent\b|\s*pct\b)"

_ONES = re.findall(
    r"\w+",
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen",
)
_TENS = re.findall(r"\w+", "twenty thirty forty fifty sixty seventy eighty ninety")
_VALUES = {
    **{word: value for value, word in enumerate(_ONES, start=1)},
    **{word: 10 * value for value, word in enumerate(_TENS, start=2)},
    "hundred": 100,
}
_SPELT = re.compile(
    rf"\b(?:({'|'.join(_TENS)})(?:[-\s]({'|'.join(_ONES[:9])}))?|({'|'.join(_ONES)}|hundred))"
    r"(?=\s*%|[-\s]+(?:percent|per\s+cent|pct|(?:full\s+|training\s+)?epochs?|different|distinct"
    r"|class|categor|labels?\b|layers?\b|(?:attention\s+)?heads?\b|out\s+of|correct|minutes?"
    r"|hours?))"
    r"|(?<=out of )({ones})\b".replace("{ones}", "|".join(_ONES)),
    re.IGNORECASE,
)


def parse(text: str) -> float:
    """The number that `NUMBER` has matched; a comma is a decimal point. Raises ValueError."""
    return float(text.replace(",", ".").replace(" ", ""))


def in_digits(text: str) -> str:
    """`text` with spelt numbers written in digits where they count something we read."""
    return _SPELT.sub(_digits, text)


def _digits(found: re.Match[str]) -> str:
    return str(sum(_VALUES[word.lower()] for word in found.groups() if word))
