"""Which encoding a text that is not UTF-8 may have.

A guess for an error message: each candidate decodes a sample, and the one whose characters look
most like a language wins.
"""

from collections.abc import Callable
from dataclasses import dataclass

_BYTE_ORDER_MARKS = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)


@dataclass(frozen=True)
class _Candidate:
    codec: str
    name: str
    """As `iconv` knows it."""
    plausible: Callable[[str, str], float]
    """How well a character fits, given the one before it; from 0 to 1, rarely above."""


def _western(char: str, before: str) -> float:
    """Letters with accents stand among plain ones; a run of them is another alphabet misread."""
    if char in _TYPOGRAPHY:
        return 0.8
    return 0.9 if "À" <= char <= "ÿ" and (before.isascii() or not before.isalpha()) else 0.0


def _alphabet(common: str, low: str, high: str) -> Callable[[str, str], float]:
    """Letters of an alphabet stand beside each other, not beside plain ones; a few are frequent."""

    def fit(char: str, before: str) -> float:
        if (before.isascii() and before.isalpha()) or not low <= char <= high:
            return 0.0
        return 1.3 if char in common else 0.5

    return fit


def _script(common: str, low: str, high: str) -> Callable[[str, str], float]:
    """Characters of a script with thousands of them; a few are frequent."""
    return lambda char, before: 2.0 if char in common else 0.4 * (low <= char <= high)


def _japanese(char: str, before: str) -> float:
    return 1.2 if "ぁ" <= char <= "ヿ" else 0.5 * ("一" <= char <= "鿿" or "、" <= char <= "】")


_TYPOGRAPHY = "\u201c\u201d\u2018\u2019\u201e\u2026\u2013\u2014€£§°«»"
_CYRILLIC = _alphabet(
    "\u043e\u0435\u0430\u0438\u043d\u0442\u0441\u0440\u0432\u043b", "\u0410", "\u0451"
)
_CHINESE = _script("的一是不了在人有我他这個个們们這中来來上大为為和国國到說说也", "一", "鿿")
_CANDIDATES = (
    _Candidate("cp1252", "WINDOWS-1252", _western),
    _Candidate("cp932", "CP932", _japanese),
    _Candidate("euc_jp", "EUC-JP", _japanese),
    _Candidate("gb18030", "GB18030", _CHINESE),
    _Candidate("big5", "BIG5", _CHINESE),
    _Candidate("cp949", "CP949", _script("이다는에의을가고를은한도지서하니", "가", "힣")),
    _Candidate("cp1251", "WINDOWS-1251", _CYRILLIC),
    _Candidate("koi8_r", "KOI8-R", _CYRILLIC),
    _Candidate("cp1253", "WINDOWS-1253", _alphabet("αειητνςσρλ", "ά", "ώ")),
    _Candidate("cp1255", "WINDOWS-1255", _alphabet("יוהלארתבמש", "א", "ת")),
    _Candidate("cp1256", "WINDOWS-1256", _alphabet("اليمونرتبة", "ء", "ي")),
)


def guess(sample: bytes) -> str:
    """The likeliest encoding of `sample`, by the name that `iconv` knows."""
    for mark, name in _BYTE_ORDER_MARKS:
        if sample.startswith(mark):
            return name
    if sample.count(0) > len(sample) // 8:
        return "UTF-16LE" if sample[1::2].count(0) >= sample[::2].count(0) else "UTF-16BE"
    return max(_CANDIDATES, key=lambda candidate: _fit(candidate, sample)).name


def _fit(candidate: _Candidate, sample: bytes) -> float:
    text = sample.decode(candidate.codec, "replace")
    strange = text.count("\ufffd") + sum("\x80" <= char <= "\x9f" for char in text)
    pairs = zip(" " + text, text, strict=False)
    fits = [candidate.plausible(char, before) for before, char in pairs if not char.isascii()]
    return (sum(fits) - 3 * strange) / max(1, len(fits))
