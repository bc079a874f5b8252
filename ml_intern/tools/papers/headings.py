"""Headings as papers print them: the number apart from the title, and how deep it is."""

import re

_NUMBERED = re.compile(
    r"(?:(?:section|appendix|chapter)\s+)?"
    r"(?P<number>\d{1,2}(?:\.\d{1,2}){0,4}|[A-Z](?:\.\d{1,2}){0,4}|[IVX]{1,5})"
    r"(?P<stop>[.:)]?)\s+(?P<title>\S.*)",
    re.IGNORECASE | re.DOTALL,
)
_WORDS = re.compile(r"(section|appendix|chapter)\s", re.IGNORECASE)
_ROMAN = re.compile(r"[IVX]+")
USUAL = frozenset(
    re.findall(
        r"[^,]+",
        "abstract,introduction,background,preliminaries,method,methods,methodology,approach,model,"
        "experiments,evaluation,results,discussion,limitations,conclusion,conclusions,references,"
        "bibliography,appendix,acknowledgements,acknowledgments,acknowledgement,acknowledgment,"
        "related work,related works,experimental setup,broader impact,ethics statement,"
        "reproducibility statement,supplementary material,conclusion and future work,"
        "materials and methods",
    )
)
"""Titles that stand above a section even where nothing else shows it."""


def numbered(heading: str) -> tuple[str, str]:
    """Number (`3.1`, `B`, `IV`; empty for none) and title of a heading."""
    text = " ".join(heading.split())
    found = _NUMBERED.fullmatch(text)
    if found is None:
        return "", text
    number, title = found["number"], found["title"]
    if number.isdigit() or "." in number or found["stop"] or _WORDS.match(text):
        return _upper(number), title
    if number.isupper() and (len(number) > 1 or number not in "AI"):
        return number, title
    # "A Framework" and "I Robot" are titles; "A  Details" cannot be told from them.
    return "", text


def level_of(number: str) -> int:
    """1 for `3`, `B` and `IV`, 2 for `3.1`, and so on; 1 for no number."""
    return number.count(".") + 1


def is_usual(title: str) -> bool:
    """Whether a line of its own with these words is a heading by its words alone."""
    return " ".join(title.lower().split()).strip(" .:") in USUAL


def _upper(number: str) -> str:
    whole = _ROMAN.fullmatch(number.upper())
    return number.upper() if whole else number[:1].upper() + number[1:]
