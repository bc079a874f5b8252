"""`ml-intern db`: the database as a whole."""

from typing import Annotated

import typer

app = typer.Typer(name="db", no_args_is_help=True, help="Back up, restore and copy the database.")


@app.command()
def backup(
    file: Annotated[
        str | None,
        typer.Argument(
            metavar="[FILE]",
            show_default=False,
            help="A new file. Without it: a dated one in `backups` of the state directory.",
        ),
    ] = None,
) -> int:
    """Copy the database to a new file, also beside a running daemon; prints its path.

    The copy is of one moment, looked through, and readable by you alone.
    """
    from ml_intern.cli import databases

    return databases.backup(file)


@app.command()
def restore(file: Annotated[str, typer.Argument(show_default=False, help="A backup.")]) -> int:
    """Put a backup in the place of the database. The daemon must be stopped.

    The backup is checked first (status 65 when it is damaged); what stood there is kept.
    """
    from ml_intern.cli import databases

    return databases.put_back(file)


@app.command()
def copy(
    source: Annotated[str, typer.Argument(metavar="FROM", show_default=False)],
    target: Annotated[
        str, typer.Argument(metavar="TO", show_default=False, help="An empty database.")
    ],
) -> int:
    """Move everything into another database: SQLite to PostgreSQL, or back.

    Both are a path, sqlite:///PATH or postgresql://USER@HOST/NAME; no daemon may work with either.
    All is copied and compared, or nothing.
    """
    from ml_intern.cli import databases

    return databases.copy(source, target)
