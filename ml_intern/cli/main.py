"""`ml-intern`: the commands, their options, and what becomes of errors.

Only typer is imported at the start, so that `--help` and completion are quick; each command brings
in what it needs. Every error that we raise on purpose is a sentence and an exit status.
"""

import gc
import os
import sys
import threading
import traceback
from typing import Annotated

import typer

from ml_intern import __version__
from ml_intern.cli import exits
from ml_intern.cli.options import AsJson, HowHard, IsQuiet, ListJson, MaxCost, NoWait, Yes
from ml_intern.cli.traces.app import app as traces
from ml_intern.effort import Effort
from ml_intern.errors import MLInternError

GARBAGE_AFTER = 10_000
"""New objects before Python looks for garbage. With its 700, a start, which makes what stays, looks
hundreds of times."""
DEMO_TASK = (
    "Train a scaled-down Vision Transformer from scratch on the handwritten digits dataset, "
    "reach 95 % validation accuracy, write a model card and publish it."
)

app = typer.Typer(
    name="ml-intern",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit status: 0 done, 1 failed, 2 wrong usage or input, 3 stopped at a limit, "
    "4 waiting for a person, 65 damage found, 75 left as it stands or try again later, "
    "76 a database of another version, 78 configuration, 130 interrupted. "
    "Shell completion: ml-intern --install-completion.",
)


def _session_ids(incomplete: str) -> list[tuple[str, str]]:
    """What the shell offers where a session is to be named."""
    from ml_intern.cli import completing

    return completing.session_ids(incomplete)


Task = Annotated[
    list[str],
    typer.Argument(
        metavar="TASK...", show_default=False, help="Plain words; `-` reads standard input."
    ),
]
Text = Annotated[
    list[str],
    typer.Argument(
        metavar="TEXT...", show_default=False, help="Plain words; `-` reads standard input."
    ),
]
Session = Annotated[
    str,
    typer.Argument(
        show_default=False,
        help="Id of a session; its first characters are enough.",
        autocompletion=_session_ids,
    ),
]
Model = Annotated[
    str | None, typer.Option(help="Which model plans the work.", show_default="of the settings")
]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ml-intern {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the log and tracebacks on standard error.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """A machine-learning engineer that works overnight: give it a task in plain words."""
    context.obj = debug


@app.command()
def run(
    context: typer.Context,
    task: Task,
    yes: Yes = False,
    model: Model = None,
    effort: HowHard = None,
    max_cost: MaxCost = None,
    here: Annotated[
        bool, typer.Option("--here", help="In this process, never through a daemon.")
    ] = False,
    as_json: AsJson = False,
    quiet: IsQuiet = False,
) -> int:
    """Start a session with a task in plain words, and see it through.

    A running daemon does the work, else this process. Ctrl-C stops the session and its jobs; a
    second Ctrl-C leaves at once.
    """
    from ml_intern.cli import foreground

    manner = foreground.Manner(as_json=as_json, quiet=quiet, yes=yes, debug=context.obj)
    wish = foreground.Wish(model=model, effort=effort, max_cost_usd=max_cost)
    return foreground.run(task, manner, wish, here=here)


@app.command()
def submit(
    context: typer.Context,
    task: Task,
    model: Model = None,
    effort: HowHard = None,
    max_cost: MaxCost = None,
    key: Annotated[
        str | None,
        typer.Option(help="The same key again starts nothing new.", show_default=False),
    ] = None,
    as_json: ListJson = False,
) -> int:
    """Start a session and leave it to the daemon.

    Prints its id. Without a daemon it is kept until one starts.
    """
    from ml_intern.cli import foreground

    wish = foreground.Wish(model=model, effort=effort, max_cost_usd=max_cost)
    return foreground.submit(task, wish, key=key, as_json=as_json, debug=context.obj)


@app.command()
def attach(
    context: typer.Context,
    session: Session,
    yes: Yes = False,
    as_json: AsJson = False,
    quiet: IsQuiet = False,
) -> int:
    """Show what the daemon does with a session, as it happens.

    Questions are answered in place. Ctrl-C stops the session and its jobs, a second one leaves.
    """
    from ml_intern.cli import foreground

    manner = foreground.Manner(as_json=as_json, quiet=quiet, yes=yes, debug=context.obj)
    return foreground.attach(session, manner)


@app.command()
def resume(
    context: typer.Context,
    session: Annotated[
        str | None,
        typer.Argument(
            metavar="[SESSION]",
            show_default=False,
            help="Without it: all that are unfinished.",
            autocompletion=_session_ids,
        ),
    ] = None,
    yes: Yes = False,
    as_json: AsJson = False,
    quiet: IsQuiet = False,
) -> int:
    """Go on with what is queued or was cut off.

    Where another process does the work already, this one shows it.
    """
    from ml_intern.cli import foreground

    manner = foreground.Manner(as_json=as_json, quiet=quiet, yes=yes, debug=context.obj)
    return foreground.resume(session, manner)


@app.command()
def say(
    context: typer.Context,
    session: Session,
    text: Text,
    yes: Yes = False,
    as_json: AsJson = False,
    quiet: IsQuiet = False,
) -> int:
    """Answer a session's question, or steer it.

    The session goes on in the foreground, unless another process works on it.
    """
    from ml_intern.cli import foreground

    manner = foreground.Manner(as_json=as_json, quiet=quiet, yes=yes, debug=context.obj)
    return foreground.say(session, text, manner)


@app.command()
def sessions(
    context: typer.Context,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100_000)] = 20,
    as_json: ListJson = False,
) -> int:
    """List the newest sessions."""
    from ml_intern.cli import listing

    return listing.sessions(limit, as_json=as_json, debug=context.obj)


