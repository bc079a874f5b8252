"""`ml-intern tools`: what models may call."""

from typing import Annotated

import typer

from ml_intern.cli.options import (
    AsJson,
    ListJson,
    Yes,
)

app = typer.Typer(
    name="tools",
    no_args_is_help=True,
    help="What models may call, and a call by hand under the same policy.",
)


@app.command("list")
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


@app.command()
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
