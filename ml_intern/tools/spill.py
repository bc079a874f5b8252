"""Long outputs go to a file as they arrive; the conversation keeps head, tail and path."""

from dataclasses import replace
from pathlib import Path

from ml_intern.tools.protocol import ToolOutcome

LIMIT_CHARS = 24_000
"""Longest output that is kept whole."""
HEAD_CHARS = 8_000
TAIL_CHARS = 4_000
FOLDER = ".outputs"


def spill(outcome: ToolOutcome, workspace: Path, name: str) -> tuple[ToolOutcome, str | None]:
    """The outcome in a length that a conversation can bear, and the path of the whole, if cut.

    The file lies in the workspace, so that the model can read on in it.
    """
    if len(outcome.output) <= LIMIT_CHARS:
        return outcome, None
    path = workspace / FOLDER / f"{name}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(outcome.output, encoding="utf-8", errors="replace")
    cut = len(outcome.output) - HEAD_CHARS - TAIL_CHARS
    text = (
        f"{outcome.output[:HEAD_CHARS]}\n"
        f"[{cut} characters left out; the whole output is in {path}]\n"
        f"{outcome.output[-TAIL_CHARS:]}"
    )
    return replace(outcome, output=text), str(path)
