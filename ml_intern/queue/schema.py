"""The tables, and which version of them this code speaks.

State machines, each edge a compare-and-set in one transaction with its event or op:
  op         queued → running → done | dead;  queued → cancelled;  running → queued (given back)
  session    idle | waiting → ready → leased → idle | waiting | ready
  tool_call  planned → [awaiting_approval → approved | denied] → started ⇄ waiting
             and from each of these → succeeded | failed
  approval   pending → approved | denied | edited | superseded
  job        running → succeeded | failed | cancelled | lost
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Connection,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    insert,
    inspect,
    select,
)

from ml_intern.errors import StoreUnavailable

VERSION = 1

metadata = MetaData()

# SQLite numbers rows by itself only for a primary key of exactly the type INTEGER.
_Position = BigInteger().with_variant(Integer(), "sqlite")

schema_version = Table("schema_version", metadata, Column("version", Integer, nullable=False))

session = Table(
    "session",
    metadata,
    Column("id", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("workspace", Text, nullable=False),
    Column("started_in", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("created", Text, nullable=False),
    Column("updated", Text, nullable=False),
    Column("state", Text, nullable=False),
    # A counter over all sessions, not a time: the smallest is served next.
    Column("ready_since", BigInteger, nullable=False),
    Column("lease_token", BigInteger, nullable=False, default=0),
    Column("lease_boot", Text),
    Column("lease_pid", BigInteger),
    Column("lease_start", BigInteger),
    # Seconds of the machine's monotonic clock.
    Column("lease_until", Float),
    Column("next_op", BigInteger, nullable=False, default=1),
    Column("next_event", BigInteger, nullable=False, default=1),
    # Turns for ops before this one are to stop.
    Column("interrupt_upto", BigInteger, nullable=False, default=0),
    Column("outcome", Text),
    Column("detail", Text, nullable=False, default=""),
    Column("waiting_on", JSON, nullable=False, default=list),
    Index("session_by_turn", "state", "ready_since"),
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

event = Table(
    "event",
    metadata,
    # Rows are never deleted, so positions only grow.
    Column("position", _Position, primary_key=True),
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
    Column("tool", Text, nullable=False),
    Column("arguments", JSON, nullable=False),
    Column("arguments_sha256", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("requested_at", Text, nullable=False),
    Column("decided_by", Text),
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
    Column("label", Text, nullable=False),
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


def prepare(connection: Connection) -> None:
    """Create the tables in a new database; check their version in one that exists.

    Raises StoreUnavailable when a newer ml-intern has written it.
    """
    if not inspect(connection).has_table(schema_version.name):
        metadata.create_all(connection, checkfirst=False)
        connection.execute(insert(schema_version).values(version=VERSION))
        return
    found = connection.execute(select(schema_version.c.version)).scalar_one()
    if found > VERSION:
        raise StoreUnavailable(
            f"The database has schema {found}, this ml-intern knows {VERSION}; "
            "install the newer version again, or choose another state folder."
        )
