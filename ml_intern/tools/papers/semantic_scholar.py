"""Semantic Scholar: search, citations both ways, snippets and recommendations
(https://api.semanticscholar.org/api-docs).

Its entries are read by the package `semanticscholar`; the requests go through our own client, with
its pace and our cache, and always say which fields they want.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

from semanticscholar.Citation import Citation
from semanticscholar.Paper import Paper as Record
from semanticscholar.Reference import Reference
from semanticscholar.Snippet import Snippet as Excerpt

from ml_intern.errors import OutsideError
from ml_intern.tools.papers import foreign
from ml_intern.tools.papers.found import Found
from ml_intern.tools.papers.identify import PaperId
from ml_intern.tools.papers.paper import Paper
from ml_intern.tools.papers.titles import plain_title
from ml_intern.tools.papers.when import Years
from ml_intern.web import Page, Web

T = TypeVar("T")

NAME = "Semantic Scholar"
MOST = 100
MOST_LINKS = 500
"""Citations or references of one request."""
LAST_LINK = 9_500
"""It lists none beyond 10,000."""
_LISTED = (
    "title,abstract,year,publicationDate,authors,externalIds,venue,citationCount,"
    "influentialCitationCount"
)
_ALL = f"{_LISTED},referenceCount,openAccessPdf,tldr"
_LINKED = "title,year,publicationDate,authors,externalIds,venue,citationCount"


@dataclass(frozen=True, kw_only=True)
class Link:
    """One paper that cites another, as seen from either end."""

    paper: Paper
    """The one at the other end."""
    contexts: tuple[str, ...]
    """Sentences in which the one cites the other."""
    intents: tuple[str, ...]
    """`background`, `methodology`, `result`."""
    is_influential: bool


@dataclass(frozen=True, kw_only=True)
class Links:
    """One answer about citations, in its order: the newest first."""

    links: tuple[Link, ...]
    page: Page
    goes_on: bool
    unreadable: int


@dataclass(frozen=True, kw_only=True)
class Snippet:
    """A part of a paper's text."""

    text: str
    kind: str
    """`title`, `abstract` or `body`."""
    section: str
    title: str
    """Of the paper."""
    paper: PaperId
    licence: str


@dataclass(frozen=True, kw_only=True)
class Snippets:
    """One answer, best first."""

    snippets: tuple[Snippet, ...]
    page: Page
    unreadable: int


class SemanticScholar:
    """Its operations, for one call. Each raises OutsideError."""

    def __init__(self, web: Web, cancelled: threading.Event | None = None) -> None:
        self._web = web
        self._cancelled = cancelled

    def search(self, words: str, *, limit: int, years: Years | None = None) -> Found:
        """Papers, the best first."""
        page = self._get(
            "/graph/v1/paper/search",
            query=words,
            fields=_LISTED,
            limit=min(limit, MOST),
            year=years.for_semantic_scholar if years else None,
        )
        return _found(page, "data")

    def by_id(self, paper: PaperId) -> Found:
        """The one paper; `missing` where it knows none of this id."""
        page = self._about(paper, f"/graph/v1/paper/{_path(paper)}", fields=_ALL)
        found = _read(Record, foreign.document(page), _paper)
        if found is None:
            raise foreign.not_as_expected(page, "a paper")
        return Found(papers=(found,), page=page)

    def by_title(self, title: str) -> Found:
        """The one paper whose title is nearest; `missing` where none is near."""
        page = self._about(
            PaperId(title=title), "/graph/v1/paper/search/match", query=title, fields=_LISTED
        )
        return _found(page, "data")

    def citations(self, paper: PaperId, offset: int) -> Links:
        """Papers that cite it."""
        return self._links(paper, "citations", offset, Citation)

    def references(self, paper: PaperId, offset: int) -> Links:
        """Papers that it cites."""
        return self._links(paper, "references", offset, Reference)

    def snippets(
        self, words: str, *, limit: int, paper: PaperId | None = None, years: Years | None = None
    ) -> Snippets:
        """Parts of the text of papers, or of one paper."""
        page = self._get(
            "/graph/v1/snippet/search",
            query=words,
            limit=limit,
            paperIds=paper.for_semantic_scholar if paper else None,
            year=years.for_semantic_scholar if years else None,
        )
        found, unreadable = _each(page, "data", Excerpt, _snippet)
        return Snippets(snippets=tuple(found), page=page, unreadable=unreadable)

    def recommended(self, paper: PaperId, *, limit: int) -> Found:
        """Papers of computer science that are like it."""
        page = self._about(
            paper,
            f"/recommendations/v1/papers/forpaper/{_path(paper)}",
            fields=_LISTED,
            limit=limit,
            **{"from": "all-cs"},
        )
        return _found(page, "recommendedPapers")

    def _links(self, paper: PaperId, kind: str, offset: int, record: Callable[[Any], Any]) -> Links:
        page = self._about(
            paper,
            f"/graph/v1/paper/{_path(paper)}/{kind}",
            fields=f"contexts,intents,isInfluential,{_LINKED}",
            offset=offset,
            limit=MOST_LINKS,
        )
        found, unreadable = _each(page, "data", record, _link)
        return Links(
            links=tuple(found),
            page=page,
            goes_on=foreign.number(foreign.document(page).get("next")) is not None,
            unreadable=unreadable,
        )

    def _about(self, paper: PaperId, path: str, **params: str | int | None) -> Page:
        """For what is asked of one paper, which it may not know."""
        try:
            return self._get(path, **params)
        except OutsideError as exc:
            if exc.trouble != "missing":
                raise
            raise OutsideError(f"{NAME} does not know {paper}.", trouble="missing") from exc

    def _get(self, path: str, **params: str | int | None) -> Page:
        return self._web.get("semantic_scholar", path, params, cancelled=self._cancelled)


