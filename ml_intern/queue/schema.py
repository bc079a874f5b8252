"""The tables, and the revision of them that this code speaks.

State machines, each edge a compare-and-set in one transaction with its event or op:
  op         queued → running → done | dead;  queued → cancelled;  running → queued (given back)
  session    idle | waiting → ready → leased → idle | waiting | ready
  tool_call  planned → [awaiting_approval → approved | denied] → started ⇄ waiting
             started → unknown → approved (a person lets it start again)
             and from each of these → succeeded | failed
  approval   pending → approved | denied | edited | superseded
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

REVISION = "0002"
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
    PrimaryKeyConstraint("session_id", "call_id"),
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

outbox = Table(
    "outbox",
    metadata,
    Column("id", _Position, primary_key=True),
    Column("session_id", Text, ForeignKey("session.id"), nullable=False),
    Column("channel", Text, nullable=False),
    Column("body", JSON, nullable=False),
    Column("dedupe", Text, nullable=False, unique=True),
    Column("state", Text, nullable=False),
    # What the channel calls the message that was sent.
    Column("external_id", Text),
    Column("next_try", Text),
    Index("outbox_by_state", "state", "next_try"),
)