@app.command()
def show(
    context: typer.Context,
    session: Session,
    as_json: ListJson = False,
    events: Annotated[bool, typer.Option("--events", help="Add every event.")] = False,
) -> int:
    """Show a session: plan, steps, metrics, paths.

    Also what waits for you, and how to answer it.
    """
    from ml_intern.cli import listing

    return listing.show(session, as_json=as_json, with_events=events, debug=context.obj)


@app.command()
def why(context: typer.Context, session: Session, as_json: ListJson = False) -> int:
    """Say what a session waits for, since when, and what ends it.

    A person, a job, a model, its turn in the queue, or nothing; with its last events.
    """
    from ml_intern.cli import why as waiting

    return waiting.why(session, as_json=as_json, debug=context.obj)


Target = Annotated[
    str,
    typer.Argument(
        metavar="APPROVAL_OR_SESSION",
        show_default=False,
        help="Id of an approval, or of a session: all that is open in it.",
        autocompletion=_session_ids,
    ),
]


@app.command()
def approve(
    context: typer.Context,
    target: Target,
    edit: Annotated[
        str | None,
        typer.Option(metavar="JSON", help="Arguments to change first, as a JSON object."),
    ] = None,
    like_this: Annotated[
        bool,
        typer.Option(
            "--like-this",
            help="Also all later calls of this session with the same tool, operation and "
            "repository that cost no more.",
        ),
    ] = False,
    no_wait: NoWait = False,
    as_json: AsJson = False,
    quiet: IsQuiet = False,
) -> int:
    """Say yes to a call that waits for it, or to all of a session's at once.

    The session goes on in the foreground, unless another process works on it.
    """
    from ml_intern.cli import deciding, foreground

    manner = foreground.Manner(as_json=as_json, quiet=quiet, debug=context.obj)
    return deciding.approve(target, edit, manner, wait=not no_wait, like_this=like_this)


@app.command()
def deny(
    context: typer.Context,
    target: Target,
    reason: Annotated[str, typer.Option(help="Why; the model reads it.", show_default=False)] = "",
    no_wait: NoWait = False,
    as_json: AsJson = False,
    quiet: IsQuiet = False,
) -> int:
    """Say no to a call that waits for a yes, or to all of a session's at once.

    The model is told so and why; the session goes on in the foreground, unless another process
    works on it.
    """
    from ml_intern.cli import deciding, foreground

    manner = foreground.Manner(as_json=as_json, quiet=quiet, debug=context.obj)
    return deciding.deny(target, reason, manner, wait=not no_wait)


@app.command()
def budget(
    context: typer.Context,
    session: Annotated[
        str | None,
        typer.Argument(
            show_default=False,
            help="Id of a session; without one, what all sessions share.",
            autocompletion=_session_ids,
        ),
    ] = None,
    as_json: ListJson = False,
) -> int:
    """Show how the caps stand: money, tokens, time, model calls."""
    from ml_intern.cli import budget

    return budget.budget(session, as_json=as_json, debug=context.obj)


@app.command()
def prices(
    context: typer.Context,
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL]...",
            show_default=False,
            help="Models; without one, that of the settings and those that the settings name.",
        ),
    ] = None,
    as_json: ListJson = False,
) -> int:
    """Show what models and the Hub's hardware cost, and since when that is known."""
    from ml_intern.cli import prices

    return prices.prices(models or [], as_json=as_json, debug=context.obj)


