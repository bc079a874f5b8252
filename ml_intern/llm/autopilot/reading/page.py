"""The words that are still to be read. What one reader has understood, the next does not see."""

import re


class Page:
    """Text of which pieces are taken away one by one, so that no number is read twice."""

    def __init__(self, text: str) -> None:
        self.text = text

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """The first match, blanked out afterwards; None when there is none."""
        found = pattern.search(self.text)
        if found is not None:
            self.blank(*found.span())
        return found

    def has(self, pattern: re.Pattern[str]) -> bool:
        """Whether the pattern occurs; takes nothing away."""
        return pattern.search(self.text) is not None

    def blank(self, start: int, end: int) -> None:
        """Put a comma and spaces in place of a piece: the words around it are no neighbours."""
        if end > start:
            self.text = f"{self.text[:start]},{' ' * (end - start - 1)}{self.text[end:]}"


def words(pattern: str) -> re.Pattern[str]:
    """A pattern for people's words: case does not matter, a space is any white space."""
    spaced = pattern.replace(" ?", r"\s*").replace(" ", r"\s+")
    return re.compile(spaced, re.IGNORECASE)


def vocabulary(text: str) -> frozenset[str]:
    """The words of `text` as a set."""
    return frozenset(text.split())
