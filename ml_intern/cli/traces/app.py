"""`ml-intern traces`: the commands about what sessions leave behind."""

from pathlib import Path
from typing import Annotated

import typer

ListJson = Annotated[bool, typer.Option("--json", help="Write JSON.")]
LinesJson = Annotated[bool, typer.Option("--json", help="Write JSON, one object a line.")]


def _ids(incomplete: str) -> list[tuple[str, str]]:
    """What the shell offers where a trace is to be named."""
    from ml_intern.cli import completing

    return completing.session_ids(incomplete)


Trace = Annotated[
    str,
    typer.Argument(
        metavar="FILE|ID",
        show_default=False,
        help="A .jsonl file, or the first characters of a session's id.",
        autocompletion=_ids,
    ),
]

app = typer.Typer(
    name="traces",
    no_args_is_help=True,
    help="What sessions leave behind: look at it, share it, replay it, go on from it.",
)


@app.callback()
def _group() -> None:
    """Be a group of commands, however few there are."""


@app.command("list")
def list_traces(
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, help="How many, the newest first.")
    ] = 20,
    as_json: ListJson = False,
) -> int:
    """List the traces of this machine: task, model, result, cost, time and tool calls."""
    from ml_intern.cli.traces import listing

    return listing.list_traces(limit, as_json=as_json)


@app.command()
def show(
    trace: Trace,
    turn: Annotated[
        int | None, typer.Option(min=1, show_default=False, help="Only this turn.")
    ] = None,
    search: Annotated[
        str | None,
        typer.Option(
            metavar="REGEX", show_default=False, help="Only what it is found in. Status 1: nothing."
        ),
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Fold nothing.")] = False,
    as_json: LinesJson = False,
) -> int:
    """Show a trace in the terminal: turns, calls, folded outputs, tokens and cost.

    Any file of the format is shown, of Claude Code too; what cannot be read is named by its line.
    """
    from ml_intern.cli.traces import showing

    wanted = showing.Wanted(turn=turn, search=search, full=full)
    return showing.show(trace, wanted, as_json=as_json)


@app.command("open")
def open_trace(
    trace: Trace,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            show_default=False,
            help="Where the page goes; `-` is standard output. Default: beside the traces.",
        ),
    ] = None,
    browser: Annotated[bool, typer.Option(" /--no-browser", help="Only write the page.")] = True,
) -> int:
    """Show a trace in the browser: a timeline of answers, tools, waits, tokens and cost.

    Writes one HTML file that needs no network, and prints its path.
    """
    from ml_intern.cli.traces import opening

    return opening.open_trace(trace, output=output, browser=browser)


@app.command("import")
def import_files(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...", show_default=False, help="Files, or folders that hold them."
        ),
    ],
    as_json: ListJson = False,
) -> int:
    """Take in sessions of other programs, to look at, replay, fork and export them.

    Session files of huggingface/ml-intern (session_logs/*.json, and rows of its dataset) and .jsonl
    files in the format of Claude Code. Secrets are taken out; imported traces are never uploaded.
    """
    from ml_intern.cli.traces import importing

    return importing.import_files(files, as_json=as_json)


@app.command()
def redaction(
    traces: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILE|ID]...",
            show_default=False,
            help="Files, or first characters of sessions' ids. Default: all.",
            autocompletion=_ids,
        ),
    ] = None,
    as_json: ListJson = False,
) -> int:
    """Tell what was replaced in traces, by kind, and where a second look still finds a secret.

    Status 1 when it finds something.
    """
    from ml_intern.cli.traces import redaction as reporting

    return reporting.report(traces or (), as_json=as_json)
