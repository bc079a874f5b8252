"""The operations of `papers` on who cites whom, and on the text itself: Semantic Scholar's."""

from typing import Any

from ml_intern.tools.papers import semantic_scholar
from ml_intern.tools.papers.answer import Reading, part
from ml_intern.tools.papers.arguments import PapersArguments
from ml_intern.tools.papers.identify import identify
from ml_intern.tools.papers.paper import brief, shortened
from ml_intern.tools.papers.resolve import resolved
from ml_intern.tools.papers.semantic_scholar import (
    LAST_LINK,
    MOST_LINKS,
    Link,
    SemanticScholar,
    Snippet,
)
from ml_intern.tools.papers.when import years
from ml_intern.tools.protocol import ToolContext, ToolOutcome, fail

LINKED = 6
SNIPPETS = 4
MOST_SNIPPETS = 40
CONTEXTS, CONTEXT_CHARS, SNIPPET_CHARS = 2, 240, 900


def citations(args: PapersArguments, ctx: ToolContext, reading: Reading) -> ToolOutcome:
    """Papers that cite it, or that it cites: in blocks of 500, the influential ones first."""
    if args.offset >= LAST_LINK:
        return fail(f"Semantic Scholar lists no more than {LAST_LINK:,} citations of a paper.")
    web, span = ctx.place.web, years(args.when)
    paper = resolved(web, identify(args.paper), reading, ctx.cancelled)
    service = SemanticScholar(web, ctx.cancelled)
    ask = service.citations if args.operation == "citations" else service.references
    block = args.offset - args.offset % MOST_LINKS
    found = ask(paper, block)
    reading.took(semantic_scholar.NAME, found.page, found.unreadable)
    links = [each for each in found.links if span is None or span.holds(each.paper.year)]
    links.sort(key=lambda link: _order(link, args.sort))
    shown = part([_shown(each) for each in links], args.offset - block, args.limit or LINKED)
    if "next_offset" in shown:
        shown["next_offset"] += block
    elif found.goes_on:
        shown["next_offset"] = block + MOST_LINKS
    if found.goes_on or block:
        reading.notes.append(
            f"In order among the entries {block + 1:,} to {block + len(found.links):,} of Semantic "
            "Scholar's list, which has the newest first."
        )
    return reading.outcome({args.operation: str(paper), **shown})


def snippets(args: PapersArguments, ctx: ToolContext, reading: Reading) -> ToolOutcome:
    """Parts of the text of papers, or of one, that are about something."""
    if not args.query.strip():
        return fail("Say in `query` what the text is to be about.")
    web, span = ctx.place.web, years(args.when)
    paper = None
    if args.paper:
        paper = resolved(web, identify(args.paper), reading, ctx.cancelled)
    limit = args.limit or SNIPPETS
    if args.offset + limit > MOST_SNIPPETS:
        return fail(
            f"No more than {MOST_SNIPPETS} passages are looked for. Make the words narrower."
        )
    found = SemanticScholar(web, ctx.cancelled).snippets(
        args.query, limit=MOST_SNIPPETS, paper=paper, years=span
    )
    reading.took(semantic_scholar.NAME, found.page, found.unreadable)
    shown = part([_excerpt(each) for each in found.snippets], args.offset, limit)
    return reading.outcome(shown)


def _order(link: Link, order: str) -> tuple[int, ...]:
    newest, most_cited = _backwards(link.paper.published), -(link.paper.citations or 0)
    if order == "date":
        return newest, most_cited
    if order == "citations":
        return most_cited, newest
    return -link.is_influential, most_cited, newest


def _backwards(published: str) -> int:
    """The newest first; what has no date, last."""
    return -int(published.replace("-", "").ljust(8, "0") or 0)


def _shown(link: Link) -> dict[str, Any]:
    said = [shortened(each, CONTEXT_CHARS) for each in link.contexts[:CONTEXTS]]
    more = len(link.contexts) - len(said)
    return {
        **brief(link.paper),
        "influential": link.is_influential,
        **({"intents": ", ".join(link.intents)} if link.intents else {}),
        **({"contexts": said} if said else {}),
        **({"more_contexts": more} if more > 0 else {}),
    }


def _excerpt(snippet: Snippet) -> dict[str, Any]:
    facts = {
        "title": snippet.title,
        "id": "" if snippet.paper.title else str(snippet.paper),
        "url": snippet.paper.url,
        "where": snippet.section or snippet.kind,
        "text": shortened(snippet.text, SNIPPET_CHARS),
        "licence": snippet.licence,
    }
    return {name: value for name, value in facts.items() if value}
