"""Commands that have something done: a new session, or one that goes on."""

from typing import Annotated

import typer

from ml_intern.cli.options import (
    AsJson,
    HowHard,
    IsQuiet,
    ListJson,
    MaxCost,
    Model,
    Session,
    Task,
    Text,
    Yes,
    session_ids,
)

DEMO_TASK = (
    "Train a scaled-down Vision Transformer from scratch on the handwritten digits dataset, "
    "reach 95 % validation accuracy, write a model card and publish it."
)


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


def resume(
    context: typer.Context,
    session: Annotated[
        str | None,
        typer.Argument(
            metavar="[SESSION]",
            show_default=False,
            help="Without it: all that are unfinished.",
            autocompletion=session_ids,
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
