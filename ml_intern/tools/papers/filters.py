"""What a search is narrowed down to, and whether a paper is among that.

Not every index takes every filter, so all that they answer is looked at once more.
"""

from dataclasses import dataclass

from ml_intern.tools.papers.paper import Paper
from ml_intern.tools.papers.titles import title_key
from ml_intern.tools.papers.when import Years


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Empty, or None: all papers."""

    years: Years | None = None
    author: str = ""
    categories: tuple[str, ...] = ()
    """Of arXiv: `cs.CL`, or `cs` with all that lies in it. One of them is enough."""

    def hold(self, paper: Paper) -> bool:
        """A year that nobody knows may be right; a category that nobody knows is not."""
        return (
            (self.years is None or self.years.holds(paper.year))
            and (not self.author or any(_is(self.author, each) for each in paper.authors))
            and (not self.categories or any(map(self._covers, paper.categories)))
        )

    def _covers(self, category: str) -> bool:
        return any(category == each or category.startswith(f"{each}.") for each in self.categories)


NO_FILTERS = Filters()


def _is(asked: str, name: str) -> bool:
    """Whether a name may be that of who is asked for: initials stand for what they begin."""
    words = title_key(name).split()
    return all(
        any(one == word or (1 in (len(one), len(word)) and one[0] == word[0]) for word in words)
        for one in title_key(asked).split()
    )
