"""The operations of `papers` that answer a list: search, trending, recommend."""

from collections.abc import Sequence

from ml_intern.tools.papers import arxiv, hf_papers, semantic_scholar
from ml_intern.tools.papers.answer import Reading, part
from ml_intern.tools.papers.arguments import PapersArguments
from ml_intern.tools.papers.filters import Filters
from ml_intern.tools.papers.found import Found
from ml_intern.tools.papers.gather import Answers, Question, ask_all
from ml_intern.tools.papers.identify import arxiv_id, doi_id, identify
from ml_intern.tools.papers.merge import merged
from ml_intern.tools.papers.paper import Paper, brief
from ml_intern.tools.papers.resolve import resolved
from ml_intern.tools.papers.semantic_scholar import SemanticScholar
from ml_intern.tools.papers.titles import title_key
from ml_intern.tools.papers.when import period, years
from ml_intern.tools.protocol import ToolContext, ToolOutcome, fail

LISTED = 8
DEPTH = 50
"""How many each index is asked for, whatever part is shown: so no part depends on another."""
RECOMMENDED = 100


def search(args: PapersArguments, ctx: ToolContext, reading: Reading) -> ToolOutcome:
    """From all indexes, each paper once."""
    if not (title_key(args.query) or title_key(args.author) or args.categories):
        return fail("Say in `query` what to look for.")
    if arxiv_id(args.query) or doi_id(args.query):
        return fail("That is an id, not words: give it as `paper` to `details`.")
    filters = Filters(years=years(args.when), author=args.author, categories=tuple(args.categories))
    answers = _searched(args, filters, ctx)
    reading.lacks(answers.missing)
    if not answers.given:
        return fail(f"No index answered. {' '.join(reading.notes)}")
    for name, found in answers.given.items():
        reading.took(name, found.page, found.unreadable)
    papers = merged(found.papers for found in answers.given.values())
    kept = [paper for paper in papers if filters.hold(paper)]
    document = _listed(_sorted(kept, args.sort), args.offset, args.limit or LISTED)
    if args.categories and len(answers.given) > 1:
        reading.notes.append("Only arXiv tells categories: what it has not found is left out.")
    if args.offset and not document["items"]:
        reading.notes.append(
            f"A search looks at the best {DEPTH} of each index. Narrower words show others."
        )
    return reading.outcome(document)


def trending(args: PapersArguments, ctx: ToolContext, reading: Reading) -> ToolOutcome:
    """Of the Hub, now or of a day, week or month."""
    found = hf_papers.trending(ctx.place.web, period(args.when), cancelled=ctx.cancelled)
    reading.took(hf_papers.NAME, found.page, found.unreadable)
    words = set(title_key(args.query).split())
    papers = [each for each in found.papers if words <= set(_words(each))]
    if words:
        reading.notes.append(f"Of {len(found.papers)} trending papers, those with all the words.")
    document = _listed(_sorted(papers, args.sort), args.offset, args.limit or LISTED)
    return reading.outcome(document)


def recommend(args: PapersArguments, ctx: ToolContext, reading: Reading) -> ToolOutcome:
    """Papers that are like one."""
    web, span = ctx.place.web, Filters(years=years(args.when))
    paper = resolved(web, identify(args.paper), reading, ctx.cancelled)
    found = SemanticScholar(web, ctx.cancelled).recommended(paper, limit=RECOMMENDED)
    reading.took(semantic_scholar.NAME, found.page, found.unreadable)
    papers = _sorted([paper for paper in found.papers if span.hold(paper)], args.sort)
    return reading.outcome(
        {"like": str(paper), **_listed(papers, args.offset, args.limit or LISTED)}
    )


def _searched(args: PapersArguments, filters: Filters, ctx: ToolContext) -> Answers[Found]:
    """Raises OutsideError when stopped. Without words only arXiv finds anything."""
    web = ctx.place.web
    newest = args.sort == "date"
    questions: dict[str, Question[Found]] = {
        arxiv.NAME: lambda stop: arxiv.search(
            web, args.query, limit=DEPTH, filters=filters, newest=newest, cancelled=stop
        ),
    }
    if title_key(args.query):
        questions |= {
            semantic_scholar.NAME: lambda stop: SemanticScholar(web, stop).search(
                args.query, limit=DEPTH, years=filters.years
            ),
            hf_papers.NAME: lambda stop: hf_papers.search(
                web, args.query, limit=DEPTH, cancelled=stop
            ),
        }
    return ask_all(questions, ctx.cancelled)


def _listed(papers: list[Paper], offset: int, limit: int) -> dict[str, object]:
    found = part(papers, offset, limit)
    return {**found, "items": [brief(paper) for paper in found["items"]]}


def _sorted(papers: Sequence[Paper], order: str) -> list[Paper]:
    match order:
        case "date":
            return sorted(papers, key=lambda paper: paper.published, reverse=True)
        case "citations":
            return sorted(papers, key=lambda paper: -(paper.citations or 0))
        case _:
            return list(papers)


def _words(paper: Paper) -> list[str]:
    return title_key(f"{paper.title} {paper.summary} {paper.abstract}").split()
