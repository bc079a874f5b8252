"""What a call would change in a file, for a person to look at."""

import difflib

from ml_intern.events import Exhibit

_MOST_LINES_TO_COMPARE = 5_000


def changes(path: str, before: str, after: str) -> Exhibit:
    """The difference as a patch; of what is too long to be compared, what would stand there."""
    if max(before.count("\n"), after.count("\n")) > _MOST_LINES_TO_COMPARE:
        return Exhibit(title=f"{path}, as it would be", kind="text", text=after)
    return Exhibit(title=path, kind="diff", text=patch(path, before, after))


def patch(path: str, before: str, after: str) -> str:
    """The difference in the form that `git` shows."""
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), f"a/{path}", f"b/{path}", lineterm=""
    )
    return "\n".join(lines)
