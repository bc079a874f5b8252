"""An answer for the model out of what was read: with where from, and with what it is not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ml_intern.errors import OutsideError
from ml_intern.tools.protocol import ToolOutcome
from ml_intern.tools.untrusted import answered
from ml_intern.web import Page


@dataclass
class Reading:
    """What was read for one call."""

    pages: list[Page] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def took(self, name: str, page: Page, unreadable: int = 0) -> None:
        """An answer of this index was used."""
        self.pages.append(page)
        if page.is_old:
            self.notes.append(
                f"{name} is away or limits us: this is its answer of {page.fetched:%Y-%m-%d %H:%M} "
                "UTC."
            )
        if unreadable:
            self.notes.append(f"{unreadable} of {name}'s entries could not be read.")

    def lacks(self, missing: Mapping[str, OutsideError]) -> None:
        """These indexes did not answer."""
        self.notes += [f"Without {name}: {exc}" for name, exc in missing.items()]

    def outcome(self, document: Mapping[str, Any]) -> ToolOutcome:
        """The answer, with what has to be known of it."""
        notes = {"note": " ".join(self.notes)} if self.notes else {}
        return answered({**document, **notes}, *self.sources)

    @property
    def sources(self) -> tuple[str, ...]:
        """The addresses that were read."""
        return tuple(dict.fromkeys(page.url for page in self.pages))


def part(items: Sequence[Any], offset: int, limit: int) -> dict[str, Any]:
    """A part of a list, and where it goes on."""
    more = {"next_offset": offset + limit} if offset + limit < len(items) else {}
    return {"found": len(items), "items": list(items[offset : offset + limit]), **more}
