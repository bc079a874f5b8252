"""Finding a section of a document by what people call it: its number, its title, words of it."""

import difflib
from collections.abc import Callable, Iterable

from ml_intern.errors import InputError
from ml_intern.tools.papers.document import Document, Section
from ml_intern.tools.papers.headings import numbered

_MOST_NAMES = 40
"""That are listed where none fits."""


def pick(document: Document, wanted: str) -> range:
    """Indices of the section and of its subsections, which follow it.

    By number (`3.1`, `Section 3.1`), by title, by the beginning or a part of the title, in this
    order; of several the first. Raises InputError with the names there are.
    """
    sections = document.sections
    number, title = numbered(wanted)
    asked = _plain(wanted)
    rules: tuple[Callable[[Section], bool], ...] = (
        lambda each: bool(each.number) and _number(each.number) == _number(wanted),
        lambda each: _plain(each.name) == asked or _plain(each.title) == asked,
        lambda each: bool(number) and each.number == number and _plain(each.title) == _plain(title),
        lambda each: _plain(each.title).startswith(asked),
        lambda each: asked in _plain(each.name),
    )
    for rule in rules if asked else ():
        for place, section in enumerate(sections):
            if rule(section):
                return range(place, _end(sections, place))
    raise InputError(_none(sections, wanted))


def text_of(document: Document, places: Iterable[int]) -> str:
    """The text of these sections; those after the first with their headings."""
    first, *rest = [document.sections[place] for place in places]
    below = (f"## {each.name}\n\n{each.text}".strip() for each in rest)
    return "\n\n".join(part for part in (first.text, *below) if part)


def _end(sections: tuple[Section, ...], place: int) -> int:
    """Where the next section begins that does not belong to this one."""
    level = sections[place].level
    end = place + 1
    while end < len(sections) and sections[end].level > level:
        end += 1
    return end


def _plain(text: str) -> str:
    return " ".join("".join(char if char.isalnum() else " " for char in text.lower()).split())


def _number(text: str) -> str:
    words = text.lower().split()
    if len(words) > 1 and words[0] in ("section", "sec.", "appendix", "chapter", "§"):
        words = words[1:]
    return words[0].strip(".:§()") if len(words) == 1 else ""


def _none(sections: tuple[Section, ...], wanted: str) -> str:
    names = [each.name for each in sections if each.name]
    if not names:
        return "The document has no headings. Read it with operation=text, or search it with find."
    close = difflib.get_close_matches(wanted, names, n=3, cutoff=0.4)
    nearest = f" Nearest: {'; '.join(close)}." if close else ""
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return (
        f"There is no section {wanted!r}.{nearest} There are: "
        f"{'; '.join(name[:80] for name in names[:_MOST_NAMES])}{more}."
    )
