"""What the programs that read papers have in common: how they are asked, and how they answer.

The request is JSON on the command line: `path`, `answer` (where the answer goes), `act` and what
that needs. Answers are `{"document": …}`, `{"picture": PATH}`, `{"citation": …}`,
`{"extracted": …}` or `{"error": WORD, …}`.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ml_intern.tools.papers.document import Document

Request = dict[str, Any]
Said = dict[str, Any]


def answer(act: Callable[[Request], Said]) -> None:
    """Write what `act` says, whatever the file does short of ending the process."""
    request = json.loads(sys.argv[-1])
    said = act(request)
    Path(request["answer"]).write_text(json.dumps(said), encoding="utf-8")


def whole(document: Document) -> Said:
    """The answer that is a document."""
    return {"document": asdict(document)}
