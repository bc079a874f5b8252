"""How long papers take to be read: a two-column PDF of 30 pages with tables, and one of 150.

The whole way is timed, as a tool goes it: a confined process starts, reads, and answers. The time
of the processor tells what it costs where other work takes most of the machine.
"""

import argparse
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

from ml_intern.tools.papers.pdf import read_pdf
from ml_intern.tools.protocol import ToolContext
from tests.support.pdfs import BOLD, PdfPage, pdf, running_text
from tests.support.places import confined_place, context_in

LIMIT_S = 3.0
"""For 30 pages."""
ROWS = 8


def page(number: int) -> PdfPage:
    """Two full columns of small letters; every third page with a table across the right one."""
    drawn = PdfPage().text(54, 700, f"{number} Part {number}", 12, BOLD)
    drawn.lines(54, 684, running_text(55, 62, begin=number * 211), 9)
    has_table = number % 3 == 0
    drawn.lines(316, 700, running_text(42 if has_table else 57, 62, begin=number * 977), 9)
    if has_table:
        drawn.text(316, 240, f"Table {number}: Results of part {number}.", 9)
        for bottom in (230, 216, 100):
            drawn.rule(316, bottom, 556)
        for row in range(ROWS):
            for left, cell in (
                (320, f"Model {row}"),
                (420, f"{80 + row}.1"),
                (500, f"{70 + row}.2"),
            ):
                drawn.text(left, 204 - 12 * row, cell, 9)
    return drawn


def processor_s() -> float:
    """Spent by all processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(pages: int, times: int, ctx: ToolContext) -> tuple[float, float, int, int]:
    """Median seconds, those of the processor, and how many sections and tables were found."""
    content = pdf([page(number) for number in range(1, pages + 1)])
    seconds, spent = [], []
    found = (0, 0)
    for _ in range(times):
        begin, used = time.monotonic(), processor_s()
        document = read_pdf(content, "benchmark.pdf", ctx)
        seconds.append(time.monotonic() - begin)
        spent.append(processor_s() - used)
        found = (len(document.sections), len(document.tables))
    return statistics.median(seconds), statistics.median(spent), *found


def main() -> int:
    """0 where the limit is kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=5)
    times = parser.parse_args().times
    print(f"{'pages':>6} {'seconds':>8} {'processor':>10} {'sections':>9} {'tables':>7}")
    kept = True
    with tempfile.TemporaryDirectory() as folder:
        ctx = context_in(confined_place(Path(folder)))
        for pages in (1, 30, 150):
            seconds, spent, sections, tables = measure(pages, times, ctx)
            print(f"{pages:>6} {seconds:>8.2f} {spent:>10.2f} {sections:>9} {tables:>7}")
            kept &= pages != 30 or seconds < LIMIT_S
    print(f"30 pages in under {LIMIT_S:.0f} s: {'yes' if kept else 'NO'}")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
