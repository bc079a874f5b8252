"""Searching what stands in files, which GitHub does for those alone who have a token
(https://docs.github.com/rest/search/search#search-code).
"""

from typing import Any

from ml_intern.errors import InputError, OutsideError
from ml_intern.tools.foreign import items, mapping, number, said, text
from ml_intern.tools.github.api import Api, owner_named, place_named
from ml_intern.tools.github.arguments import GitHubArguments, page_wanted
from ml_intern.tools.protocol import ToolOutcome
from ml_intern.tools.untrusted import answered

FOUND = 10
MOST_FOUND = 1_000
"""GitHub gives no more of one search."""
_FRAGMENTS, _FRAGMENT_CHARS = 2, 300
_ACCEPT = "application/vnd.github.text-match+json"
_SCOPE = "GitHub searches default branches only, and files below 384 KB."
NO_TOKEN = (
    "GitHub searches in code only for those who have a token. Ask the person to set GITHUB_TOKEN "
    "(or the setting github_token), or search names of files with find_examples."
)


def search_code(args: GitHubArguments, api: Api) -> ToolOutcome:
    """The files, with the places in them that fit. Raises InputError, OutsideError."""
    if not args.query.strip():
        raise InputError("Say in query which words stand in the file.")
    limit, page = page_wanted(args, FOUND)
    if page * limit > MOST_FOUND:
        raise InputError(f"GitHub gives {MOST_FOUND:,} files of a search; use narrower words.")
    if not api.has_token:
        raise InputError(NO_TOKEN)
    found = _asked(
        api, {"q": f"{args.query.strip()}{_within(args)}", "per_page": limit, "page": page}
    )
    files = [mapping(each) for each in found["items"][:limit]]
    total = min(number(found.get("total_count")) or 0, MOST_FOUND)
    unsure = "GitHub ran out of time: there may be more." if found.get("incomplete_results") else ""
    return answered(
        said(
            [
                ("files", [_file(each) for each in files]),
                ("total", number(found.get("total_count"))),
                ("next_offset", page * limit if files and page * limit < total else None),
                ("note", " ".join(filter(None, (_SCOPE, unsure, api.note)))),
            ]
        ),
        *api.sources,
    )


def _within(args: GitHubArguments) -> str:
    if args.repository:
        return f" repo:{place_named(args.repository, '', '').repository}"
    return f" user:{owner_named(args.owner)}" if args.owner else ""


def _asked(api: Api, params: dict[str, str | int | None]) -> dict[str, Any]:
    try:
        found = mapping(api.get("/search/code", params, _ACCEPT))
    except OutsideError as exc:
        if exc.trouble != "refused":
            raise
        raise OutsideError(
            f"GitHub does not search for that: {exc} It takes one word at least, and only "
            "repositories and owners that it knows and the token may see.",
            trouble="refused",
        ) from exc
    if not isinstance(found.get("items"), list):
        raise OutsideError("GitHub's search answered without files.", trouble="broken")
    return found


def _file(found: dict[str, Any]) -> dict[str, Any]:
    matches = map(mapping, items(found.get("text_matches")))
    fragments = [
        text(each.get("fragment"), _FRAGMENT_CHARS)
        for each in matches
        if each.get("property") == "content"
    ]
    return said(
        [
            ("repository", text(mapping(found.get("repository")).get("full_name"))),
            ("path", text(found.get("path"), 1000)),
            ("url", text(found.get("html_url"), 400)),
            ("stands_there", list(filter(None, fragments))[:_FRAGMENTS]),
        ]
    )
