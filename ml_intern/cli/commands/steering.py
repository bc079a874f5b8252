"""Commands that change the course of a session."""

from typing import Annotated

import typer

from ml_intern.cli.options import (
    AsJson,
    IsQuiet,
    Session,
)
from ml_intern.effort import Effort


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


def undo(context: typer.Context, session: Session) -> int:
    """Take back what was said last, and the answer to it.

    The model does not see it any more; files, jobs and the trace stay as they are.
    """
    from ml_intern.cli import revising

    return revising.undo(session, debug=context.obj)


def compact(context: typer.Context, session: Session) -> int:
    """Have the older part of a long conversation summed up."""
    from ml_intern.cli import revising

    return revising.compact(session, debug=context.obj)


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
