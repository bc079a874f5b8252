"""Positions of the journal come from one row; sessions belong to a site and an author."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Number on from the newest event. Old sessions get the site without a name, and no author."""
    head = op.create_table(
        "journal_head", sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False)
    )
    newest = sa.text("SELECT coalesce(max(position), 0) FROM event")
    position = op.get_bind().execute(newest).scalar_one()
    op.bulk_insert(head, [{"position": position}])
    for name in ("site", "author"):
        nameless = sa.text("''")
        op.add_column("session", sa.Column(name, sa.Text, nullable=False, server_default=nameless))
    op.create_index("session_by_age", "session", ["ready_since"])
    op.execute("UPDATE schema_version SET version = 2")
