"""What is wrong with a session file, by its line."""

from dataclasses import dataclass

MAX_PROBLEMS = 1_000
"""So many are kept; more are only counted."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something that could not be read, or does not fit; `line` counts from 1, 0 is the file."""

    line: int
    what: str
    file: str = ""
    """Its name, of a session in several; empty: the one that was asked for."""

    def __str__(self) -> str:
        """E.g. `line 12: no JSON`."""
        place = f"line {self.line}: " if self.line else ""
        return f"{self.file}, {place}{self.what}" if self.file else f"{place}{self.what}"


class Problems:
    """What was found so far. Not thread-safe."""

    def __init__(self) -> None:
        self.found: list[Problem] = []
        """The first `MAX_PROBLEMS`."""
        self.count = 0
        self.file = ""
        """That is being read, see `Problem.file`."""

    def add(self, line: int, what: str) -> None:
        """Note one."""
        self.count += 1
        if len(self.found) < MAX_PROBLEMS:
            self.found.append(Problem(line=line, what=what, file=self.file))