@app.command()
def extend(
    context: typer.Context,
    session: Session,
    usd: Annotated[float | None, typer.Option(help="More money.", show_default=False)] = None,
    tokens: Annotated[int | None, typer.Option(help="More tokens.", show_default=False)] = None,
    hours: Annotated[float | None, typer.Option(help="More time.", show_default=False)] = None,
    iterations: Annotated[
        int | None, typer.Option(help="More model calls.", show_default=False)
    ] = None,
    calls: Annotated[
        int | None,
        typer.Option(help="More calls of a model of unknown price.", show_default=False),
    ] = None,
    cap: Annotated[
        str | None,
        typer.Option(
            help="With --usd: session, day or daemon.", show_default="the one that is reached"
        ),
    ] = None,
    reason: Annotated[str, typer.Option(help="Why; kept.", show_default=False)] = "",
    no_wait: NoWait = False,
    as_json: AsJson = False,
    quiet: IsQuiet = False,
) -> int:
    """Give a session more room under a cap; one that waits for it goes on."""
    from ml_intern.cli import budget, foreground

    given = {"usd": usd, "tokens": tokens, "hours": hours, "iterations": iterations, "calls": calls}
    manner = foreground.Manner(as_json=as_json, quiet=quiet, debug=context.obj)
    return budget.extend(session, given, cap, reason, manner, wait=not no_wait)


@app.command()
def resolve(
    context: typer.Context,
    session: Session,
    call: Annotated[
        str | None,
        typer.Argument(
            metavar="[CALL_OR_JOB]",
            show_default=False,
            help="Id of the call or job, where several are open.",
        ),
    ] = None,
    retry: Annotated[
        bool, typer.Option("--retry", help="It had no effect: start it again as it was.")
    ] = False,
    done: Annotated[
        bool, typer.Option("--done", help="It took effect: tell the model so.")
    ] = False,
    skip: Annotated[
        bool, typer.Option("--skip", help="Whatever became of it, do not repeat it.")
    ] = False,
    lost: Annotated[
        bool, typer.Option("--lost", help="Of a job: its machine is gone for good, and so is it.")
    ] = False,
    note: Annotated[
        str, typer.Option(help="What you found; the model reads it.", show_default=False)
    ] = "",
    no_wait: NoWait = False,
    as_json: AsJson = False,
    quiet: IsQuiet = False,
) -> int:
    """Say what became of a call that was cut off in the middle of its effect, or of a job.

    Needed where nobody can look it up from here, e.g. after a crash. Say --retry, --done or --skip
    of a call, --lost of a job whose machine is gone for good; the first answer counts. The session
    goes on in the foreground, unless another process works on it.
    """
    from ml_intern.cli import foreground, resolving

    choice = resolving.chosen(retry=retry, done=done, skip=skip, lost=lost)
    manner = foreground.Manner(as_json=as_json, quiet=quiet, debug=context.obj)
    if choice == "lost":
        return resolving.declare_lost(session, call, note, manner, wait=not no_wait)
    return resolving.resolve(session, call, choice, note, manner, wait=not no_wait)


@app.command()
def interrupt(
    context: typer.Context,
    session: Session,
    reason: Annotated[str, typer.Option(show_default=False)] = "",
    as_json: AsJson = False,
    quiet: IsQuiet = False,
) -> int:
    """Stop a session and its jobs; what it has done is kept."""
    from ml_intern.cli import foreground

    manner = foreground.Manner(as_json=as_json, quiet=quiet, debug=context.obj)
    return foreground.interrupt(session, reason, manner)


@app.command()
def undo(context: typer.Context, session: Session) -> int:
    """Take back what was said last, and the answer to it.

    The model does not see it any more; files, jobs and the trace stay as they are.
    """
    from ml_intern.cli import revising

    return revising.undo(session, debug=context.obj)


@app.command()
def compact(context: typer.Context, session: Session) -> int:
    """Have the older part of a long conversation summed up."""
    from ml_intern.cli import revising

    return revising.compact(session, debug=context.obj)


@app.command()
def model(
    context: typer.Context,
    session: Session,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]", show_default="the same", help="As in the setting `model`."
        ),
    ] = None,
    effort: Annotated[
        Effort | None,
        typer.Option("--effort", help="How hard it thinks.", show_default="as before"),
    ] = None,
) -> int:
    """Let another model go on with a session, or have it think harder or less hard.

    Without either: say which one answers, and which go on in its place.
    """
    from ml_intern.cli import revising

    return revising.change_model(session, name, effort, debug=context.obj)


