"""What the tool `github` is given."""

from typing import Literal

from pydantic import Field

from ml_intern.errors import InputError
from ml_intern.tools.protocol import Arguments

MOST_IN_PAGE = 100


class GitHubArguments(Arguments):
    """What to look for, and where."""

    operation: Literal["find_examples", "search_code", "read", "list_repositories"]
    repository: str = Field("", description="OWNER/NAME, or its address.")
    owner: str = Field("", description="Instead of one repository.")
    query: str = Field(
        "",
        max_length=200,
        description="Words of a file's name or its subject; for search_code of its text, with "
        "GitHub's qualifiers, such as `language:python`.",
    )
    path: str = Field("", description="For read: of the file.")
    ref: str = Field("", description="Branch, tag or commit.")
    offset: int = Field(0, ge=0, description="Lines or entries to leave out.")
    limit: int | None = Field(None, ge=1, le=1000, description="Lines or entries to show.")


def page_wanted(args: GitHubArguments, usual: int) -> tuple[int, int]:
    """Entries of a page of GitHub's own search, and which page. Raises InputError."""
    limit = min(args.limit or usual, MOST_IN_PAGE)
    if args.offset % limit:
        raise InputError(f"GitHub gives whole pages: offset must be a multiple of limit ({limit}).")
    return limit, args.offset // limit + 1
