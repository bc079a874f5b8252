"""Options that several commands have."""

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
