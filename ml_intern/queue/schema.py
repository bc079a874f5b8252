"""The tables, and the revision of them that this code speaks.

State machines, each edge a compare-and-set in one transaction with its event or op:
  op         queued → running → done | dead;  queued → cancelled;  running → queued (given back)
  session    idle | waiting → ready → leased → idle | waiting | ready
  tool_call  planned → [awaiting_approval → approved | denied] → started ⇄ waiting
             started → unknown → approved (a person lets it start again)
             and from each of these → succeeded | failed
  approval   pending → approved | denied | edited | expired | superseded
  spend      reserved → settled | refunded | held
  job        running → succeeded | failed | cancelled | lost
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Dialect,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)

REVISION = "0004"
"""The newest of `ml_intern/queue/migrations/versions`."""

VERSION = int(REVISION)
"""As programs before Alembic understand it."""

metadata = MetaData()


class Words(TypeDecorator[str]):
    """Text as people and models write it, without NUL: PostgreSQL holds none."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """What is stored."""
        return value.replace("\0", "\ufffd") if value else value


# SQLite numbers rows by itself only for a primary key of exactly the type INTEGER.
_Position = BigInteger().with_variant(Integer(), "sqlite")

# Alembic's own.
alembic_version = Table(
    "alembic_version", metadata, Column("version_num", String(32), primary_key=True)
)

# For programs that came before Alembic: they refuse a number that they do not know.
schema_version = Table("schema_version", metadata, Column("version", Integer, nullable=False))

session = Table(
    "session",
    metadata,
    Column("id", Text, primary_key=True),
    Column("title", Words, nullable=False),
    Column("model", Words, nullable=False),
    Column("workspace", Words, nullable=False),
    Column("started_in", Words, nullable=False),
    Column("version", Text, nullable=False),
    # Names the folders that hold its workspace; only who shares them may claim it.
    Column("site", Text, nullable=False, server_default=text("''")),
    # Who started it.
    Column("author", Words, nullable=False, server_default=text("''")),
    Column("created", Text, nullable=False),
    Column("updated", Text, nullable=False),
    Column("state", Text, nullable=False),
    # A counter over all sessions, not a time: the smallest is served next.
    Column("ready_since", BigInteger, nullable=False),
    Column("lease_token", BigInteger, nullable=False, default=0),
    Column("lease_boot", Text),
    Column("lease_pid", BigInteger),
    Column("lease_start", BigInteger),
    # Seconds of the database's clock: see `Database.now`.
    Column("lease_until", Float),
    Column("next_op", BigInteger, nullable=False, default=1),
    Column("next_event", BigInteger, nullable=False, default=1),
    # Turns for ops before this one are to stop.
    Column("interrupt_upto", BigInteger, nullable=False, default=0),
    Column("outcome", Text),
    Column("detail", Words, nullable=False, default=""),
    Column("waiting_on", JSON, nullable=False, default=list),
    Index("session_by_turn", "state", "ready_since"),
    Index("session_by_age", "ready_since"),
)

op = Table(
    "op",
    metadata,
    Column("session_id", Text, ForeignKey("session.id"), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("payload", Text, nullable=False),
    # Within its session: job ids, the commonest keys, are unique no further.
    Column("dedupe", Text),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("created", Text, nullable=False),
    PrimaryKeyConstraint("session_id", "seq"),
    UniqueConstraint("session_id", "dedupe"),
    Index("op_by_state", "state", "session_id", "seq"),
)

# One row: the position of the newest event. Whoever stores events holds it until the commit.
journal_head = Table(
    "journal_head", metadata, Column("position", BigInteger, primary_key=True, autoincrement=False)
)

event = Table(
    "event",
    metadata,
    # Over all sessions, from 1, without gaps; rows are never deleted.
    Column("position", _Position, primary_key=True, autoincrement=False),
    Column("session_id", Text, ForeignKey("session.id"), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("at", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("data", Text, nullable=False),
    UniqueConstraint("session_id", "seq"),
)

tool_call = Table(
    "tool_call",
    metadata,
    Column("session_id", Text, ForeignKey("session.id"), nullable=False),
    Column("call_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("state", Text, nullable=False),
    # Of the only arguments that may run; set by a decision or by the first start, then fixed.
    Column("arguments_sha256", Text),
    Column("effect", Text),
    Column("waiting_on", Text),
    # Of a call that waits for a person: since when, until when, and how often they were reminded.
    Column("waiting_since", Text),
    Column("expires_at", Text),
    Column("reminders", Integer, nullable=False, server_default=text("0")),
    PrimaryKeyConstraint("session_id", "call_id"),
    Index("tool_call_by_expiry", "expires_at"),
)

approval = Table(
    "approval",
    metadata,
    Column("id", Text, primary_key=True),
    Column("session_id", Text, nullable=False),
    Column("call_id", Text, nullable=False),
    Column("tool", Words, nullable=False),
    Column("arguments", JSON, nullable=False),
    Column("arguments_sha256", Text, nullable=False),
    Column("reason", Words, nullable=False),
    # Of the answer that asked: approvals with the same one are one question.
    Column("question_id", Text, nullable=False, server_default=text("''")),
    # The rest of what a person is shown, see `ApprovalRequested`; None: asked before there was any.
    Column("shown", JSON),
    Column("state", Text, nullable=False),
    Column("requested_at", Text, nullable=False),
    Column("decided_by", Words),
    Column("decided_at", Text),
    ForeignKeyConstraint(["session_id", "call_id"], ["tool_call.session_id", "tool_call.call_id"]),
    Index("approval_by_state", "state", "session_id", "call_id"),
)

job = Table(
    "job",
    metadata,
    Column("session_id", Text, ForeignKey("session.id"), nullable=False),
    Column("job_id", Text, nullable=False),
    Column("compute", Text, nullable=False),
    Column("handle", JSON, nullable=False),
    Column("label", Words, nullable=False),
    Column("status", Text, nullable=False),
    Column("log_offset", BigInteger, nullable=False, default=0),
    Column("started_at", Text, nullable=False),
    PrimaryKeyConstraint("session_id", "job_id"),
    Index("job_by_status", "status"),
)

# One row for each cap in millionths of a US dollar that something has counted against.
budget = Table(
    "budget",
    metadata,
    # `session:ID`, `day:DATE` or `daemon`.
    Column("cap", Text, primary_key=True),
    Column("extended", BigInteger, nullable=False, server_default=text("0")),
    Column("spent", BigInteger, nullable=False, server_default=text("0")),
    Column("reserved", BigInteger, nullable=False, server_default=text("0")),
    # The highest percentage that people were told of.
    Column("noticed", Integer, nullable=False, server_default=text("0")),
)

spend = Table(
    "spend",
    metadata,
    Column("session_id", Text, ForeignKey("session.id"), nullable=False),
    Column("spend_id", Text, nullable=False),
    # A list of the caps that it counts against.
    Column("caps", JSON, nullable=False),
    Column("reserved_micro_usd", BigInteger, nullable=False),
    # None while it is only reserved.
    Column("spent_micro_usd", BigInteger),
    Column("state", Text, nullable=False),
    PrimaryKeyConstraint("session_id", "spend_id"),
    Index("spend_by_state", "state", "session_id"),
)

# What people did elsewhere, stored before the other side hears that it has arrived.
inbox = Table(
    "inbox",
    metadata,
    Column("id", _Position, primary_key=True),
    Column("channel", Text, nullable=False),
    # What the other side calls it, however often it sends it.
    Column("dedupe", Text, nullable=False, unique=True),
    Column("body", JSON, nullable=False),
    Column("state", Text, nullable=False),
    Column("note", Words, nullable=False, server_default=text("''")),
    Column("received_at", Text, nullable=False),
    Index("inbox_by_state", "channel", "state", "id"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", _Position, primary_key=True),
    # None: about no session.
    Column("session_id", Text, ForeignKey("session.id")),
    Column("channel", Text, nullable=False),
    # Rows of one lane are sent one after another, in order.
    Column("lane", Text, nullable=False),
    Column("body", JSON, nullable=False),
    Column("dedupe", Text, nullable=False, unique=True),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    # What the channel calls the message that was sent.
    Column("external_id", Text),
    Column("next_try", Text),
    Column("created", Text, nullable=False),
    Index("outbox_by_state", "channel", "state", "lane", "id"),
    Index("outbox_by_name", "channel", "external_id"),
)

# Readers of the journal, and senders: one process at a time has the row, and its place is kept.
reader = Table(
    "reader",
    metadata,
    Column("name", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("token", BigInteger, nullable=False, server_default=text("0")),
    # Seconds of the database's clock: see `Database.now`.
    Column("held_until", Float),
)
