"""Sessions that go on from another one: an older program could not read their events."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """The tables stay as they are."""
    op.execute("UPDATE schema_version SET version = 4")
