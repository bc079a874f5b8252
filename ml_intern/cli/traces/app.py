"""`ml-intern traces`: the commands about what sessions leave behind."""

from typing import Annotated, Literal

import typer

from ml_intern.cli.options import (
    AsJson,
    HowHard,
    IsQuiet,
    ListJson,
    MaxCost,
    NoWait,
    Yes,
    session_ids,
)
from ml_intern.errors import InputError

LinesJson = Annotated[bool, typer.Option("--json", help="Write JSON, one object a line.")]


def _ids(incomplete: str) -> list[tuple[str, str]]:
    """What the shell offers where a trace is to be named; where nothing fits, it offers files."""
    from ml_intern.cli import completing

    return completing.trace_ids(incomplete)


def _turns(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """The turns of the trace that was named."""
    from ml_intern.cli import completing

    # An option without its value ends the parser's work: it leaves the arguments unnamed.
    named = (context.params.get("trace"), *context.args)
    return completing.turns(str(next(filter(None, named), "")), incomplete)


Trace = Annotated[
    str,
    typer.Argument(
        metavar="FILE|ID",
        show_default=False,
        help="A .jsonl file, or the first characters of a session's id.",
        autocompletion=session_ids,
    ),
]
AnyTrace = Annotated[
    str,
    typer.Argument(
        metavar="FILE|ID|HUB",
        show_default=False,
        help="A file, an id, or USER/REPOSITORY/PATH.jsonl or the address of a page on the Hub.",
        autocompletion=_ids,
    ),
]
SomeTraces = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[FILE|ID]...",
        show_default=False,
        help="Files, or first characters of sessions' ids. Default: all.",
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
    trace: AnyTrace,
    turn: Annotated[
        int | None,
        typer.Option(metavar="N", show_default=False, help="Only this turn, from 1."),
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


@app.command()
def rewrite(
    session: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            show_default=False,
            help="The first characters of a session's id.",
            autocompletion=session_ids,
        ),
    ],
) -> int:
    """Write a session's trace anew, without what is known to be a secret now.

    For a secret, or a pattern of the settings, that became known after it was written. Beside a
    daemon it is the daemon that writes, with the secrets that it was started with.
    """
    from ml_intern.cli.traces import rewriting

    return rewriting.rewrite(session)


@app.command("open")
def open_trace(
    trace: AnyTrace,
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
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only write the page.")] = False,
) -> int:
    """Show a trace in the browser: a timeline of answers, tools, waits, tokens and cost.

    Writes one HTML file that needs no network, and prints its path.
    """
    from ml_intern.cli.traces import opening

    return opening.open_trace(trace, output=output, browser=not no_browser)


@app.command("import")
def import_files(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...", show_default=False, help="Files, or folders that hold them."
        ),
    ],
    as_json: ListJson = False,
) -> int:
    """Take in sessions of other programs, to look at, replay, fork and export them.

    Session files of huggingface/ml-intern (session_logs/*.json, and rows of its dataset) and .jsonl
    files in the format of Claude Code. Secrets are taken out; imported traces are never uploaded.
    Status 1: a file was not taken in; the others are.
    """
    from ml_intern.cli.traces import importing

    return importing.import_files(files, as_json=as_json)


@app.command()
def export(
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT.jsonl",
            show_default=False,
            help="Where the examples go; `-` is standard output.",
        ),
    ],
    traces: SomeTraces = None,
    finished: Annotated[
        bool, typer.Option("--finished", help="Only sessions whose last turn finished.")
    ] = False,
    target_met: Annotated[
        bool,
        typer.Option(
            "--target-met",
            help="Only those whose task names a target that our own evaluation reached.",
        ),
    ] = False,
    thoughts: Annotated[
        Literal["reasoning_content", "thinking", "none"],
        typer.Option(
            help="Under which name thoughts stand: `reasoning_content` for most chat templates, "
            "`thinking` for that of gpt-oss. `none`: they are left out."
        ),
    ] = "reasoning_content",
    allow_hits: Annotated[
        bool,
        typer.Option(
            "--allow-hits", help="Also those in which something stands as `[REDACTED:…]`."
        ),
    ] = False,
    as_json: ListJson = False,
) -> int:
    """Write sessions as training data: TRL's conversational format with tool calls.

    One JSON object a line, with `messages` and `tools`. A session that may hold a secret is left
    out, and so is one in which something was redacted, and a replay that is not named. Status 1:
    nothing was exported.
    """
    from ml_intern.cli.traces import exporting

    return exporting.export(
        traces or (),
        output,
        finished=finished,
        target_met=target_met,
        thoughts="" if thoughts == "none" else thoughts,
        allow_hits=allow_hits,
        as_json=as_json,
    )


