"""`ml-intern traces`: the commands about what sessions leave behind."""

import typer

app = typer.Typer(
    name="traces",
    no_args_is_help=True,
    help="What sessions leave behind: look at it, share it, replay it, go on from it.",
)


@app.callback()
def _group() -> None:
    """Be a group of commands, however few there are."""
