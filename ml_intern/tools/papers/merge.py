"""The answers of several indexes as one list, each paper once.

Two entries are of one paper when they have an arXiv id or a DOI in common; and, where their ids
leave it open, when title, year and first author agree.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from ml_intern.tools.papers.paper import Paper
from ml_intern.tools.papers.titles import title_key

_RANKS = 60
"""How little a place further up counts (reciprocal rank fusion, Cormack et al. 2009)."""
_YEARS_APART = 1
"""Between a preprint and what became of it."""
Key = tuple[str, str]


@dataclass
class _Group:
    """Entries of one paper."""

    entries: list[Paper] = field(default_factory=list)
    score: float = 0.0


def merged(answers: Iterable[Sequence[Paper]]) -> list[Paper]:
    """The papers, best first: those that several indexes put far up.

    `answers`: of each index, best first; of what they disagree on, the first that says it counts.
    """
    groups: dict[Key, _Group] = {}
    for answer in answers:
        for place, paper in enumerate(answer):
            group = _joined(paper, groups)
            group.entries.append(paper)
            group.score += 1.0 / (_RANKS + place)
            groups.update(dict.fromkeys(_keys(paper), group))
    found = {id(group): group for group in groups.values()}.values()
    return [combined(each.entries) for each in sorted(found, key=lambda each: -each.score)]


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


def _keys(paper: Paper) -> Iterator[Key]:
    if paper.arxiv:
        yield "arxiv", paper.arxiv
    if paper.doi:
        yield "doi", paper.doi
    yield "title", title_key(paper.title)


def _joined(paper: Paper, groups: dict[Key, _Group]) -> _Group:
    """The group that the paper belongs to; several become one, as it shows that they are."""
    by_id = [groups[key] for key in _keys(paper) if key in groups and key[0] != "title"]
    if not by_id:
        like = groups.get(("title", title_key(paper.title)))
        return like if like is not None and _agree(like.entries, paper) else _Group()
    first = by_id[0]
    for other in by_id[1:]:
        if other is not first:
            first.entries += other.entries
            first.score += other.score
            groups.update({key: first for key, group in groups.items() if group is other})
    return first


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
