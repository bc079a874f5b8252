"""The tool `hub_files`: what lies in a repository of the Hub, and its text files, by lines."""

from typing import ClassVar, Literal

from pydantic import Field

from ml_intern.errors import OutsideError
from ml_intern.events import Effect, Recovery
from ml_intern.tools.foreign import said
from ml_intern.tools.hub import reading
from ml_intern.tools.hub.names import Kind, check_path, repo_named, seen
from ml_intern.tools.hub.reading import Entry, Info
from ml_intern.tools.protocol import Arguments, Tool, ToolContext, ToolOutcome, fail
from ml_intern.tools.rendered import PAGES, as_shown
from ml_intern.tools.untrusted import Cleaned, answered
from ml_intern.web import Page
from ml_intern.wording import size_words

MOST_CHARACTERS = 6_000
MOST_IN_LINE = 1_000
LINES, ENTRIES = 150, 60


class FilesArguments(Arguments):
    """Which files."""

    operation: Literal["list", "read"] = "list"
    repo: str = Field(min_length=1, description="OWNER/NAME, or its address on the Hub.")
    kind: Kind = "model"
    path: str = Field("", description="Of the file or folder.")
    revision: str = Field("main", description="Branch, tag or commit.")
    recursive: bool = Field(False, description="List the folders below, too.")
    offset: int = Field(0, ge=0, description="Lines or entries to leave out.")
    limit: int | None = Field(None, ge=1, le=1000, description="Lines or entries to show.")


class HubFiles(Tool[FilesArguments]):
    """Reads only."""

    name: ClassVar[str] = "hub_files"
    description: ClassVar[str] = (
        "List the files of a repository on the Hugging Face Hub with their sizes, or read a text "
        "file of it by lines. The answer names the commit, and what to pass to read on."
    )
    arguments = FilesArguments
    effect: ClassVar[Effect] = "read"
    recovery: ClassVar[Recovery] = "pure"
    reads_outside: ClassVar[bool] = True

    def run(self, args: FilesArguments, ctx: ToolContext) -> ToolOutcome:
        repo = repo_named(args.repo, args.kind, ctx.place.web.service("hub").base_url)
        if args.path:
            check_path(args.path)
        if args.operation == "read" and not args.path:
            return fail("Name the file to read in path; operation=list shows what there is.")
        info = reading.look(ctx, repo, args.revision)
        if args.operation == "list":
            return _list(args, ctx, info)
        return _read(args, ctx, info)


def _list(args: FilesArguments, ctx: ToolContext, info: Info) -> ToolOutcome:
    found = reading.listing(ctx, info, args.path, recursive=args.recursive)
    end = args.offset + (args.limit or ENTRIES)
    shown = found.entries[args.offset : end]
    total = len(found.entries)
    odd = any(seen(each.path) != each.path for each in shown)
    notes = (
        info.note,
        "" if found.is_whole else f"There are more than {total:,}; name a folder in path.",
        "Names with characters that cannot be seen are shown with escapes." if odd else "",
    )
    document = said(
        [
            ("repo", info.repo.id),
            ("url", f"{info.url}/tree/{info.sha}"),
            ("commit", info.sha),
            ("folder", args.path),
            ("entries", [_shown(each) for each in shown]),
            ("total", total),
            ("next_offset", end if end < total else None),
            ("note", " ".join(filter(None, notes))),
        ]
    )
    return answered(document, *info.sources, *found.sources)


def _shown(entry: Entry) -> str:
    name = seen(entry.path)
    if entry.is_folder:
        return f"{name}/"
    return f"{name} ({'size unknown' if entry.size is None else size_words(entry.size)})"


def _read(args: FilesArguments, ctx: ToolContext, info: Info) -> ToolOutcome:
    entry = reading.entry(ctx, info, args.path)
    if entry.is_folder:
        return fail(f"{args.path} is a folder; operation=list shows what is in it.")
    if entry.size is None or entry.size > reading.MOST_TEXT_BYTES:
        return fail(reading.large(info, entry))
    try:
        page = reading.content(ctx, info, args.path)
    except OutsideError as exc:
        if exc.trouble != "large":
            raise
        return fail(reading.large(info, Entry(path=args.path, size=None)))
    if b"\0" in page.content:
        return fail(
            f"{args.path} is no text ({size_words(len(page.content))}, "
            f"{page.content_type or 'of unknown type'}): {info.file_url(args.path)}"
        )
    return _lines(args, info, page)


def _lines(args: FilesArguments, info: Info, page: Page) -> ToolOutcome:
    whole = page.content.decode("utf-8", "replace")
    seen_by_people = (
        as_shown(whole) if args.path.lower().endswith(PAGES) else Cleaned(text=whole, hidden=0)
    )
    lines = seen_by_people.text.splitlines()
    shown: list[str] = []
    cut = characters = 0
    for line in lines[args.offset : args.offset + (args.limit or LINES)]:
        kept = line[:MOST_IN_LINE]
        characters += len(kept) + 1
        if shown and characters > MOST_CHARACTERS:
            break
        cut += len(kept) < len(line)
        shown.append(kept)
    end = args.offset + len(shown)
    document = said(
        [
            ("repo", info.repo.id),
            ("path", args.path),
            ("url", info.file_url(args.path)),
            ("commit", info.sha),
            ("lines", len(lines)),
            ("first_line", args.offset + 1),
            ("text", "\n".join(shown)),
            ("next_offset", end if end < len(lines) else None),
            ("note", _note(info, args, len(lines), cut)),
        ]
    )
    return answered(document, *info.sources, page.url, hidden=seen_by_people.hidden)


def _note(info: Info, args: FilesArguments, lines: int, cut: int) -> str:
    past = f"It has {lines:,} lines only." if args.offset >= lines else ""
    long = f"{cut} lines are cut after {MOST_IN_LINE:,} characters." if cut else ""
    return " ".join(filter(None, (info.note, past, long)))
