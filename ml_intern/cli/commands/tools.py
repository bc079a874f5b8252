"""`ml-intern tools`: what models may call."""

from typing import Annotated

import typer

from ml_intern.cli.options import (
    AsJson,
    ListJson,
    Yes,
    session_ids,
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
    session: Annotated[
        str | None,
        typer.Option(
            help="Id of an earlier call's session: its workspace, and what it found.",
            show_default="a new one",
            autocompletion=session_ids,
        ),
    ] = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> int:
    """Call a tool by hand, in a session of its own, and write its output.

    What a model would be asked about, you are asked about; what is refused to it is refused. Status
    1 when the call failed, 4 when it waits for a yes. The output is JSON of most tools: as it is in
    a pipe, in lines in a terminal.
    """
    from ml_intern.cli import foreground, tools

    manner = foreground.Manner(as_json=as_json, aside=True, yes=yes, debug=context.obj)
    return tools.call(name, arguments, manner, session=session)
