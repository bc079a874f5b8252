"""Commands that give a session what it waits for: a yes, more room, what became of a call."""

from typing import Annotated

import typer

from ml_intern.cli.options import (
    AsJson,
    IsQuiet,
    NoWait,
    Session,
    session_ids,
)

Target = Annotated[
    str,
    typer.Argument(
        metavar="APPROVAL_OR_SESSION",
        show_default=False,
        help="Id of an approval, or of a session: all that is open in it.",
        autocompletion=session_ids,
    ),
]


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
