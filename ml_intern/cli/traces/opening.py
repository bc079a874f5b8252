"""`traces open`: a trace as one HTML file, in the browser."""

import os
import sys
import webbrowser
from pathlib import Path

from ml_intern.cli import exits
from ml_intern.cli.quantities import count, size
from ml_intern.cli.traces.fetching import located
from ml_intern.daemon.uploads import traces_of
from ml_intern.errors import InputError
from ml_intern.settings import load
from ml_intern.tracing import trace_file
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
    if (bytes_ := path.stat().st_size) > LARGE_BYTES:
        sys.stderr.write(f"Making a page of {size(bytes_)} …\n")
    problems = Problems()
    html = render(page(joined(parts.read(path, problems))), problems)
    if output == "-":
        sys.stdout.write(html)
        return exits.DONE
    to = Path(output).expanduser() if output else folder / "pages" / f"{path.stem}.html"
    try:
        trace_file.replace(to, html.encode("utf-8", "replace"))
    except OSError as exc:
        raise InputError(f"{to} cannot be written: {exc.strerror}. Name another --output.") from exc
    sys.stdout.write(f"{to.absolute()}\n")
    if problems.count:
        there = count(problems.count, "problem")
        sys.stderr.write(f"The file has {there}; the page names them.\n")
    if browser and output is None and _has_screen():
        webbrowser.open(to.absolute().as_uri())
    return exits.DONE


def _has_screen() -> bool:
    """A browser in a terminal would take the terminal."""
    return sys.platform == "darwin" or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or os.environ.get("BROWSER")
    )
