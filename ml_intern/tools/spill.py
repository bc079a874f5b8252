"""Long outputs go to a file as they arrive; the conversation keeps head, tail and path.

The file lies in the workspace, where the session's code may have put anything in its way: a link is
not followed, and an output that cannot be kept whole is cut all the same.
"""

from dataclasses import replace
from pathlib import Path

from ml_intern.errors import InputError
from ml_intern.tools.files.beneath import write_beneath
from ml_intern.tools.protocol import ToolOutcome

LIMIT_CHARS = 24_000
"""Longest output that is kept whole."""
HEAD_CHARS = 8_000
TAIL_CHARS = 4_000
FOLDER = ".outputs"


def spill(outcome: ToolOutcome, workspace: Path, name: str) -> tuple[ToolOutcome, str | None]:
    """The outcome in a length that a conversation can bear, and the path of the whole, if kept."""
    if len(outcome.output) <= LIMIT_CHARS:
        return outcome, None
    path = workspace.resolve() / FOLDER / f"{name}.txt"
    try:
        write_beneath(workspace, path, outcome.output.encode(errors="replace"))
    except (OSError, InputError) as exc:
        return _cut(outcome, f"they could not be kept: {exc}"), None
    return _cut(outcome, f"the whole output is in {path}"), str(path)


def _cut(outcome: ToolOutcome, where: str) -> ToolOutcome:
    left_out = len(outcome.output) - HEAD_CHARS - TAIL_CHARS
    text = (
        f"{outcome.output[:HEAD_CHARS]}\n"
        f"[{left_out} characters left out; {where}]\n"
        f"{outcome.output[-TAIL_CHARS:]}"
    )
    return replace(outcome, output=text)
