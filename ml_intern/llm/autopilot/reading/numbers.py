"""Numbers as people write them, in one grammar: `0,95`, `.85`, `10^-3`, `1 000 000`, `ninety-five`.

`in_digits` brings every way of writing to plain digits; `NUMBER`, `WHOLE` and `RATIO` match those,
and `parse` reads them. Words are only rewritten where they count or set something that we read, so
that names and ordinary sentences stay as they are.
"""

import re

NUMBER = r"[-+]?(?:\d+(?:[.,]\d+)?|[.,]\d+)(?:e[-+]?\d+)?(?:k\b)?"
WHOLE = r"(\d{1,9}(?:k\b)?)(?![\d%]|[.,]\d|\s*%)"
PERCENT = r"(?:\s*%|\s*percent(?:age\s+points?)?\b|\s*per\s+cent\b|\s*pct\b)"
IN_EACH_BATCH = (
    r"(?:(?:per|in\s+(?:each|every|a|one)|(?:to\s+)?(?:a|each|every))\s+(?:mini-?)?batch"
    r"|at\s+(?:a\s+time|once))\b"
)
"""After a number of things: the size of a batch."""
RATIO = (
    r"(?<![\w.,/-])(?P<part>\d{1,6})"
    r"(?P<how>\s*/\s*|\s+(?:times?\s+)?(?:out\s+of|of|in)\s+)"
    r"(?:(?:every|each|all)\s+)?(?P<whole>\d{1,6})(?![\w/]|[.,]\d|\s*%)"
)

_ONES = re.findall(
    r"\w+",
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen",
)
_TENS = re.findall(r"\w+", "twenty thirty forty fifty sixty seventy eighty ninety")
_SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000}
_VALUES = {
    **{word: value for value, word in enumerate(_ONES, start=1)},
    **{word: 10 * value for value, word in enumerate(_TENS, start=2)},
}
_WORD = rf"(?:{'|'.join(sorted([*_VALUES, *_SCALES], key=len, reverse=True))})"
_SPELT = re.compile(
    rf"(?<![\w-])(?:a\s+(?=(?:hundred|thousand|million)\b))?{_WORD}\b"
    rf"(?:(?:\s+and\s+|[-\s]+){_WORD}\b)*",
    re.IGNORECASE,
)
_COUNTED = re.compile(
    r"\s*%|[-\s]+(?:percent|per\s+cent|pct|(?:full\s+|training\s+|more\s+)?epochs?|different"
    r"|distinct|class(?:es)?|categor(?:y|ies)|labels?|layers?|(?:attention\s+)?heads?|tokens?|right"
    r"|wrong|correct(?:ly)?|seconds?|minutes?|hours?|warm-?up|patch(?:es)?)\b"
    rf"|\s+(?:times?\s+)?(?:out\s+of|of|in)\s+(?:(?:every|each|all|a)\s+)?(?:{_WORD}|\d+)\b"
    rf"|\s+(?:[a-z]+\s+){{0,2}}?{IN_EACH_BATCH}|\s+(?:full\s+)?passes\b"
    rf"|\s*(?:-|\bto\b|\bor\b)\s*(?:{_WORD}|\d+)\s+(?:full\s+)?(?:epochs?|passes|class(?:es)?)\b",
    re.IGNORECASE,
)
_SET = re.compile(
    r"(?:\b(?:rate|lr|seed|sizes?|length|epochs?|batch(?:es)?|decay|dropout|smoothing|steps|layers"
    r"|heads|accuracy|f1|score|target|goal)\b(?:[\s:=]|\b(?:of|is|to|at|be|should|must|set|equals|around"
    r"|about)\b){1,8}"
    r"|\b(?:least|most|than|over|above|below|under|exceeds?|reach|hit)\s+|[=<>≥≤]\s*"
    rf"|\b(?:{_WORD}|\d+)\s+(?:times?\s+)?(?:out\s+of|of|in)\s+(?:(?:every|each|all)\s+)?)$",
    re.IGNORECASE,
)
_CONTEXT_CHARS = 40

