"""What the indexes know of one paper, and how much of it an answer shows."""

from dataclasses import dataclass, replace
from typing import Any

from ml_intern.tools.papers.identify import PaperId

SHOWN_AUTHORS = 3
SHOWN_CHARS = 220
"""Of what a paper is about, in a list."""


@dataclass(frozen=True, kw_only=True)
class Paper:
    """Empty, or None: no index says. All text is as it came from outside."""

    title: str
    authors: tuple[str, ...] = ()
    published: str = ""
    """The day, `2023-05-23`, or only the year."""
    arxiv: str = ""
    version: int | None = None
    """The one that arXiv's words are of."""
    doi: str = ""
    semantic_scholar: str = ""
    """Its id there, 40 hexadecimal digits."""
    page: str = ""
    """An address of an index, for a paper without any id that others know."""
    abstract: str = ""
    summary: str = ""
    """A sentence that an index's model has written."""
    venue: str = ""
    categories: tuple[str, ...] = ()
    """Of arXiv, the primary one first."""
    comment: str = ""
    """Of its authors, on arXiv."""
    withdrawn: str = ""
    """The words by which it was taken back."""
    citations: int | None = None
    influential_citations: int | None = None
    references: int | None = None
    upvotes: int | None = None
    """On the Hub."""
    code: str = ""
    """Address of its repository, as the Hub has it."""
    code_stars: int | None = None
    project: str = ""
    pdf: str = ""
    licence: str = ""
    """Of the PDF, as Semantic Scholar has it."""
    known_to: tuple[str, ...] = ()
    """The indexes that these words are of."""

    @property
    def id(self) -> PaperId:
        """By the name that most indexes know it by; of no version, as few of them know any."""
        if self.arxiv:
            return PaperId(arxiv=self.arxiv)
        if self.doi:
            return PaperId(doi=self.doi)
        if self.semantic_scholar:
            return PaperId(semantic_scholar=self.semantic_scholar)
        return PaperId(title=self.title)

    @property
    def url(self) -> str:
        """Where people find it."""
        return self.id.url or self.page

    @property
    def year(self) -> int | None:
        """Of its first publication."""
        return int(self.published[:4]) if self.published else None


def brief(paper: Paper) -> dict[str, Any]:
    """As one of a list: about a hundred tokens."""
    about = paper.summary or paper.abstract
    return _said(
        title=paper.title,
        id=_name(paper),
        url=paper.url,
        authors=_authors(paper.authors),
        published=paper.published,
        venue=paper.venue,
        citations=paper.citations,
        upvotes=paper.upvotes,
        about=shortened(about, SHOWN_CHARS),
        withdrawn=shortened(paper.withdrawn, SHOWN_CHARS),
    )


def full(paper: Paper) -> dict[str, Any]:
    """All that is known of it."""
    return _said(
        title=paper.title,
        id=_name(paper),
        url=replace(paper.id, version=paper.version).url if paper.arxiv else paper.url,
        version=paper.version,
        authors=_authors(paper.authors, 20),
        published=paper.published,
        venue=paper.venue,
        categories=", ".join(paper.categories),
        doi=paper.doi,
        semantic_scholar=paper.semantic_scholar,
        withdrawn=paper.withdrawn,
        comment=shortened(paper.comment, 400),
        summary=paper.summary,
        abstract=shortened(paper.abstract, 3_000),
        citations=paper.citations,
        influential_citations=paper.influential_citations,
        references=paper.references,
        upvotes=paper.upvotes,
        code=paper.code,
        code_stars=paper.code_stars,
        project=paper.project,
        pdf=paper.pdf,
        licence_of_pdf=paper.licence,
        known_to=", ".join(paper.known_to),
    )


def shortened(text: str, most_chars: int) -> str:
    """Cut between words, and seen to be cut."""
    if len(text) <= most_chars:
        return text
    return f"{text[:most_chars].rsplit(' ', 1)[0].rstrip(' ,.;:')} …"


def _name(paper: Paper) -> str:
    """The id as it can be given again; a title names itself."""
    return "" if paper.id.title else str(paper.id)


def _authors(names: tuple[str, ...], shown: int = SHOWN_AUTHORS) -> str:
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {more} more" if more > 0 else "")


def _said(**facts: Any) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if value not in ("", None)}
