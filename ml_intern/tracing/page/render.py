"""From a page to HTML. What traces hold is other people's text: it is escaped, and nothing of it
runs, because the page allows one script by its hash and no address at all.
"""

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import asdict
from functools import cache
from pathlib import Path

import jinja2

from ml_intern.clock import stamp
from ml_intern.tracing.page.model import Page
from ml_intern.transcript.problems import Problems
from ml_intern.transcript.waits import awaited
from ml_intern.wording import shortened

_FOLDER = Path(__file__).parent
MOST_PROBLEMS = 50
TITLE_CHARS = 80
_PIECES_AT_ONCE = 100
"""Of those that the template makes, most of them a few words."""


def render(page: Page, problems: Problems) -> Iterator[str]:
    """The HTML document, in pieces: beside the page it would take as much memory again."""
    script = (_FOLDER / "page.js").read_text(encoding="utf-8")
    digest = page.digest
    made = _template().stream(
        page=page,
        digest=digest,
        title=digest.title or shortened(digest.task, TITLE_CHARS) or digest.session_id or "A trace",
        tokens=page.points[-1].tokens if page.points else 0,
        waits=awaited(digest.waits_on),
        began=stamp(digest.began) if digest.began else "",
        jumps=[turn for turn in page.turns if turn.number] if digest.turns > 1 else [],
        timeline={
            "spans": [asdict(span) for span in page.spans],
            "points": [asdict(point) for point in page.points],
        },
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        style=(_FOLDER / "page.css").read_text(encoding="utf-8"),
        problems=[str(problem) for problem in problems.found[:MOST_PROBLEMS]],
        problem_count=problems.count,
    )
    made.enable_buffering(_PIECES_AT_ONCE)
    return made


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template("page.html.j2")
