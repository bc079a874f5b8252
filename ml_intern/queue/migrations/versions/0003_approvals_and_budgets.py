"""What people are shown and when it ends, budgets, and mail to and from other channels."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """The outbox was never written before; it is made anew."""
    _widen()
    _budgets()
    op.drop_table("outbox")
    _mail()
    op.create_table(
        "reader",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("token", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("held_until", sa.Float),
    )
    op.execute("UPDATE schema_version SET version = 3")


def _widen() -> None:
    for column in (
        sa.Column("waiting_since", sa.Text),
        sa.Column("expires_at", sa.Text),
        sa.Column("reminders", sa.Integer, nullable=False, server_default=sa.text("0")),
    ):
        op.add_column("tool_call", column)
    op.create_index("tool_call_by_expiry", "tool_call", ["expires_at"])
    for column in (
        sa.Column("question_id", sa.Text, nullable=False, server_default=sa.text("''")),
        sa.Column("shown", sa.JSON),
    ):
        op.add_column("approval", column)


def _budgets() -> None:
    def number(name: str) -> sa.Column[int]:
        return sa.Column(name, sa.BigInteger, nullable=False, server_default=sa.text("0"))

    op.create_table(
        "budget",
        sa.Column("cap", sa.Text, primary_key=True),
        number("extended"),
        number("spent"),
        number("reserved"),
        sa.Column("noticed", sa.Integer, nullable=False, server_default=sa.text("0")),
    )
    op.create_table(
        "spend",
        sa.Column("session_id", sa.Text, sa.ForeignKey("session.id"), nullable=False),
        sa.Column("spend_id", sa.Text, nullable=False),
        sa.Column("caps", sa.JSON, nullable=False),
        sa.Column("reserved_micro_usd", sa.BigInteger, nullable=False),
        sa.Column("spent_micro_usd", sa.BigInteger),
        sa.Column("state", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("session_id", "spend_id"),
    )
    op.create_index("spend_by_state", "spend", ["state", "session_id"])


def _mail() -> None:
    place = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "inbox",
        sa.Column("id", place, primary_key=True),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("dedupe", sa.Text, nullable=False, unique=True),
        sa.Column("body", sa.JSON, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False, server_default=sa.text("''")),
        sa.Column("received_at", sa.Text, nullable=False),
    )
    op.create_index("inbox_by_state", "inbox", ["channel", "state", "id"])
    op.create_table(
        "outbox",
        sa.Column("id", place, primary_key=True),
        sa.Column("session_id", sa.Text, sa.ForeignKey("session.id")),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("lane", sa.Text, nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
        sa.Column("dedupe", sa.Text, nullable=False, unique=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("external_id", sa.Text),
        sa.Column("next_try", sa.Text),
        sa.Column("created", sa.Text, nullable=False),
    )
    op.create_index("outbox_by_state", "outbox", ["channel", "state", "lane", "id"])
    op.create_index("outbox_by_name", "outbox", ["channel", "external_id"])