@app.command()
def redaction(
    traces: SomeTraces = None,
    as_json: ListJson = False,
) -> int:
    """Tell what was replaced in traces, by kind, and where a second look still finds a secret.

    Status 1 when it finds something.
    """
    from ml_intern.cli.traces import redaction as reporting

    return reporting.report(traces or (), as_json=as_json)


@app.command()
def fork(
    context: typer.Context,
    trace: AnyTrace,
    at: Annotated[
        int | None,
        typer.Option(
            "--at",
            metavar="TURN",
            min=1,
            help="Through the end of which turn, from 1.",
            show_default="the last",
            autocompletion=_turns,
        ),
    ] = None,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[WORDS]...",
            show_default="Go on.",
            help="What you say next; `-` reads standard input.",
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Which model goes on.", show_default="of the settings")
    ] = None,
    effort: HowHard = None,
    max_cost: MaxCost = None,
    yes: Yes = False,
    no_wait: NoWait = False,
    as_json: AsJson = False,
    quiet: IsQuiet = False,
) -> int:
    """Start a session that goes on from another one, with any model.

    It has the conversation to the end of a turn (each words of a person begin one; without --at
    all of it, as it stands) and, of a session of this machine, a copy of the files as they are now.
    `traces show` numbers the turns.
    """
    from ml_intern.cli.foreground import Manner, Wish
    from ml_intern.cli.traces import fork as forking

    manner = Manner(as_json=as_json, quiet=quiet, yes=yes, debug=context.obj)
    wish = Wish(model=model, effort=effort, max_cost_usd=max_cost)
    return forking.fork(trace, at, words or [], manner, wish, wait=not no_wait)


@app.command()
def status(as_json: ListJson = False) -> int:
    """Show what is on the Hub, what is not yet, and why not."""
    from ml_intern.cli.traces import status

    return status.status(as_json=as_json)


@app.command()
def release(trace: Trace) -> int:
    """Send a session that is held back: `traces status` names those for which this is said.

    Because somebody deleted or changed it on the Hub (ours then replaces what is there), or because
    it goes on from, or plays, a session that came from elsewhere. What may hold a secret stays.
    """
    from ml_intern.cli.traces import releasing

    return releasing.release(trace)


@app.command()
def share(
    trace: Annotated[
        str | None,
        typer.Argument(
            metavar="[ID]",
            show_default=False,
            help="The first characters of a session's id. Default: all of them.",
            autocompletion=session_ids,
        ),
    ] = None,
    public: Annotated[
        bool, typer.Option("--public", help="Let everybody read all that is sent.")
    ] = False,
    private: Annotated[
        bool, typer.Option("--private", help="Let its owner alone read it.")
    ] = False,
    accept: Annotated[
        bool,
        typer.Option(
            "--accept", help="Send to a dataset that others made, or make again one that is gone."
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before --public.")] = False,
) -> int:
    """Print the link to the traces on the Hub, and say who can follow it.

    They are private until you say --public. See docs/traces.md.
    """
    from ml_intern.cli.traces import sharing

    if (trace is not None) + public + private + accept > 1:
        raise InputError("Say one of: an id, --public, --private, --accept.")
    if public:
        return sharing.make_public(yes=yes)
    if private:
        return sharing.make_private()
    return sharing.accept() if accept else sharing.share(trace)


@app.command()
def replay(
    context: typer.Context,
    trace: AnyTrace,
    tools: Annotated[
        Literal["real", "recorded"],
        typer.Option(help="`real`: tools run. `recorded`: they answer from the trace."),
    ] = "real",
    yes: Annotated[
        bool,
        typer.Option("--yes", "-y", help="Decide as recorded; approve what was not asked then."),
    ] = False,
    as_json: AsJson = False,
    quiet: IsQuiet = False,
) -> int:
    """Play a trace again and tell every result that differs.

    The model's answers come from the trace, and what its person said; tools run for real, and
    effects outside the workspace are asked about. Status 1: something came out otherwise.
    """
    from ml_intern.cli.foreground import Manner
    from ml_intern.cli.traces import replay as replaying

    manner = Manner(
        as_json=as_json, quiet=quiet, yes=yes, debug=context.obj, work="ml-intern traces replay"
    )
    return replaying.replay(trace, manner, tools=tools)
