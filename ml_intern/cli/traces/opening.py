"""`traces open`: a trace as one HTML file, in the browser."""

import os
import sys
import webbrowser
from pathlib import Path

from ml_intern.cli import exits
from ml_intern.cli.quantities import count, size
from ml_intern.cli.traces.fetching import located
from ml_intern.cli.traces.output import STANDARD_OUTPUT, demand_apart, writing
from ml_intern.daemon.folders import private_folder
from ml_intern.daemon.uploads import traces_of
from ml_intern.home import spelled_out
from ml_intern.settings import load
from ml_intern.tracing.page.model import page
from ml_intern.tracing.page.render import render
from ml_intern.transcript import parts
from ml_intern.transcript.conversation import joined
from ml_intern.transcript.problems import Problems

LARGE_BYTES = 20_000_000
"""A file from which on the page takes over two seconds to make."""


def open_trace(argument: str, *, output: str | None, browser: bool) -> int:
    """Write the page of the trace that `argument` names, and show it unless told otherwise."""
    settings = load()
    folder = traces_of(settings)
    path = located(argument, settings)
    if output is not None:
        demand_apart(output, parts.files(path), folder)
    if (bytes_ := path.stat().st_size) > LARGE_BYTES:
        sys.stderr.write(f"Making a page of {size(bytes_)} …\n")
    problems = Problems()
    of = page(joined(parts.read(path, problems)))
    to = output if output is not None else str(_page_of(path, folder))
    with writing(to) as file:
        file.writelines(piece.encode("utf-8", "replace") for piece in render(of, problems))
    if to == STANDARD_OUTPUT:
        return exits.DONE
    place = spelled_out(to).absolute()
    sys.stdout.write(f"{place}\n")
    if problems.count:
        there = count(problems.count, "problem")
        sys.stderr.write(f"The file has {there}; the page names them.\n")
    if browser and output is None and _has_screen():
        webbrowser.open(place.as_uri())
    return exits.DONE


def _page_of(trace: Path, folder: Path) -> Path:
    """Beside our traces. Raises ConfigError when its folder cannot be used."""
    pages = folder / "pages"
    private_folder(pages)
    return pages / f"{trace.stem}.html"


def _has_screen() -> bool:
    """A browser in a terminal would take the terminal."""
    return sys.platform == "darwin" or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or os.environ.get("BROWSER")
    )
