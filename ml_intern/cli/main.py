"""`ml-intern`: all commands in their order, and what becomes of errors.

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
from ml_intern.cli.commands import (
    answering,
    database,
    looking,
    policy,
    service,
    slack,
    steering,
    tools,
    work,
)
from ml_intern.cli.traces import app as traces
from ml_intern.errors import MLInternError

GARBAGE_AFTER = 10_000
"""New objects before Python looks for garbage. With its 700, a start, which makes what stays, looks
hundreds of times."""

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


for command in (
    *(work.run, work.submit, work.attach, work.resume, work.say),
    *(looking.sessions, looking.show, looking.why),
    *(answering.approve, answering.deny),
    *(looking.budget, looking.prices, answering.extend, answering.resolve),
    *(steering.interrupt, steering.undo, steering.compact, steering.model),
    *(service.serve, work.demo, service.doctor, service.fsck),
):
    app.command()(command)
for family in (traces.app, policy.app, tools.app, slack.app, database.app):
    app.add_typer(family)


def main() -> None:
    """The entry point; ends the process."""
    gc.set_threshold(GARBAGE_AFTER)
    _prepare_streams()
    _end(_status(debug="--debug" in sys.argv))


def _status(*, debug: bool) -> int:
    """Of the command that was typed; what went wrong is said in a sentence."""
    try:
        return _run()
    except typer.TyperException as exc:
        exc.message = exc.message.removeprefix("Value error, ")
        exc.show()  # type: ignore[attr-defined]  # what reaches us is about usage
        return exits.USAGE
    except MLInternError as exc:
        _complain(str(exc), debug=debug)
        return exits.of_error(exc)
    except SystemExit as exc:  # typer's way with completion, and with a reader that went away
        if isinstance(exc.__context__, BrokenPipeError):
            return exits.READER_GONE
        return exc.code if isinstance(exc.code, int) else exits.USAGE
    except BrokenPipeError:
        return exits.READER_GONE
    except KeyboardInterrupt:
        return exits.INTERRUPTED
    except OSError as exc:
        _complain(f"{exc.filename or 'the output'}: {exc.strerror}.", debug=debug)
        return exits.FAILED
    except Exception as exc:  # noqa: BLE001  # the border around the process
        _complain(f"it broke: {type(exc).__name__}: {exc}. Add --debug for more.", debug=debug)
        return exits.FAILED


def _run() -> int:
    """What a reader that went away breaks is found out here, not while Python ends."""
    status: int = app(standalone_mode=False, prog_name="ml-intern")
    sys.stdout.flush()
    return status


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
