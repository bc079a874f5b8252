"""Papers on the Hugging Face Hub: searched, of the day, and what on the Hub belongs to one
(https://huggingface.co/docs/hub/paper-pages).
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from ml_intern.errors import OutsideError
from ml_intern.tools.papers import foreign
from ml_intern.tools.papers.found import Found
from ml_intern.tools.papers.identify import PaperId
from ml_intern.tools.papers.paper import Paper
from ml_intern.tools.papers.titles import plain_title
from ml_intern.web import Page, Web

NAME = "Hugging Face"
MOST = 100
TRENDING_FRESH_S = 900.0
Kind = Literal["models", "datasets", "spaces"]
KINDS: tuple[Kind, ...] = ("models", "datasets", "spaces")
_BEFORE_ID: dict[Kind, str] = {"models": "", "datasets": "datasets/", "spaces": "spaces/"}


@dataclass(frozen=True, kw_only=True)
class Repository:
    """One that names a paper in its tags."""

    id: str
    url: str
    downloads: int | None
    likes: int | None
    task: str
    licence: str
    is_gated: bool


@dataclass(frozen=True, kw_only=True)
class Repositories:
    """One answer: the most downloaded first, Spaces by likes."""

    kind: Kind
    repositories: tuple[Repository, ...]
    page: Page
    unreadable: int


def search(web: Web, words: str, *, limit: int, cancelled: threading.Event | None = None) -> Found:
    """Papers, the best first. Raises OutsideError."""
    page = web.get(
        "hub",
        "/api/papers/search",
        {"q": words, "limit": min(limit, MOST)},
        cancelled=cancelled,
    )
    return _found(web, page)


def trending(
    web: Web, period: Mapping[str, str], *, cancelled: threading.Event | None = None
) -> Found:
    """Of a day, week or month, those with the most votes first; else what moves people now.

    Raises OutsideError.
    """
    page = web.get(
        "hub",
        "/api/daily_papers",
        {**period, **({} if period else {"sort": "trending"}), "limit": MOST},
        fresh_s=TRENDING_FRESH_S,
        cancelled=cancelled,
    )
    found = _found(web, page)
    if not period:
        return found
    voted = sorted(found.papers, key=lambda paper: -(paper.upvotes or 0))
    return Found(papers=tuple(voted), page=page, unreadable=found.unreadable)


def by_id(web: Web, paper: PaperId, cancelled: threading.Event | None = None) -> Found:
    """The one paper; it knows no versions.

    Raises OutsideError; `missing` where nobody has brought it to the Hub.
    """
    try:
        page = web.get("hub", f"/api/papers/{paper.arxiv}", cancelled=cancelled)
    except OutsideError as exc:
        if exc.trouble != "missing":
            raise
        raise OutsideError(f"The Hub has no page of {paper}.", trouble="missing") from exc
    found = _paper(foreign.document(page), _site(web))
    if found is None:
        raise foreign.not_as_expected(page, "a paper")
    return Found(papers=(found,), page=page)


def repositories(
    web: Web,
    paper: PaperId,
    kind: Kind,
    *,
    limit: int,
    cancelled: threading.Event | None = None,
) -> Repositories:
    """Those that name the paper. Raises OutsideError."""
    page = web.get(
        "hub",
        f"/api/{kind}",
        {
            "filter": f"arxiv:{paper.arxiv}",
            "sort": "likes" if kind == "spaces" else "downloads",
            "limit": limit,
        },
        cancelled=cancelled,
    )
    given, site = _listed(page), _site(web)
    made = [found for each in given if (found := _repository(foreign.mapping(each), kind, site))]
    return Repositories(
        kind=kind, repositories=tuple(made), page=page, unreadable=len(given) - len(made)
    )


def _site(web: Web) -> str:
    """Where people find what is there."""
    return web.service("hub").base_url


def _found(web: Web, page: Page) -> Found:
    given, site = _listed(page), _site(web)
    papers = [paper for each in given if (paper := _paper(foreign.mapping(each), site))]
    return Found(papers=tuple(papers), page=page, unreadable=len(given) - len(papers))


def _listed(page: Page) -> list[Any]:
    """Raises OutsideError for anything else than a list."""
    found = page.json()
    if not isinstance(found, list):
        raise foreign.not_as_expected(page, "a list")
    return foreign.entries(found)


def _paper(entry: Mapping[str, Any], site: str) -> Paper | None:
    """In lists, the paper is a part of its entry; of one alone, it is the whole."""
    said = foreign.mapping(entry.get("paper")) or entry
    title = plain_title(foreign.text(said.get("title")) or foreign.text(entry.get("title")))
    name = foreign.text(said.get("id"), 80)
    if not title or not name:
        return None
    authors = (
        foreign.text(foreign.mapping(each).get("name"))
        for each in foreign.entries(said.get("authors"))
    )
    return Paper(
        title=title,
        authors=tuple(filter(None, authors)),
        published=foreign.day(said.get("publishedAt")),
        arxiv=foreign.arxiv(name),
        page=f"{site}/papers/{quote(name)}",
        abstract=foreign.text(said.get("summary"), foreign.MOST_ABSTRACT_CHARS),
        summary=foreign.text(said.get("ai_summary"), 600),
        upvotes=foreign.number(said.get("upvotes")),
        code=foreign.address(said.get("githubRepo")),
        code_stars=foreign.number(said.get("githubStars")),
        project=foreign.address(said.get("projectPage")),
        known_to=(NAME,),
    )


def _repository(entry: Mapping[str, Any], kind: Kind, site: str) -> Repository | None:
    name = foreign.text(entry.get("id"), 200)
    if not name:
        return None
    tags = [foreign.text(each, 80) for each in foreign.entries(entry.get("tags"))]
    licence = next((tag[8:] for tag in tags if tag.startswith("license:")), "")
    task = next((tag[16:] for tag in tags if tag.startswith("task_categories:")), "")
    return Repository(
        id=name,
        url=f"{site}/{_BEFORE_ID[kind]}{quote(name)}",
        downloads=foreign.number(entry.get("downloads")),
        likes=foreign.number(entry.get("likes")),
        task=foreign.text(entry.get("pipeline_tag"), 80) or task,
        licence=licence,
        is_gated=entry.get("gated") not in (None, False),
    )
