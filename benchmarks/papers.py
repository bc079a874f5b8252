"""What a search for papers costs us in CPU, beside what the indexes take to answer.

    python -m benchmarks.papers

The three indexes are one process, the tool another, as in life. Each search is a new one: three
requests, three answers of 50 papers parsed and merged, and the answer for the model. Their
abstracts are as long as real ones.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.run import row
from ml_intern.clock import SystemClock
from ml_intern.tools.papers.papers import Papers
from ml_intern.tools.protocol import ToolContext
from tests.support.clocks import SwiftClock
from tests.support.contexts import a_context
from tests.support.papers_server import Known, PapersServer, papers_server, web_to

SEARCH_LIMIT_MS = 50.0
SEARCHES = 15
ABSTRACT = (
    "We present a method for language models that is better than what was there before. " * 18
)
AUTHORS = tuple(f"First{number} Last{number}" for number in range(8))


def main() -> None:
    """Measure and print."""
    own, wall = search_ms()
    row("search in 3 x 50 papers, our CPU", f"{own:.1f} ms", f"{SEARCH_LIMIT_MS:.0f} ms")
    row("the same, in all", f"{wall:.0f} ms wall", "")


def search_ms(searches: int = SEARCHES) -> tuple[float, float]:
    """Milliseconds of our CPU and of wall time, medians of searches of which none was asked before.

    The pace that services want is not waited for.
    """
    figures = []
    with tempfile.TemporaryDirectory() as folder, indexes() as url:
        server = PapersServer(url=url)
        with web_to(server, Path(folder) / "outside", SwiftClock()) as web:
            ctx = a_context(Path(folder), web=web, clock=SystemClock())
            one_search(ctx, "language")
            for number in range(searches):
                began = time.process_time(), time.perf_counter()
                one_search(ctx, f"language {number}")
                figures.append((time.process_time() - began[0], time.perf_counter() - began[1]))
    own, wall = (statistics.median(each) * 1000 for each in zip(*figures, strict=True))
    return own, wall


def one_search(ctx: ToolContext, words: str) -> None:
    """Raises RuntimeError where an index did not answer, as that would cost less."""
    outcome = Papers().run(Papers.arguments(operation="search", query=words), ctx)
    answer = json.loads(outcome.output)
    if not outcome.ok or "note" in answer or not answer["items"]:
        raise RuntimeError(outcome.output)


@contextmanager
def indexes() -> Iterator[str]:
    """Their address; they are a process of their own."""
    command = [sys.executable, "-m", "benchmarks.papers", "serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdin is not None
        assert run.stdout is not None
        try:
            yield run.stdout.readline().strip()
        finally:
            run.stdin.close()


def serve() -> None:
    """Until the standard input ends."""
    numbers = " ".join(map(str, range(SEARCHES)))
    known = [
        Known(
            title=f"Language Models, Part {number}: {numbers}",
            authors=AUTHORS,
            day="2023-05-23",
            arxiv=f"2305.{number:05}",
            sha=f"{number:040x}",
            corpus=number,
            abstract=ABSTRACT,
            on_hub=True,
        )
        for number in range(1, 101)
    ]
    with papers_server(known=known) as server:
        print(server.url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    serve() if sys.argv[1:] == ["serve"] else main()
