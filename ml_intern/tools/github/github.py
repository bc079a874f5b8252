"""The tool `github`: how others did it, in their own files."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

from ml_intern.errors import InputError, OutsideError
from ml_intern.events import Effect, Recovery
from ml_intern.tools.foreign import mapping, number, said, text
from ml_intern.tools.github.api import (
    Api,
    File,
    Place,
    content,
    files,
    owner_named,
    page_of,
    place_named,
)
from ml_intern.tools.github.arguments import GitHubArguments, page_wanted
from ml_intern.tools.github.code import search_code
from ml_intern.tools.github.examples import ranked
from ml_intern.tools.github.notebook import as_markdown
from ml_intern.tools.protocol import Tool, ToolContext, ToolOutcome, fail
from ml_intern.tools.rendered import PAGES, as_shown
from ml_intern.tools.untrusted import Cleaned, answered
from ml_intern.wording import size_words

EXAMPLES, REPOSITORIES, LINES = 20, 20, 150
MOST_CHARACTERS, MOST_IN_LINE = 6_000, 1_000
SEARCHED = 3
"""Repositories of an owner whose files are looked through."""
POINTER = b"version https://git-lfs.github.com/spec/"


class GitHub(Tool[GitHubArguments]):
    """Reads only."""

    name: ClassVar[str] = "github"
    description: ClassVar[str] = (
        "Find example scripts and notebooks on GitHub, search what stands in files (needs a "
        "token), read a file by lines (notebooks as Markdown), or list an owner's repositories. "
        "`next_offset` says how to read on."
    )
    arguments = GitHubArguments
    effect: ClassVar[Effect] = "read"
    recovery: ClassVar[Recovery] = "pure"
    reads_outside: ClassVar[bool] = True

    def run(self, args: GitHubArguments, ctx: ToolContext) -> ToolOutcome:
        """Answer, or say what is wrong with the question or with GitHub."""
        operations: dict[str, Callable[[GitHubArguments, Api], ToolOutcome]] = {
            "find_examples": _find_examples,
            "search_code": search_code,
            "read": _read,
            "list_repositories": _list_repositories,
        }
        api = Api(ctx)
        try:
            return operations[args.operation](args, api)
        except (InputError, OutsideError) as exc:
            return replace(fail(str(exc)), sources=api.sources)


# Examples


def _find_examples(args: GitHubArguments, api: Api) -> ToolOutcome:
    places, note = _places(args, api)
    found: list[tuple[Place, File]] = []
    for place in places:
        listed, is_whole = files(api, place)
        found += [(place, file) for file in ranked(listed, args.query)]
        if not is_whole:
            note += f" GitHub lists only a part of the files of {place.repository}."
    shown = found[args.offset : (end := args.offset + (args.limit or EXAMPLES))]
    note += " Only names of files are searched, not what is in them."
    return answered(
        said(
            [
                ("query", args.query),
                ("searched", [page_of(place) for place in places]),
                ("examples", [_example(place, file) for place, file in shown]),
                ("total", len(found)),
                ("next_offset", end if end < len(found) else None),
                ("note", f"{note} {api.note}".strip()),
            ]
        ),
        *api.sources,
    )


def _places(args: GitHubArguments, api: Api) -> tuple[list[Place], str]:
    """The repositories to look through, and how they were chosen."""
    if args.repository:
        return [replace(place_named(args.repository, "", args.ref), path="")], ""
    if not args.owner:
        raise InputError(
            "Give a repository (OWNER/NAME), or an owner whose repositories to search."
        )
    owner = owner_named(args.owner)
    found: list[dict[str, Any]] = []
    how = "that fit the query"
    if args.query:
        found = _searched(api, f"{args.query} user:{owner}", SEARCHED, 1)
    if not found:
        found, how = _searched(api, f"user:{owner}", SEARCHED, 1), "with the most stars"
    places = [place_named(name, "", "") for each in found if (name := _full_name(each))]
    return places, f"Looked through the {len(places)} repositories of {owner} {how}."


def _example(place: Place, file: File) -> dict[str, Any]:
    return said(
        [
            ("repository", place.repository),
            ("path", file.path),
            ("size", size_words(file.size) if file.size is not None else ""),
            ("url", page_of(replace(place, path=file.path))),
        ]
    )


# Repositories


def _list_repositories(args: GitHubArguments, api: Api) -> ToolOutcome:
    if not args.owner and not args.query:
        raise InputError("Give an owner, or words to search repositories by, or both.")
    words = args.query + (f" user:{owner_named(args.owner)}" if args.owner else "")
    limit, page = page_wanted(args, REPOSITORIES)
    found = _searched(api, words.strip(), limit, page)
    return answered(
        said(
            [
                ("repositories", [_repository(each) for each in found]),
                ("next_offset", page * limit if len(found) == limit else None),
                ("note", f"The most stars first. {api.note}".strip()),
            ]
        ),
        *api.sources,
    )


def _searched(api: Api, words: str, limit: int, page: int) -> list[dict[str, Any]]:
    found = mapping(
        api.get(
            "/search/repositories", {"q": words, "sort": "stars", "per_page": limit, "page": page}
        )
    )
    if not isinstance(found.get("items"), list):
        raise OutsideError("GitHub's search answered without repositories.", trouble="broken")
    return [mapping(each) for each in found["items"][:limit]]


def _full_name(repository: dict[str, Any]) -> str:
    return text(repository.get("full_name"))


def _repository(found: dict[str, Any]) -> dict[str, Any]:
    return said(
        [
            ("repository", _full_name(found)),
            ("url", text(found.get("html_url"), 300)),
            ("description", text(found.get("description"))),
            ("stars", number(found.get("stargazers_count"))),
            ("language", text(found.get("language"), 40)),
            ("licence", text(mapping(found.get("license")).get("spdx_id"), 40)),
            ("pushed", text(found.get("pushed_at"))[:10]),
            ("archived", True if found.get("archived") is True else None),
        ]
    )


# Files


def _read(args: GitHubArguments, api: Api) -> ToolOutcome:
    place = place_named(args.repository, args.path, args.ref)
    if not place.path:
        raise InputError("Name the file to read in path; find_examples shows which there are.")
    data = content(api, place)
    if data.startswith(POINTER):
        raise InputError(
            f"{place.path} is a pointer of Git LFS: its content lies elsewhere and is not read. "
            f"The pointer: {' '.join(data[:400].decode('utf-8', 'replace').split())}"
        )
    if b"\0" in data:
        raise InputError(f"{place.path} is no text ({size_words(len(data))}): {page_of(place)}")
    notebook = as_markdown(data) if place.path.endswith(".ipynb") else None
    whole = notebook if notebook is not None else data.decode("utf-8", "replace")
    is_page = notebook is not None or place.path.lower().endswith(PAGES)
    seen = as_shown(whole) if is_page else Cleaned(text=whole, hidden=0)
    return _lines(args, api, place, seen, is_notebook=notebook is not None)


def _lines(
    args: GitHubArguments, api: Api, place: Place, whole: Cleaned, *, is_notebook: bool
) -> ToolOutcome:
    lines = whole.text.splitlines()
    shown: list[str] = []
    characters = 0
    for line in lines[args.offset : args.offset + (args.limit or LINES)]:
        kept = line[:MOST_IN_LINE]
        characters += len(kept) + 1
        if shown and characters > MOST_CHARACTERS:
            break
        shown.append(kept)
    end = args.offset + len(shown)
    at = "" if is_notebook or not shown else f"#L{args.offset + 1}-L{end}"
    notes = (
        "The notebook is shown as Markdown; lines are counted in that." if is_notebook else "",
        f"It has {len(lines):,} lines only." if args.offset >= len(lines) else "",
        f"Lines are cut after {MOST_IN_LINE:,} characters."
        if any(len(line) == MOST_IN_LINE for line in shown)
        else "",
        api.note,
    )
    return answered(
        said(
            [
                ("repository", place.repository),
                ("path", place.path),
                ("ref", place.ref or "the default branch"),
                ("url", page_of(place, at)),
                ("lines", len(lines)),
                ("first_line", args.offset + 1),
                ("text", "\n".join(shown)),
                ("next_offset", end if end < len(lines) else None),
                ("note", " ".join(filter(None, notes))),
            ]
        ),
        *api.sources,
        hidden=whole.hidden,
    )