@app.command()
def serve(
    context: typer.Context,
    database: Annotated[
        str | None,
        typer.Option(metavar="URL", help="A PostgreSQL database, which several daemons may share."),
    ] = None,
) -> int:
    """Run the daemon: do the work of all sessions until SIGTERM.

    SIGTERM or Ctrl-C lets running steps end, a second one cuts them short; training jobs go on.
    """
    from ml_intern.cli import serving

    return serving.serve(database=database, debug=context.obj)


@app.command()
def demo(
    context: typer.Context,
    yes: Yes = False,
    as_json: AsJson = False,
    quiet: IsQuiet = False,
) -> int:
    """Train, evaluate and publish a small model.

    A small Vision Transformer learns handwritten digits. No key, no GPU, no network.
    """
    from ml_intern.cli import foreground

    manner = foreground.Manner(
        as_json=as_json, quiet=quiet, yes=yes, debug=context.obj, work="ml-intern demo"
    )
    return foreground.run([DEMO_TASK], manner, foreground.Wish())


@app.command()
def doctor(as_json: ListJson = False) -> int:
    """Check everything that a run needs.

    Says what to do where something is missing; status 78 when a run would fail.
    """
    from ml_intern.cli import doctor as checks

    return checks.doctor(as_json=as_json)


@app.command()
def fsck(
    database: Annotated[
        str | None,
        typer.Argument(
            metavar="[DATABASE]",
            show_default=False,
            help="Path or URL. Without it: the database of the settings.",
        ),
    ] = None,
    as_json: ListJson = False,
) -> int:
    """Check that everything in the database fits together.

    Changes nothing, also beside a running daemon. Status 65 when something is damaged; says which
    row, and what to do. Status 76 when another version of ml-intern wrote it.
    """
    from ml_intern.cli import checking

    return checking.fsck(database, as_json=as_json)


app.add_typer(traces)

policy = typer.Typer(
    name="policy",
    no_args_is_help=True,
    help="What may run, what is asked and what is refused.",
)
app.add_typer(policy)


tools = typer.Typer(
    name="tools",
    no_args_is_help=True,
    help="What models may call, and a call by hand under the same policy.",
)
app.add_typer(tools)


@tools.command("list")
def list_tools(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", show_default=False, help="Of one tool: what it takes."),
    ] = None,
    as_json: ListJson = False,
) -> int:
    """List the tools, or tell one with its arguments."""
    from ml_intern.cli import tools

    return tools.show(name, as_json=as_json, debug=context.obj)


@tools.command()
def call(
    context: typer.Context,
    name: Annotated[str, typer.Argument(show_default=False, help="Name of a tool.")],
    arguments: Annotated[
        str,
        typer.Argument(
            metavar="[JSON]", help="Its arguments as a JSON object; - is standard input."
        ),
    ] = "{}",
    yes: Yes = False,
    as_json: AsJson = False,
) -> int:
    """Call a tool by hand, in a session of its own, and write its output.

    What a model would be asked about, you are asked about; what is refused to it is refused. Status
    1 when the call failed, 4 when it waits for a yes.
    """
    from ml_intern.cli import foreground, tools

    manner = foreground.Manner(as_json=as_json, quiet=True, yes=yes, debug=context.obj)
    return tools.call(name, arguments, manner)


@policy.command()
def explain(
    context: typer.Context,
    tool: Annotated[str, typer.Argument(show_default=False, help="Name of a tool.")],
    arguments: Annotated[
        str | None,
        typer.Argument(
            metavar="[JSON]",
            show_default=False,
            help="Its arguments. Without: which it has, and the rules about it.",
        ),
    ] = None,
    session: Annotated[
        str | None,
        typer.Option(
            help="As if this session called it.",
            metavar="ID",
            show_default=False,
            autocompletion=_session_ids,
        ),
    ] = None,
    as_json: ListJson = False,
) -> int:
    """Show what becomes of a call, and which rule decides. Nothing runs."""
    from ml_intern.cli import policies

    return policies.explain(tool, arguments, session, as_json=as_json, debug=context.obj)


@policy.command("list")
def list_rules(
    context: typer.Context,
    session: Annotated[
        str | None,
        typer.Argument(
            metavar="[SESSION]",
            show_default=False,
            help="Adds the rules that were approved for it.",
            autocompletion=_session_ids,
        ),
    ] = None,
    as_json: ListJson = False,
) -> int:
    """List the rules of the settings, and of a session.

    Those of a session are what was approved in general: "all calls like this".
    """
    from ml_intern.cli import policies

    return policies.show(session, as_json=as_json, debug=context.obj)


