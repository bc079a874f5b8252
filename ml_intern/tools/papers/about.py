"""The operations of `papers` on one paper: details, and what belongs to it on the Hub."""

import re
from collections.abc import Iterator
from typing import Any

from ml_intern.tools.papers import arxiv, hf_papers, semantic_scholar
from ml_intern.tools.papers.answer import Reading
from ml_intern.tools.papers.arguments import PapersArguments
from ml_intern.tools.papers.found import Found
from ml_intern.tools.papers.gather import Answers, Question, ask_all
from ml_intern.tools.papers.hf_papers import Repositories, Repository
from ml_intern.tools.papers.identify import PaperId, identify
from ml_intern.tools.papers.merge import combined
from ml_intern.tools.papers.paper import Paper, full
from ml_intern.tools.papers.resolve import on_arxiv, resolved
from ml_intern.tools.papers.semantic_scholar import SemanticScholar
from ml_intern.tools.protocol import ToolContext, ToolOutcome, fail
from ml_intern.web import Web

REPOSITORIES = 5
_CODE = re.compile(
    r"(?<![\w.])(?:https?://)?(?:www\.)?(?P<host>github\.com|gitlab\.com|bitbucket\.org)/"
    r"(?P<path>[\w.-]+/[\w.-]*\w)"
)


def details(args: PapersArguments, ctx: ToolContext, reading: Reading) -> ToolOutcome:
    """What all indexes know of it."""
    named = identify(args.paper)
    paper = resolved(ctx.place.web, named, reading, ctx.cancelled)
    answers = _known(paper, ctx)
    no_version = answers.missing.get(arxiv.NAME)
    if paper.version and no_version is not None and no_version.trouble == "missing":
        return fail(f"{no_version} Leave the version away for the newest.")
    if not answers.given:
        return fail(" ".join(str(exc) for exc in answers.missing.values()))
    for name, found in answers.given.items():
        reading.took(name, found.page)
    reading.lacks(answers.missing)
    known = combined([paper for found in answers.given.values() for paper in found.papers[:1]])
    if paper.version:
        reading.notes.append(
            "Citations, votes and links are of the paper, not of this version: only arXiv knows "
            "versions."
        )
    if known.withdrawn:
        reading.notes.append("This paper was withdrawn: see `withdrawn` before you build on it.")
    return reading.outcome(full(known))


def links(args: PapersArguments, ctx: ToolContext, reading: Reading) -> ToolOutcome:
    """Code, models, datasets and Spaces that belong to it, or say that they do."""
    web, limit = ctx.place.web, args.limit or REPOSITORIES
    paper = on_arxiv(web, identify(args.paper), reading, ctx.cancelled)
    questions: dict[str, Question[Found | Repositories]] = {
        **_asked_of_arxiv_and_hub(paper, ctx),
        **{f"the Hub's {kind}": _tagged(web, paper, kind, limit) for kind in hf_papers.KINDS},
    }
    answers = ask_all(questions, ctx.cancelled)
    if not answers.given:
        return fail(" ".join(map(str, answers.missing.values())))
    for name, answer in answers.given.items():
        reading.took(name, answer.page, answer.unreadable)
    reading.lacks(answers.missing)
    said = [each for each in answers.given.values() if isinstance(each, Found)]
    tagged = [each for each in answers.given.values() if isinstance(each, Repositories)]
    document: dict[str, Any] = {
        "paper": str(paper),
        "url": paper.url,
        "code": list(_code([each.papers[0] for each in said])),
        **{each.kind: [_shown(one) for one in each.repositories] for each in tagged},
    }
    if any(len(each.repositories) == limit for each in tagged):
        document["more"] = f"There may be more than {limit} of a kind: pass a higher `limit`."
    return reading.outcome(document)


def _known(paper: PaperId, ctx: ToolContext) -> Answers[Found]:
    """What each index that may know it answers."""
    web = ctx.place.web
    if not paper.arxiv:
        # Only Semantic Scholar knows such an id; it may know one for the others.
        first = ask_all(
            {semantic_scholar.NAME: lambda stop: SemanticScholar(web, stop).by_id(paper)},
            ctx.cancelled,
        )
        also = next((each.papers[0].arxiv for each in first.given.values()), "")
        if not also:
            return first
        others = ask_all(_asked_of_arxiv_and_hub(PaperId(arxiv=also), ctx), ctx.cancelled)
        return Answers(
            given={**others.given, **first.given}, missing={**others.missing, **first.missing}
        )
    questions = _asked_of_arxiv_and_hub(paper, ctx)
    questions[semantic_scholar.NAME] = lambda stop: SemanticScholar(web, stop).by_id(paper)
    return ask_all(questions, ctx.cancelled)


def _asked_of_arxiv_and_hub(paper: PaperId, ctx: ToolContext) -> dict[str, Question[Found]]:
    web = ctx.place.web
    return {
        arxiv.NAME: lambda stop: arxiv.by_id(web, paper, stop),
        hf_papers.NAME: lambda stop: hf_papers.by_id(web, paper, stop),
    }


def _tagged(
    web: Web, paper: PaperId, kind: hf_papers.Kind, limit: int
) -> Question[Found | Repositories]:
    return lambda stop: hf_papers.repositories(web, paper, kind, limit=limit, cancelled=stop)


def _code(papers: list[Paper]) -> Iterator[dict[str, Any]]:
    """Each repository once, with who says that it belongs to the paper."""
    seen: set[str] = set()
    for address, said_by, stars in (each for paper in papers for each in _said_code(paper)):
        if (key := address.lower().removesuffix(".git").rstrip("/")) not in seen:
            seen.add(key)
            yield {"url": address, "said_by": said_by, **({"stars": stars} if stars else {})}


def _said_code(paper: Paper) -> Iterator[tuple[str, str, int | None]]:
    if paper.code:
        yield paper.code, "its page on the Hub", paper.code_stars
    for where, words in (("its comment on arXiv", paper.comment), ("its abstract", paper.abstract)):
        for found in _CODE.finditer(words):
            yield f"https://{found['host']}/{found['path']}", where, None


def _shown(repository: Repository) -> dict[str, Any]:
    facts = {
        "id": repository.id,
        "url": repository.url,
        "downloads": repository.downloads,
        "likes": repository.likes,
        "task": repository.task,
        "licence": repository.licence,
        "gated": repository.is_gated or None,
    }
    return {name: value for name, value in facts.items() if value not in ("", None)}
