"""Commands that tell how sessions and their money stand. They change nothing."""

from typing import Annotated

import typer

from ml_intern.cli.options import (
    ListJson,
    Session,
    session_ids,
)


def sessions(
    context: typer.Context,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100_000)] = 20,
    as_json: ListJson = False,
) -> int:
    """List the newest sessions."""
    from ml_intern.cli import listing

    return listing.sessions(limit, as_json=as_json, debug=context.obj)


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


def why(context: typer.Context, session: Session, as_json: ListJson = False) -> int:
    """Say what a session waits for, since when, and what ends it.

    A person, a job, a model, its turn in the queue, or nothing; with its last events.
    """
    from ml_intern.cli import why as waiting

    return waiting.why(session, as_json=as_json, debug=context.obj)


def budget(
    context: typer.Context,
    session: Annotated[
        str | None,
        typer.Argument(
            show_default=False,
            help="Id of a session; without one, what all sessions share.",
            autocompletion=session_ids,
        ),
    ] = None,
    as_json: ListJson = False,
) -> int:
    """Show how the caps stand: money, tokens, time, model calls."""
    from ml_intern.cli import budget

    return budget.budget(session, as_json=as_json, debug=context.obj)


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