def _path(paper: PaperId) -> str:
    """A part of a path: ids of publishers hold whatever they like."""
    return quote(paper.for_semantic_scholar, safe=":/()")


def _found(page: Page, key: str) -> Found:
    papers, unreadable = _each(page, key, Record, _paper)
    return Found(
        papers=tuple(papers),
        page=page,
        total=foreign.number(foreign.document(page).get("total")),
        unreadable=unreadable,
    )


def _each(
    page: Page, key: str, record: Callable[[Any], Any], read: Callable[[Any], T | None]
) -> tuple[list[T], int]:
    """What is made of each entry, and of how many nothing could be made."""
    listed = foreign.document(page).get(key)
    if not isinstance(listed, list):
        raise foreign.not_as_expected(page, f"a list of {key!r}")
    given = foreign.entries(listed)
    made = [found for each in given if (found := _read(record, each, read)) is not None]
    return made, len(given) - len(made)


def _read(record: Callable[[Any], Any], entry: Any, read: Callable[[Any], T | None]) -> T | None:
    try:
        return read(record(foreign.mapping(entry)))
    except (AttributeError, KeyError, TypeError, ValueError):  # of another form than it expects
        return None


def _paper(record: Any) -> Paper | None:
    title = plain_title(foreign.text(record.title))
    ids = foreign.mapping(record.externalIds)
    doi = foreign.doi(ids.get("DOI"))
    sha = foreign.text(record.paperId)
    pdf = foreign.mapping(record.openAccessPdf)
    if not title:
        return None
    return Paper(
        title=title,
        authors=tuple(name for each in record.authors or () if (name := foreign.text(each.name))),
        published=_published(record),
        arxiv=foreign.arxiv(ids.get("ArXiv")) or doi.arxiv,
        doi=doi.doi,
        semantic_scholar=sha,
        page=f"https://www.semanticscholar.org/paper/{quote(sha)}" if sha else "",
        abstract=foreign.text(record.abstract, foreign.MOST_ABSTRACT_CHARS),
        summary=foreign.text(record.tldr.text, 600) if record.tldr else "",
        venue=foreign.text(record.venue),
        citations=foreign.number(record.citationCount),
        influential_citations=foreign.number(record.influentialCitationCount),
        references=foreign.number(record.referenceCount),
        pdf=foreign.address(pdf.get("url")),
        licence=foreign.text(pdf.get("license"), 80),
        known_to=(NAME,),
    )


def _published(record: Any) -> str:
    if record.publicationDate is not None:
        return str(record.publicationDate.date().isoformat())
    year = foreign.number(record.year)
    return str(year) if year and 1000 <= year <= 9999 else ""


def _link(record: Any) -> Link | None:
    paper = _paper(record.paper) if record.paper is not None else None
    if paper is None:
        return None
    return Link(
        paper=paper,
        contexts=tuple(
            said for each in _listed(record.contexts) if (said := foreign.text(each, 1_000))
        ),
        intents=tuple(said for each in _listed(record.intents) if (said := foreign.text(each, 40))),
        is_influential=record.isInfluential is True,
    )


def _listed(value: Any) -> list[Any]:
    return foreign.entries(value)[:50]


def _snippet(record: Any) -> Snippet | None:
    said, of = record.snippet, record.paper
    if said is None or of is None or not (words := foreign.text(said.text, 8_000)):
        return None
    corpus = foreign.text(str(of.corpus_id), 20)
    access: Mapping[str, Any] = foreign.mapping(of.open_access_info)
    title = plain_title(foreign.text(of.title))
    return Snippet(
        text=words,
        kind=foreign.text(said.snippet_kind, 40),
        section=foreign.text(said.section),
        title=title,
        paper=PaperId(semantic_scholar=f"CorpusId:{corpus}")
        if corpus.isascii() and corpus.isdigit()
        else PaperId(title=title),
        licence=foreign.text(access.get("license"), 80),
    )
