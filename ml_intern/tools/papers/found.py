"""What one index answered."""

from dataclasses import dataclass

from ml_intern.tools.papers.paper import Paper
from ml_intern.web import Page


@dataclass(frozen=True, kw_only=True)
class Found:
    """The papers of one answer, best first."""

    papers: tuple[Paper, ...]
    page: Page
    total: int | None = None
    """That the index would have; None: it does not say."""
    unreadable: int = 0
    """Entries of which nothing could be made."""
