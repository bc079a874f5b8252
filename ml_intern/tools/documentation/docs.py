"""The tool `docs`: the Hub's documentation of libraries, searched and read."""

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

from pydantic import Field

from ml_intern.errors import InputError, OutsideError
from ml_intern.events import Effect, Recovery
from ml_intern.tools.documentation.pages import (
    ROOT,
    Link,
    links_of,
    markdown_of,
    page_path,
)
from ml_intern.tools.documentation.sections import sections_of, share, with_inner, words_of
from ml_intern.tools.foreign import said
from ml_intern.tools.protocol import Arguments, Tool, ToolContext, ToolOutcome, fail
from ml_intern.tools.untrusted import answered
from ml_intern.web import Page

LISTED, SHOWN, LOOKED_INTO = 50, 8, 5
CHARACTERS, EXCERPT = 6_000, 300


class DocsArguments(Arguments):
    """Which documentation."""

    operation: Literal["search", "fetch"]
    library: str = Field("", description="As in its address, e.g. trl or hub.")
    version: str = Field("", description="E.g. v1.16.0; empty: the newest.")
    query: str = Field("", max_length=200, description="For search: words; empty lists all pages.")
    page: str = Field("", description="For fetch: address or name of the page, e.g. sft_trainer.")
    section: str = Field("", description="For fetch: only this heading.")
    offset: int = Field(0, ge=0, description="Pages or characters to leave out.")


@dataclass
class _Reading:
    """What one call has read."""

    ctx: ToolContext
    pages: list[Page] = field(default_factory=list)

    def address(self, path: str) -> str:
        """Of a page, for people."""
        return f"{self.ctx.place.web.service('hub').base_url}{ROOT}{path}"

    def linked(self, link: Link) -> dict[str, Any]:
        """A page as an answer names it."""
        return {"title": link.title, "url": self.address(link.path)}

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(page.url for page in self.pages)

    @property
    def note(self) -> str:
        old = [page for page in self.pages if page.is_old]
        if not old:
            return ""
        return f"The Hub is away; this is of {old[0].fetched:%Y-%m-%d %H:%M} UTC."


class Docs(Tool[DocsArguments]):
    """Reads only."""

    name: ClassVar[str] = "docs"
    description: ClassVar[str] = (
        "Search and read the documentation of libraries on the Hugging Face Hub. What is installed "
        "may be of another version: the tool library tells of that one."
    )
    arguments = DocsArguments
    effect: ClassVar[Effect] = "read"
    recovery: ClassVar[Recovery] = "pure"
    reads_outside: ClassVar[bool] = True

    def run(self, args: DocsArguments, ctx: ToolContext) -> ToolOutcome:
        """Answer, or say what is wrong with the question or with the Hub."""
        reading = _Reading(ctx)
        try:
            return _search(args, reading) if args.operation == "search" else _fetch(args, reading)
        except (InputError, OutsideError) as exc:
            return replace(fail(str(exc)), sources=reading.sources)


# Searching


def _search(args: DocsArguments, reading: _Reading) -> ToolOutcome:
    links, index = links_of(reading.ctx, args.library, args.version)
    reading.pages.append(index)
    query = words_of(args.query)
    if not query:
        return _list(args, reading, links)
    scored = [(share(query, f"{link.title} {link.path}"), link) for link in links]
    fitting = [each for each in scored if each[0] > 0]
    fitting.sort(key=lambda each: -each[0])
    found = [_looked_into(reading, link, query) for _, link in fitting[:LOOKED_INTO]]
    found += [reading.linked(link) for _, link in fitting[LOOKED_INTO:SHOWN]]
    note = (
        f"By the titles of {len(links):,} pages, and the text of the best {LOOKED_INTO}. "
        f"{reading.note}"
    )
    if not found:
        note = (
            f"No title of {len(links):,} pages holds a word of it, and those are all that is "
            "searched. Add what the page is about (sft packing); without query all are listed."
        )
    document = [("library", args.library), ("query", args.query), ("pages", found)]
    return answered({**said(document), "note": note.strip()}, *reading.sources)


def _looked_into(reading: _Reading, link: Link, query: list[str]) -> dict[str, Any]:
    """The page with the section in it that fits best; alone with its address if it has no text."""
    try:
        page = markdown_of(reading.ctx, link.path)
    except OutsideError as exc:
        if exc.trouble not in ("missing", "broken", "large"):
            raise
        return {**reading.linked(link), "note": str(exc)}
    reading.pages.append(page)
    # What the page is about stands everywhere in it: the other words tell its sections apart.
    query = [word for word in query if not share([word], f"{link.title} {link.path}")] or query
    best = max(
        sections_of(page.text),
        key=lambda each: 2 * share(query, each.title) + share(query, each.text),
        default=None,
    )
    if best is None or not share(query, best.text):
        return reading.linked(link)
    excerpt = " ".join(best.text.split())
    more = "…" if len(excerpt) > EXCERPT else ""
    return {**reading.linked(link), "section": best.title, "excerpt": f"{excerpt[:EXCERPT]}{more}"}


def _list(args: DocsArguments, reading: _Reading, links: list[Link]) -> ToolOutcome:
    end = args.offset + LISTED
    return answered(
        said(
            [
                ("library", args.library),
                ("pages", [reading.linked(link) for link in links[args.offset : end]]),
                ("total", len(links)),
                ("next_offset", end if end < len(links) else None),
                ("note", reading.note),
            ]
        ),
        *reading.sources,
    )


# Reading


def _fetch(args: DocsArguments, reading: _Reading) -> ToolOutcome:
    if not args.page:
        raise InputError("Name the page; operation=search lists which there are.")
    base_url = reading.ctx.place.web.service("hub").base_url
    path = page_path(args.page, args.library, args.version, base_url)
    page = markdown_of(reading.ctx, path)
    reading.pages.append(page)
    sections = sections_of(page.text)
    titles = [each.title for each in sections if each.title]
    text = with_inner(sections, args.section) if args.section else page.text
    if text is None:
        return replace(
            fail(f"{path} has no section {args.section!r}.", sections=titles[:100]),
            sources=reading.sources,
        )
    end = args.offset + CHARACTERS
    is_whole = args.offset == 0 and end >= len(text)
    return answered(
        said(
            [
                ("url", reading.address(path)),
                ("section", args.section),
                ("text", text[args.offset : end]),
                ("characters", len(text)),
                ("next_offset", end if end < len(text) else None),
                ("sections", [] if is_whole or args.section else titles[:60]),
                ("note", reading.note),
            ]
        ),
        *reading.sources,
    )
