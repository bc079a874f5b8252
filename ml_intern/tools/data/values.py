"""What a cell says: nothing, a class name, a text."""

import json
import math
import re
import unicodedata
from hashlib import blake2b

MISSING = frozenset(
    ["", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "null", "None", "?"]
)
"""Cells that stand for nothing, written exactly so: a class may well be called `none`."""
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)


def is_missing(value: object) -> bool:
    """Whether the cell holds nothing."""
    if isinstance(value, str):
        return (len(value) < 8 and value.strip() in MISSING) or value.isspace()
    return value is None or (isinstance(value, float) and math.isnan(value))


def as_text(value: object) -> str:
    """The cell as a person would write it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def as_label(value: object) -> str:
    """The cell as the name of a class; blanks around it do not make another class."""
    return as_text(value).strip()


def kind_of(value: object, typed: bool) -> str:
    """`boolean`, `integer`, `number`, `string` or `nested`; untyped cells by their look."""
    if isinstance(value, str):
        return "string" if typed else _look(value.strip())
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    return "number" if isinstance(value, float) else "nested"


def _look(text: str) -> str:
    if len(text) > 40:
        return "string"
    if _INTEGER.fullmatch(text):
        return "integer"
    if text.lower() in ("true", "false"):
        return "boolean"
    try:
        float(text)
    except ValueError:
        return "string"
    return "number"


def content_key(text: str) -> int:
    """Equal for texts that differ at most in blanks, case and composed characters; 128 bits."""
    plain = " ".join(unicodedata.normalize("NFC", text).split()).casefold()
    return _digest(plain, 16)


def variant_key(text: str) -> int:
    """Equal for equal texts only; 63 bits."""
    return _digest(text, 8) >> 1


def _digest(text: str, size: int) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "replace"), digest_size=size).digest())
