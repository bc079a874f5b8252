"""Titles of papers: as people read them, and as they are compared."""

import re
import unicodedata

_ACCENTS = {
    "`": "\u0300", "'": "\u0301", "^": "\u0302", "~": "\u0303", "=": "\u0304", "u": "\u0306",
    ".": "\u0307", '"': "\u0308", "r": "\u030a", "H": "\u030b", "v": "\u030c", "d": "\u0323",
    "c": "\u0327", "k": "\u0328", "b": "\u0331",
}  # fmt: skip
"""Of LaTeX, as combining characters."""
_LETTERS = {
    "ss": "ß", "ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ", "o": "ø", "O": "Ø", "l": "ł", "L": "Ł",
    "aa": "å", "AA": "Å", "i": "i", "j": "j", "infty": "∞", "times": "\u00d7", "to": "→",
    "rightarrow": "→", "leq": "≤", "geq": "≥", "le": "≤", "ge": "≥", "approx": "≈", "sim": "~",
    "ell": "\u2113", "ldots": "…", "dots": "…", "varepsilon": "ε", "varphi": "φ", "vartheta": "θ",
    "LaTeX": "LaTeX", "TeX": "TeX", "textquoteright": "\u2019", "textquoteleft": "\u2018",
    "textendash": "\u2013", "textemdash": "—", "textbackslash": "\\", "log": " log ",
    "exp": " exp ", "min": " min ", "max": " max ", "quad": " ",
}  # fmt: skip
"""Of LaTeX, that are not named as Unicode names them."""
_SPECIAL = re.compile(
    r"\\([`'^~=.\"]|[uvHcdbkr](?![A-Za-z]))\s*(?:\{\s*(\\?\w?)\s*\}|(\\?[^\W\d_]))"
)
_COMMAND = re.compile(r"\\([A-Za-z]+)\*?\s*")
_SYMBOL = re.compile(r"\\([&%$#_{}])|\\[,;:!\\ /]")
_GREEK = re.compile(r"GREEK (?:SMALL|CAPITAL) LETTER (?:FINAL )?(\w+)$")
_WORD = re.compile(r"[^\W_]+")


def plain_title(text: str) -> str:
    """The title without LaTeX, on one line; what is no LaTeX stays as it is."""
    if "\\" in text:
        text = _SPECIAL.sub(_accented, text)
        text = _SYMBOL.sub(lambda found: found[1] or " ", text)
        text = _COMMAND.sub(_said, text)
    if "{" in text or text.count("$") > 1:
        text = re.sub(r"[{}$]", "", text)
    text = re.sub(r"(?<=\w)~(?=\w)", " ", text)
    return " ".join(unicodedata.normalize("NFC", text).split())


def with_accents(text: str) -> str:
    """LaTeX's accents as letters (`\\'e` as `é`); all else as it is."""
    return _SPECIAL.sub(_accented, text)


def title_key(text: str) -> str:
    """The same for two spellings of one title: letters and digits only, without case and accents.

    Greek letters become their names, as one index writes `$\\alpha$` and another `alpha`.
    """
    plain = plain_title(text)
    if not plain.isascii():
        letters = unicodedata.normalize("NFKD", "".join(map(_named, plain)).casefold())
        plain = "".join(each for each in letters if not unicodedata.combining(each))
    return " ".join(_WORD.findall(plain.casefold()))


def _accented(found: re.Match[str]) -> str:
    letter = (found[2] or found[3] or "").removeprefix("\\")
    return unicodedata.normalize("NFC", letter + _ACCENTS[found[1]]) if letter else ""


def _said(command: re.Match[str]) -> str:
    """A letter or sign that a command stands for; nothing for one that only says how it looks."""
    name = command[1]
    if name in _LETTERS:
        return _LETTERS[name]
    size = "CAPITAL" if name[0].isupper() else "SMALL"
    try:
        return unicodedata.lookup(f"GREEK {size} LETTER {name.upper().replace('LAMBDA', 'LAMDA')}")
    except KeyError:
        return ""


def _named(char: str) -> str:
    found = _GREEK.match(unicodedata.name(char, "")) if "\u0370" <= char <= "\u03ff" else None
    return found[1].lower().replace("lamda", "lambda") if found else char
