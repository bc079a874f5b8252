"""The answers of several indexes as one list, each paper once.

Two entries are of one paper when they have an arXiv id or a DOI in common; and, where their ids
leave it open, when title, year and first author agree.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from ml_intern.tools.papers.paper import Paper
from ml_intern.tools.papers.titles import title_key

_RANKS = 60
"""How little a place further up counts (reciprocal rank fusion, Cormack et al. 2009)."""
_YEARS_APART = 1
"""Between a preprint and what became of it."""
Key = tuple[str, str]
"""A kind of id, and the id."""


@dataclass(eq=False)
class _Group:
    """Entries of one paper."""

    entries: list[Paper] = field(default_factory=list)
    score: float = 0.0


def merged(answers: Iterable[Sequence[Paper]]) -> list[Paper]:
    """The papers, best first: those that several indexes put far up.

    `answers`: of each index, best first; of what they disagree on, the first that says it counts.
    """
    groups = _Groups()
    for answer in answers:
        for place, paper in enumerate(answer):
            groups.put(paper, 1.0 / (_RANKS + place))
    ranked = sorted(groups.found, key=lambda group: -group.score)
    return [combined(group.entries) for group in ranked]


def combined(entries: Sequence[Paper]) -> Paper:
    """One paper out of what is said of it: of each fact, the first that anybody says."""
    said: dict[str, Any] = {}
    for fact in fields(Paper):
        values = [getattr(each, fact.name) for each in entries]
        said[fact.name] = next((each for each in values if each not in ("", None, ())), values[0])
    days = (each.published for each in entries if len(each.published) > len("2023"))
    said["published"] = next(days, said["published"])
    said["known_to"] = tuple(dict.fromkeys(name for each in entries for name in each.known_to))
    return Paper(**said)


class _Groups:
    """The papers so far, by their ids and by their titles."""

    def __init__(self) -> None:
        self.found: list[_Group] = []
        self._by_id: dict[Key, _Group] = {}
        self._by_title: dict[str, list[_Group]] = {}

    def put(self, paper: Paper, score: float) -> None:
        """Add an entry to the group that it belongs to, or begin one."""
        known = [self._by_id[key] for key in _ids(paper) if key in self._by_id]
        alike = self._by_title.setdefault(title_key(paper.title), [])
        group = self._joined(known) if known else _agreeing(alike, paper) or self._begun()
        group.entries.append(paper)
        group.score += score
        self._by_id.update(dict.fromkeys(_ids(paper), group))
        if group not in alike:
            alike.append(group)

    def _begun(self) -> _Group:
        self.found.append(_Group())
        return self.found[-1]

    def _joined(self, groups: Sequence[_Group]) -> _Group:
        """One of several, as it shows that they are of one paper."""
        first, *others = groups
        for other in others:
            if other is not first:
                first.entries += other.entries
                first.score += other.score
                self.found.remove(other)
                for entry in other.entries:
                    self._by_id.update(dict.fromkeys(_ids(entry), first))
                    alike = self._by_title[title_key(entry.title)]
                    alike[:] = [first if each is other else each for each in alike]
        return first


def _ids(paper: Paper) -> list[Key]:
    named = (("arxiv", paper.arxiv), ("doi", paper.doi))
    return [(kind, name) for kind, name in named if name]


def _agreeing(groups: Sequence[_Group], paper: Paper) -> _Group | None:
    return next((group for group in groups if _agree(group.entries, paper)), None)


def _agree(entries: Sequence[Paper], paper: Paper) -> bool:
    """Whether nothing but the title says that it is another one."""
    return all(
        _same(each.arxiv, paper.arxiv)
        and _same(each.doi, paper.doi)
        and _near(each.year, paper.year)
        and _one_author(each.authors, paper.authors)
        for each in entries
    )


def _same(one: str, other: str) -> bool:
    return not (one and other) or one == other


def _near(one: int | None, other: int | None) -> bool:
    return one is None or other is None or abs(one - other) <= _YEARS_APART


def _one_author(one: Sequence[str], other: Sequence[str]) -> bool:
    """Of names, the part that every index writes out: the last."""
    if not one or not other:
        return True
    names = [title_key(each[0]).split() for each in (one, other)]
    return not all(names) or names[0][-1] in names[1] or names[1][-1] in names[0]
