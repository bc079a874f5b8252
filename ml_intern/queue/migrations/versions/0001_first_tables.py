"""The tables as programs before Alembic created them: there is nothing to do."""

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Databases of this revision exist; new ones are created whole."""
