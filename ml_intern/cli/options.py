"""Options and arguments that several commands have."""

from typing import Annotated

import typer

from ml_intern.effort import Effort

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Approve everything that needs a yes.")]
AsJson = Annotated[
    bool, typer.Option("--json", help="Write events as lines of JSON, then one summary.")
]
ListJson = Annotated[bool, typer.Option("--json", help="Write JSON.")]
IsQuiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show only questions and the end.")]
NoWait = Annotated[
    bool, typer.Option("--no-wait", help="Only store it; do not go on with the session here.")
]
HowHard = Annotated[
    Effort | None,
    typer.Option("--effort", help="How hard its models think.", show_default="of the settings"),
]
MaxCost = Annotated[
    float | None,
    typer.Option(metavar="USD", min=0, help="What it may spend.", show_default="of the settings"),
]


def session_ids(incomplete: str) -> list[tuple[str, str]]:
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
        autocompletion=session_ids,
    ),
]
Model = Annotated[
    str | None, typer.Option(help="Which model plans the work.", show_default="of the settings")
]