@policy.command()
def revoke(
    context: typer.Context,
    session: Session,
    rule: Annotated[
        str, typer.Argument(show_default=False, help="Id of the rule, or how it begins.")
    ],
) -> int:
    """Take back a rule of a session: calls like it are asked again."""
    from ml_intern.cli import policies

    return policies.revoke(session, rule, debug=context.obj)


slack = typer.Typer(name="slack", no_args_is_help=True, help="Set up the app in Slack.")
app.add_typer(slack)


@slack.callback()
def slack_commands() -> None:
    """Set up the app in Slack. See docs/slack.md."""


@slack.command()
def manifest() -> int:
    """Print what Slack asks for when an app is made "from a manifest", as JSON.

    It asks for the least that is needed; `ml-intern doctor` checks what was granted.
    """
    from ml_intern.cli import slack_setup

    return slack_setup.manifest()


database = typer.Typer(
    name="db", no_args_is_help=True, help="Back up, restore and copy the database."
)
app.add_typer(database)


@database.command()
def backup(
    file: Annotated[
        str | None,
        typer.Argument(
            metavar="[FILE]",
            show_default=False,
            help="A new file. Without it: a dated one in `backups` of the state directory.",
        ),
    ] = None,
) -> int:
    """Copy the database to a new file, also beside a running daemon; prints its path.

    The copy is of one moment, looked through, and readable by you alone.
    """
    from ml_intern.cli import databases

    return databases.backup(file)


@database.command()
def restore(file: Annotated[str, typer.Argument(show_default=False, help="A backup.")]) -> int:
    """Put a backup in the place of the database. The daemon must be stopped.

    The backup is checked first (status 65 when it is damaged); what stood there is kept.
    """
    from ml_intern.cli import databases

    return databases.put_back(file)


@database.command()
def copy(
    source: Annotated[str, typer.Argument(metavar="FROM", show_default=False)],
    target: Annotated[
        str, typer.Argument(metavar="TO", show_default=False, help="An empty database.")
    ],
) -> int:
    """Move everything into another database: SQLite to PostgreSQL, or back.

    Both are a path, sqlite:///PATH or postgresql://USER@HOST/NAME; no daemon may work with either.
    All is copied and compared, or nothing.
    """
    from ml_intern.cli import databases

    return databases.copy(source, target)


def main() -> None:
    """The entry point; ends the process."""
    gc.set_threshold(GARBAGE_AFTER)
    _prepare_streams()
    debug = "--debug" in sys.argv
    try:
        status = app(standalone_mode=False, prog_name="ml-intern")
        sys.stdout.flush()
    except typer.TyperException as exc:
        exc.message = exc.message.removeprefix("Value error, ")
        exc.show()  # type: ignore[attr-defined]  # what reaches us is about usage
        status = exits.USAGE
    except MLInternError as exc:
        status = exits.of_error(exc)
        _complain(str(exc), debug=debug)
    except SystemExit as exc:  # typer's way with completion, and with a reader that went away
        status = exc.code if isinstance(exc.code, int) else exits.USAGE
        if isinstance(exc.__context__, BrokenPipeError):
            status = exits.READER_GONE
    except BrokenPipeError:
        status = exits.READER_GONE
    except KeyboardInterrupt:
        status = exits.INTERRUPTED
    except OSError as exc:
        status = exits.FAILED
        _complain(f"{exc.filename or 'the output'}: {exc.strerror}.", debug=debug)
    except Exception as exc:  # noqa: BLE001  # the border around the process
        status = exits.FAILED
        _complain(f"it broke: {type(exc).__name__}: {exc}. Add --debug for more.", debug=debug)
    _end(status)


def _prepare_streams() -> None:
    """Closed streams are as good as empty ones, and no character is worth a crash."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115  # pathlib costs start-up time
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def _complain(sentence: str, *, debug: bool) -> None:
    """To be called where the error is handled. Without secrets, which others quote in errors."""
    from ml_intern.cli.quantities import shown
    from ml_intern.tracing.redaction import Redactor, secrets_in

    # The settings may be what is wrong; their secrets look like some, or come from variables.
    redactor = Redactor(secrets_in(os.environ))
    if debug:
        sys.stderr.write(redactor.text(traceback.format_exc()))
    sys.stderr.write(f"ml-intern: {shown(redactor.text(sentence))}\n")


def _end(status: int) -> None:
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        # Python would flush once more while it ends, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if any(not thread.daemon for thread in threading.enumerate()[1:]):
        os._exit(status)  # a tool that does not come to its end would hold us for ever
    sys.exit(status)


if __name__ == "__main__":
    main()
