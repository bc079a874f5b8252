"""`ml-intern policy`: what may run, and why."""

from typing import Annotated

import typer

from ml_intern.cli.options import (
    ListJson,
    Session,
    session_ids,
)

app = typer.Typer(
    name="policy",
    no_args_is_help=True,
    help="What may run, what is asked and what is refused.",
)


@app.command()
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
            autocompletion=session_ids,
        ),
    ] = None,
    as_json: ListJson = False,
) -> int:
    """Show what becomes of a call, and which rule decides. Nothing runs."""
    from ml_intern.cli import policies

    return policies.explain(tool, arguments, session, as_json=as_json, debug=context.obj)


@app.command("list")
def list_rules(
    context: typer.Context,
    session: Annotated[
        str | None,
        typer.Argument(
            metavar="[SESSION]",
            show_default=False,
            help="Adds the rules that were approved for it.",
            autocompletion=session_ids,
        ),
    ] = None,
    as_json: ListJson = False,
) -> int:
    """List the rules of the settings, and of a session.

    Those of a session are what was approved in general: "all calls like this".
    """
    from ml_intern.cli import policies

    return policies.show(session, as_json=as_json, debug=context.obj)


@app.command()
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
