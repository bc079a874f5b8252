"""arXiv: searched, and asked for papers by id (https://info.arxiv.org/help/api/user-manual.html).

Its answers are read by the package `arxiv`; the requests go through our own client, with arXiv's
pace and our cache.
"""

import re
import threading

from arxiv import Result, _feed

from ml_intern.errors import InputError, OutsideError
from ml_intern.tools.papers import foreign
from ml_intern.tools.papers.filters import NO_FILTERS, Filters
from ml_intern.tools.papers.found import Found
from ml_intern.tools.papers.identify import PaperId, identify
from ml_intern.tools.papers.paper import Paper
from ml_intern.tools.papers.titles import plain_title, title_key
from ml_intern.tools.papers.withdrawn import withdrawal
from ml_intern.web import Page, Web

NAME = "arXiv"
MOST = 100
MOST_WORDS = 12
_PATH = "/api/query"
_COMMON = {
    "a", "an", "and", "andnot", "are", "as", "at", "by", "can", "do", "does", "for", "from", "how",
    "in", "into", "is", "it", "its", "of", "on", "or", "that", "the", "their", "this", "to",
    "using", "via", "we", "what", "when", "which", "with",
}  # fmt: skip
"""Words that its index does not look for, or that are operators there."""


def search(
    web: Web,
    words: str,
    *,
    limit: int,
    filters: Filters = NO_FILTERS,
    newest: bool = False,
    cancelled: threading.Event | None = None,
) -> Found:
    """Papers that have all the words, or the phrases in quotes; the best first, or the newest.

    Raises OutsideError.
    """
    page = web.get(
        "arxiv",
        _PATH,
        {
            "search_query": _query(words, filters),
            "start": 0,
            "max_results": min(limit, MOST),
            "sortBy": "submittedDate" if newest else "relevance",
            "sortOrder": "descending",
        },
        accept="application/atom+xml",
        cancelled=cancelled,
    )
    return _found(page)


def by_title(web: Web, title: str, cancelled: threading.Event | None = None) -> Found:
    """Papers whose title has all the words of this one. Raises OutsideError."""
    words = [word for word in title_key(title).split() if word not in _COMMON][:MOST_WORDS]
    query = " AND ".join(f"ti:{word}" for word in words) or f'ti:"{title_key(title)}"'
    page = web.get(
        "arxiv",
        _PATH,
        {"search_query": query, "start": 0, "max_results": 10},
        accept="application/atom+xml",
        cancelled=cancelled,
    )
    return _found(page)


def by_id(web: Web, paper: PaperId, cancelled: threading.Event | None = None) -> Found:
    """The one paper, in the version that is named or its newest.

    Raises OutsideError; `missing` where arXiv has none of this id.
    """
    page = web.get(
        "arxiv",
        _PATH,
        {"id_list": paper.versioned, "max_results": 1},
        accept="application/atom+xml",
        cancelled=cancelled,
    )
    found = _found(page)
    if not any(each.arxiv == paper.arxiv for each in found.papers):
        raise OutsideError(f"arXiv has no {paper}.", trouble="missing")
    return found


def _query(words: str, filters: Filters) -> str:
    """In arXiv's language: every word and phrase must be there, and every filter hold."""
    said = [title_key(phrase or word) for phrase, word in re.findall(r'"([^"]+)"|([^\s"]+)', words)]
    keys = [key for key in said if key]
    telling = [key for key in keys if key not in _COMMON] or keys
    # What is written with a hyphen, `4-bit`, is a phrase to it.
    parts = [_field("all", key) for key in telling[:MOST_WORDS]]
    if author := title_key(filters.author):
        parts.append(_field("au", author))
    if filters.categories:
        # Of an archive with parts, `cs`, only the parts are categories.
        both = (each if "." in each else f"{each} OR cat:{each}.*" for each in filters.categories)
        parts.append(f"({' OR '.join(f'cat:{each}' for each in both)})")
    if filters.years is not None:
        parts.append(filters.years.for_arxiv)
    return " AND ".join(parts)


def _field(name: str, key: str) -> str:
    return f'{name}:"{key}"' if " " in key else f"{name}:{key}"


def _found(page: Page) -> Found:
    """Raises OutsideError for what is no whole feed, and for one that holds an error."""
    content = page.content.strip()
    if b"<feed" not in content[:1_000] or not content.endswith(b"</feed>"):
        # What the parser cannot read it skips, and the paper would seem not to exist.
        what = page.content_type or "something without a type"
        raise OutsideError(
            f"arXiv answered with {what} that is no whole feed ({len(content):,} bytes).",
            trouble="broken",
        )
    try:
        feed = _feed.parse(page.content)
    except (ValueError, OverflowError) as exc:  # a date that is none
        raise OutsideError(
            f"arXiv answered with a feed that is none: {exc}.", trouble="broken"
        ) from exc
    for result in feed.results:
        if "/api/errors" in result.entry_id:
            raise OutsideError(
                f"arXiv refuses the request: {foreign.text(result.summary)}.", trouble="refused"
            )
    papers = [paper for result in feed.results if (paper := _paper(result)) is not None]
    return Found(
        papers=tuple(papers),
        page=page,
        total=foreign.number(feed.header.total_results),
        unreadable=content.count(b"<entry") - len(papers),
    )


def _paper(result: Result) -> Paper | None:
    try:
        name = identify(result.entry_id)
    except InputError:
        return None
    title = plain_title(foreign.text(result.title))
    if not name.arxiv or not title:
        return None
    abstract = foreign.text(result.summary, foreign.MOST_ABSTRACT_CHARS)
    comment = foreign.text(result.comment, 1_000)
    categories = dict.fromkeys([result.primary_category, *result.categories])
    return Paper(
        title=title,
        authors=tuple(foreign.text(each.name) for each in result.authors[: foreign.MOST_ENTRIES]),
        published=result.published.date().isoformat(),
        arxiv=name.arxiv,
        version=name.version,
        doi=foreign.doi(result.doi).doi,
        abstract=abstract,
        venue=foreign.text(result.journal_ref),
        categories=tuple(filter(None, (foreign.text(each, 40) for each in categories)))[:20],
        comment=comment,
        withdrawn=withdrawal(comment, abstract),
        pdf=foreign.address(result.pdf_url),
        known_to=(NAME,),
    )
