"""Text of papers with its mathematics as plain characters, and the numbers in it.

What is matched is this plain form; what is quoted is the text as it stands.
"""

import re
import unicodedata

_SUPERSCRIPT = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_SUBSCRIPT = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_RAISED = re.compile("[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_LOWERED = re.compile("[₀₁₂₃₄₅₆₇₈₉]+")
_GREEK = {"beta": "β", "epsilon": "ε", "varepsilon": "ε", "eta": "η", "alpha": "α", "lambda": "λ"}
_COMMANDS = {
    **_GREEK,
    "times": "×",
    "cdot": "×",
    "sim": "~",
    "approx": "~",
    "pm": "±",
    "in": "∈",
    "%": "%",
    "{": "{",
    "}": "}",
    "ldots": "...",
    "dots": "...",
    "le": "≤",
    "leq": "≤",
}
_WRAPPER = re.compile(
    r"\\(?:text|mathrm|mathit|mathbf|mathtt|textbf|textit|texttt|emph|operatorname|num|mbox|"
    r"boldsymbol|bm|textsc|textrm|underline)\s*\{([^{}]*)\}"
)
_POWER = re.compile(r"\^\s*\{\s*([^{}]*?)\s*\}")
_INDEX = re.compile(r"_\s*\{\s*([^{}]*?)\s*\}")
_COMMAND = re.compile(r"\\([a-zA-Z]+|[%{}])")
_SPACES = re.compile(r"\\[,;:! ]|~(?=\\|\w)")
_LINKED = re.compile(r"\[([^\[\]\n]{1,200})\]\((?:https?:[^()\s]*|#[^()\s]*)\)")
_WORDS = {
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "twelve": 12,
    "sixteen": 16,
    "twenty": 20,
    "thirty": 30,
    "thirty-two": 32,
    "fifty": 50,
    "sixty-four": 64,
    "a single": 1,
    "single": 1,
}
_SCALES = {
    "k": 10**3,
    "thousand": 10**3,
    "m": 10**6,
    "million": 10**6,
    "b": 10**9,
    "billion": 10**9,
    "trillion": 10**12,
    "t": 10**12,
}
_COUNTED = (
    r"%|percent|fold|epochs?|steps?|iterations?|updates|hours?|days?|minutes?|layers?|classes|times|"
    r"points|examples|tokens|runs?|seeds?|years?"
)
_RAISED_TEN = r"10\s?\^\s?[-+]?\s?\d{1,2}"
_POWER_OF_TEN = rf"{_RAISED_TEN}|10\s?-\s?\d{{1,2}}(?!\d|\.\d|\s?(?:{_COUNTED}))"
"""Where a raised exponent was lost, `10-4` is one ten-thousandth, but `10-12 epochs` a range."""
NUMBER = (
    r"(?<![\w.^-])(?:"
    rf"\d+(?:\.\d+)?\s?[×x]\s?(?:{_RAISED_TEN}|10\s?-\s?\d{{1,2}})"
    r"|\d+(?:\.\d+)?\s?e\s?[-+]?\s?\d{1,2}"
    rf"|(?:{_POWER_OF_TEN})"
    r"|2\s?\^\s?\d{1,2}"
    r"|\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d*\.?\d+"
    r")(?:\s?(?:thousand|million|billion|trillion)\b|[kmb](?![a-z]))?"
    r"(?![\d^]|\.\d|,\d{3})"
)
"""Matches one number in lower-case plain text. It has no groups of its own."""
NUMBER_WORDS = tuple(sorted(_WORDS, key=len, reverse=True))
WORD_NUMBER = rf"(?:{NUMBER}|\b(?:{'|'.join(NUMBER_WORDS)})\b)"
"""The same, and numbers in words."""
_SCALED = re.compile(r"(.*?)\s?(thousand|million|billion|trillion|k|m|b)", re.DOTALL)


def plain(text: str) -> str:
    """Mathematics as characters (`5 × 10^-5`, `β1`), white space as single spaces; for matching."""
    words = unicodedata.normalize("NFC", text).replace("\u00a0", " ")
    words = _LINKED.sub(r"\1", words)
    words = _RAISED.sub(lambda found: "^" + found[0].translate(_SUPERSCRIPT), words)
    words = _LOWERED.sub(lambda found: found[0].translate(_SUBSCRIPT), words)
    words = re.sub(r"(?<=\d)(?:\{,\}|\\,|[\u2009\u202f])(?=\d{3}(?!\d))", ",", words)
    for _ in range(3):  # wrappers stand in wrappers; more than three levels nobody writes
        words = _WRAPPER.sub(r"\1", words)
    words = _INDEX.sub(r"\1", _POWER.sub(r"^\1", _SPACES.sub(" ", words)))
    words = re.sub(r"\{\s*(10|[-+]?\d+|,)\s*\}", r"\1", words)
    words = _COMMAND.sub(lambda found: _COMMANDS.get(found[1], " "), words)
    words = re.sub("[\u2212\u2010\u2011\u2013\ufe63]", "-", words)
    words = re.sub("[·⋅∗✕✖]", "×", words)
    words = re.sub(r"(?<=\d)\s*\*\s*(?=10\b)", "×", words).replace("ϵ", "ε").replace("µ", "μ")
    words = re.sub(r"[$*`]|(?<=β)_", "", words)
    words = re.sub(r"(?<=[a-z]{2})_(?=[a-z]{2})", " ", words)  # `batch_size`
    words = re.sub(r"\bi\.e\.", "ie", words)  # no end of a clause
    words = re.sub(r"(?<=\d)\s*e\s*\{\s*([-+]\d+)\s*\}", r"e\1", words)
    return " ".join(words.split())


def value_of(number: str) -> int | float:
    """Of what `NUMBER` or `WORD_NUMBER` matched: whole numbers as int."""
    words = number.strip().lower()
    if words in _WORDS:
        return _WORDS[words]
    scale = 1
    if scaled := _SCALED.fullmatch(words):
        words, scale = scaled[1], _SCALES[scaled[2]]
    found = _unscaled(re.sub(r"[\s,]", "", words)) * scale
    return int(found) if found == int(found) and abs(found) >= 1 else _tidy(found)


def _unscaled(words: str) -> float:
    factor, times, rest = words.replace("x", "×").partition("×")
    if times:
        return float(f"{factor}e{_exponent(rest)}")
    if words.startswith("10") and re.fullmatch(r"10\^?[-+]?\d+", words) and _exponent(words):
        return float(f"1e{_exponent(words)}")
    if words.startswith("2^"):
        return float(2 ** int(words[2:]))
    return float(words)


def _exponent(power: str) -> str:
    """Of `10^-4` or `10-4`; empty for another number."""
    found = re.fullmatch(r"10(?:\^([-+]?\d+)|([-+]\d+))", power)
    return (found[1] or found[2]) if found else ""


def _tidy(number: float) -> float | int:
    """Without the dust of floating point; zero is a whole number."""
    return float(f"{number:.12g}") if number else 0