_ORDINALS = re.findall(r"\w+", "third fourth fifth sixth seventh eighth ninth tenth")
_PARTS = {
    **{word: value for value, word in enumerate(_ORDINALS, start=3)},
    "half": 2,
    "quarter": 4,
    "twentieth": 20,
    "hundredth": 100,
}
_FRACTION = re.compile(
    rf"(?<![\w-])(?:({'|'.join(_ONES)})[-\s]+({'|'.join(_PARTS)})s\b"
    rf"|one[-\s]+({'|'.join(_PARTS)})\b"
    rf"|a\s+({'|'.join(_PARTS)})(?=\s+(?:for|as|aside|back|out|to|goes|is)\b)"
    r"|(half)(?=\s+for\b)"
    rf"|(?:a\s+)?({'|'.join(_PARTS)})(?=\s+(?:of\b|right\b|correct|wrong\b|the\s+(?:time|cases)\b)))",
    re.IGNORECASE,
)
_SUPERSCRIPT = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_POWER = re.compile(
    r"(?<![\w.,])(?:(\d+(?:[.,]\d+)?)\s*[x\u00d7*·]\s*)?10\s*"
    r"(?:(?:\^|\*\*)\s*[({]?\s*([-+]?\s*\d{1,2})\s*[)}]?|([⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,2}))(?!\w|\.\d)"
)
_SMALL_POWER = re.compile(r"(?<![\w.,/-])([2-9])\s?(?:\^|\*\*)\s?(\d{1,2})(?!\w|\.\d)")
_GROUPED = re.compile(
    r"(?<![\w.,'\u2019/-])([1-9]\d{0,2})(?:([,'\u2019_ \u00a0\u202f\u2009])\d{3}(?:\2\d{3})*"
    r"|(?:\.\d{3}){2,})(?!\w|[.,]\d)"
)
_QUOTIENT = re.compile(
    r"(\b(?:learning[\s_-]*rate|lr|dropout|decay|smoothing)[\s:=]*(?:(?:of|is|to)\s+)?)"
    r"(\d{1,6})\s*(?:/|\b(?:out\s+of|in)\b)\s*(?:an?\s+)?(\d{1,9})\b",
    re.IGNORECASE,
)
_KEY_BEFORE = re.compile(
    r"\b(?:rate|lr|seed|sizes?|length|batch(?:es)?|bs|decay|dropout|smoothing|accumulation)"
    r"[\s:=]*(?:(?:of|is|to)\s+)?$",
    re.IGNORECASE,
)
_UNIT_AFTER = re.compile(
    r"[\s-]*(?:epochs?|warm-?up|tokens?|layers?|heads?|class(?:es)?|labels?|categor|patch|max)\b",
    re.IGNORECASE,
)


def parse(text: str) -> float:
    """The number that `NUMBER` has matched; a comma is a decimal point. Raises ValueError."""
    plain = text.lower().replace(",", ".").replace(" ", "")
    return 1_000 * float(plain[:-1]) if plain.endswith("k") else float(plain)


def parse_whole(text: str) -> int:
    """The number that `WHOLE` has matched."""
    return round(parse(text))


def in_digits(text: str) -> str:
    """`text` with powers, grouped thousands and spelt numbers written in plain digits."""
    plain = text.replace("\u2212", "-")
    plain = _POWER.sub(_power, plain)
    plain = _SMALL_POWER.sub(lambda found: str(int(found[1]) ** int(found[2])), plain)
    plain = _GROUPED.sub(_ungrouped, plain)
    plain = _FRACTION.sub(_fraction, plain)
    plain = _SPELT.sub(_digits, plain)
    return _QUOTIENT.sub(_divided, plain)


def _power(found: re.Match[str]) -> str:
    exponent = (found[2] or found[3].translate(_SUPERSCRIPT)).replace(" ", "")
    return f"{parse(found[1] or '1') * 10.0 ** int(exponent):.12g}"


def _ungrouped(found: re.Match[str]) -> str:
    """Blanks may also part two numbers: `seed 7 100 warmup steps`."""
    if found[2] is not None and found[2].isspace():
        before, after = _around(found)
        if _KEY_BEFORE.search(before) and _UNIT_AFTER.match(after):
            return found[0]
    return re.sub(r"\D", "", found[0])


def _fraction(found: re.Match[str]) -> str:
    part = _VALUES[found[1].lower()] if found[1] else 1
    whole = _PARTS[next(word for word in found.groups()[1:] if word).lower()]
    return f"{part}/{whole}" if part < whole else found[0]


def _divided(found: re.Match[str]) -> str:
    """A quotient that sets something: `learning rate 1/1000`."""
    whole = int(found[3])
    return f"{found[1]}{int(found[2]) / whole:.12g}" if whole else found[0]


def _digits(found: re.Match[str]) -> str:
    spelt = re.findall(r"[a-z]+", found[0].lower())
    before, after = _around(found)
    if len(spelt) == 1 and not (_COUNTED.match(after) or _SET.search(before)):
        return found[0]
    value = _value([word for word in spelt if word not in ("a", "and")])
    return found[0] if value is None else str(value)


def _around(found: re.Match[str]) -> tuple[str, str]:
    start, end, text = found.start(), found.end(), found.string
    return text[max(0, start - _CONTEXT_CHARS) : start], text[end : end + _CONTEXT_CHARS]


def _value(spelt: list[str]) -> int | None:
    """The number of these words; None where they are several numbers in a row."""
    total, group, below = 0, 0, 1_000
    for word in spelt:
        if word == "hundred":
            group, below = max(1, group) * 100, 100
        elif word in _SCALES:
            total, group, below = total + max(1, group) * _SCALES[word], 0, 1_000
        elif _VALUES[word] >= below:
            return None
        else:
            group, below = group + _VALUES[word], 10 if _VALUES[word] >= 20 else 1
    return total + group
