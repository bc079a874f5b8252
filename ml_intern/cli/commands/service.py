"""Commands about the service itself: run it, and see whether all is well."""

from typing import Annotated

import typer

from ml_intern.cli.options import (
    ListJson,
)


def serve(
    context: typer.Context,
    database: Annotated[
        str | None,
        typer.Option(metavar="URL", help="A PostgreSQL database, which several daemons may share."),
    ] = None,
) -> int:
    """Run the daemon: do the work of all sessions until SIGTERM.

    SIGTERM or Ctrl-C lets running steps end, a second one cuts them short; training jobs go on.
    """
    from ml_intern.cli import serving

    return serving.serve(database=database, debug=context.obj)


def doctor(as_json: ListJson = False) -> int:
    """Check everything that a run needs.

    Says what to do where something is missing; status 78 when a run would fail.
    """
    from ml_intern.cli import doctor as checks

    return checks.doctor(as_json=as_json)


def fsck(
    database: Annotated[
        str | None,
        typer.Argument(
            metavar="[DATABASE]",
            show_default=False,
            help="Path or URL. Without it: the database of the settings.",
        ),
    ] = None,
    as_json: ListJson = False,
) -> int:
    """Check that everything in the database fits together.

    Changes nothing, also beside a running daemon. Status 65 when something is damaged; says which
    row, and what to do. Status 76 when another version of ml-intern wrote it.
    """
    from ml_intern.cli import checking

    return checking.fsck(database, as_json=as_json)
