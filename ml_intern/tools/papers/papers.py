"""The tool `papers`: find papers, and what belongs to them."""

from dataclasses import replace
from typing import ClassVar, assert_never

from ml_intern.errors import InputError, OutsideError
from ml_intern.events import Effect, Recovery
from ml_intern.tools.papers import about, graph, lists
from ml_intern.tools.papers.answer import Reading
from ml_intern.tools.papers.arguments import Operation, PapersArguments
from ml_intern.tools.protocol import Tool, ToolContext, ToolOutcome, fail

_HEARD: dict[Operation, set[str]] = {
    "search": {"query", "when", "author", "categories"},
    "trending": {"query", "when"},
    "details": {"paper"},
    "citations": {"paper", "when"},
    "references": {"paper", "when"},
    "snippets": {"query", "paper", "when"},
    "recommend": {"paper", "when"},
    "links": {"paper"},
}


class Papers(Tool[PapersArguments]):
    """Asks the indexes outside; each answer says where it is from."""

    name: ClassVar[str] = "papers"
    description: ClassVar[str] = (
        "Find research papers, who cites them, and what belongs to them. Answers JSON with the "
        "address of each entry; `note` says which index did not answer, `next_offset` how to go "
        "on. To read a paper's text use read_paper."
    )
    arguments = PapersArguments
    effect: ClassVar[Effect] = "read"
    recovery: ClassVar[Recovery] = "pure"
    reads_outside: ClassVar[bool] = True
    timeout_s: ClassVar[float] = 180.0

    def run(self, args: PapersArguments, ctx: ToolContext) -> ToolOutcome:
        """Answer, or say what is wrong with the question or with the index."""
        reading = Reading()
        if ignored := _meaningless(args):
            return fail(f"{ignored} means nothing to `{args.operation}`. Leave it away.")
        try:
            outcome = _answer(args, ctx, reading)
        except (InputError, OutsideError) as exc:
            outcome = fail(" ".join((str(exc), *reading.notes)))
        return replace(outcome, sources=reading.sources)


def _meaningless(args: PapersArguments) -> str:
    """What was said that the operation would leave unheard; empty: nothing."""
    given = {name for name in set().union(*_HEARD.values()) if getattr(args, name)}
    ignored = sorted(given - _HEARD[args.operation])
    return ", ".join(f"`{name}`" for name in ignored)


def _answer(args: PapersArguments, ctx: ToolContext, reading: Reading) -> ToolOutcome:
    match args.operation:
        case "search":
            return lists.search(args, ctx, reading)
        case "trending":
            return lists.trending(args, ctx, reading)
        case "recommend":
            return lists.recommend(args, ctx, reading)
        case "details":
            return about.details(args, ctx, reading)
        case "links":
            return about.links(args, ctx, reading)
        case "citations" | "references":
            return graph.citations(args, ctx, reading)
        case "snippets":
            return graph.snippets(args, ctx, reading)
        case _:
            assert_never(args.operation)
