"""Money: reserved before it is spent and settled after, under caps that sessions share.

In the caller's transaction, so that a step which would pass a cap is not recorded either. Amounts
are millionths of a US dollar. Rows of `budget` are taken in the order of their keys, everywhere.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Text, bindparam, func, insert, select, text, update

from ml_intern.errors import InputError, OverBudget, StateConflict
from ml_intern.events import BudgetExtended, BudgetNoticed, Spend
from ml_intern.messages import SessionId
from ml_intern.queue.rows import MOST_AMOUNT, BudgetRow, SpendRow, is_money
from ml_intern.queue.schema import budget, job, spend

OF_MODEL = "model:"
"""Begins the id of what is reserved for a request to a model; the others are ids of calls."""

_OPEN_ROW = text("INSERT INTO budget (cap) VALUES (:cap) ON CONFLICT (cap) DO NOTHING")
_BUDGET = update(budget).where(budget.c.cap == bindparam("key"))
_TAKE = _BUDGET.values(reserved=budget.c.reserved + bindparam("amount"))
_TAKE_WITHIN = _TAKE.where(
    budget.c.spent + budget.c.reserved + bindparam("amount")
    <= bindparam("most") + budget.c.extended
)
_GIVE = _BUDGET.values(
    reserved=budget.c.reserved - bindparam("amount"), spent=budget.c.spent + bindparam("cost")
)
_EXTEND = _BUDGET.where(budget.c.extended <= MOST_AMOUNT - bindparam("amount")).values(
    extended=budget.c.extended + bindparam("amount")
)
_NOTICE = _BUDGET.where(budget.c.noticed < bindparam("percent")).values(
    noticed=bindparam("percent")
)
_ROWS = select(budget).where(budget.c.cap.in_(bindparam("keys", expanding=True)))
_SPENDS = select(spend).where(spend.c.session_id == bindparam("of")).order_by(spend.c.spend_id)

_RESERVE = insert(spend).inline()
_ONE = update(spend).where(
    spend.c.session_id == bindparam("of"), spend.c.spend_id == bindparam("id")
)
_HOLD = _ONE.where(spend.c.state == "reserved").values(
    spend_id=bindparam("kept"), state="held", spent_micro_usd=spend.c.reserved_micro_usd
)
_PREFIX = bindparam("prefix", type_=Text)
_HELD = select(func.count()).where(
    spend.c.session_id == bindparam("of"),
    func.substr(spend.c.spend_id, 1, func.length(_PREFIX)) == _PREFIX,
)
_SETTLE = _ONE.where(spend.c.state == "reserved").values(
    state=bindparam("to"), spent_micro_usd=bindparam("cost")
)
_FOUND = select(spend.c.caps, spend.c.state, spend.c.reserved_micro_usd).where(
    spend.c.session_id == bindparam("of"), spend.c.spend_id == bindparam("id")
)
_RESERVED = select(spend.c.spend_id, spend.c.caps, spend.c.reserved_micro_usd).where(
    spend.c.session_id == bindparam("of"), spend.c.state == "reserved"
)
_OF_MODEL = _RESERVED.where(func.substr(spend.c.spend_id, 1, len(OF_MODEL)) == OF_MODEL)
_OF_CALL = _RESERVED.where(spend.c.spend_id == bindparam("id"))
# A job has the id of the call that launched it, and goes on with its reservation.
_OF_CALL_ALONE = _OF_CALL.where(
    ~select(job.c.job_id)
    .where(
        job.c.session_id == bindparam("of"),
        job.c.job_id == bindparam("id"),
        job.c.status == "running",
    )
    .exists()
)


# Edges: see `edges.py`


def reserve(connection: Connection, session_id: SessionId, found: Spend | None) -> None:
    """Take room under every cap, or none. Raises OverBudget, InputError, StateConflict."""
    if found is None:
        return
    if not 0 <= found.micro_usd <= MOST_AMOUNT:
        raise InputError(f"{found.micro_usd} millionths of a dollar cannot be reserved.")
    bind = {"of": session_id, "id": found.spend_id}
    before = connection.execute(_FOUND, bind).first()
    if before is not None and before.state != "reserved":
        raise StateConflict(f"Spend {found.spend_id} of session {session_id} is {before.state}.")
    held = {} if before is None else dict.fromkeys(before.caps, before.reserved_micro_usd)
    for cap in sorted({*found.caps, *held}):
        if cap in held:
            connection.execute(_GIVE, {"key": cap, "amount": held[cap], "cost": held[cap]})
        if cap in found.caps:
            _take(connection, cap, found.micro_usd, found.caps[cap])
    if before is not None:
        # What is started again may have cost before, and nobody can tell.
        number = connection.execute(_HELD, {"of": session_id, "prefix": kept(found.spend_id)})
        name = kept(found.spend_id, number.scalar_one() + 1)
        connection.execute(_HOLD, {**bind, "kept": name})
    row = {"caps": sorted(found.caps), "reserved_micro_usd": found.micro_usd, "state": "reserved"}
    connection.execute(_RESERVE, {"session_id": session_id, "spend_id": found.spend_id, **row})


def kept(spend_id: str, number: int | None = None) -> str:
    """The id of what was reserved for the `number`th start; None: how those ids begin."""
    return f"{spend_id}/{'' if number is None else number}"


def settle_model(connection: Connection, session_id: SessionId, cost: int | None) -> None:
    """The request to a model has ended at `cost`; None: what was reserved counts as spent."""
    _settle(connection, session_id, connection.execute(_OF_MODEL, {"of": session_id}), cost)


def settle_call(connection: Connection, session_id: SessionId, call: str, cost: int | None) -> None:
    """The call has its answer; a job that it launched and that runs keeps what was reserved."""
    bind = {"of": session_id, "id": call}
    _settle(connection, session_id, connection.execute(_OF_CALL_ALONE, bind), cost)


def settle_job(
    connection: Connection, session_id: SessionId, job_id: str, cost: int | None
) -> None:
    """The job has ended."""
    bind = {"of": session_id, "id": job_id}
    _settle(connection, session_id, connection.execute(_OF_CALL, bind), cost)


def extended(connection: Connection, found: BudgetExtended) -> None:
    """More room for all who share the cap. Raises InputError."""
    _demand_amount(found.amount)
    if is_money(found.cap):
        connection.execute(_OPEN_ROW, {"cap": found.cap})
        if connection.execute(_EXTEND, {"key": found.cap, "amount": found.amount}).rowcount != 1:
            raise InputError(f"In all, a cap can be extended by {MOST_AMOUNT:,}, not by more.")


def noticed(connection: Connection, found: BudgetNoticed) -> None:
    """People are told once of each level. Raises StateConflict when they have been."""
    if not is_money(found.cap):
        return
    bind = {"key": found.cap, "percent": found.percent}
    if connection.execute(_NOTICE, bind).rowcount != 1:
        raise StateConflict(f"{found.kind}: {found.percent} % of {found.cap} were told before.")


# Reading


def rows(connection: Connection, caps: Iterable[str]) -> dict[str, BudgetRow]:
    """What has been counted against each of these caps; one that nothing has is all zeros."""
    keys = list(caps)
    found = {
        row.cap: BudgetRow(
            cap=row.cap,
            extended=row.extended,
            spent=row.spent,
            reserved=row.reserved,
            noticed=row.noticed,
        )
        for row in connection.execute(_ROWS, {"keys": keys})
    }
    return {cap: found.get(cap) or BudgetRow(cap=cap) for cap in keys}


def spends(connection: Connection, session_id: SessionId) -> list[SpendRow]:
    """All that the session has reserved or spent."""
    return [
        SpendRow(
            spend_id=row.spend_id,
            caps=tuple(row.caps),
            reserved_micro_usd=row.reserved_micro_usd,
            spent_micro_usd=row.spent_micro_usd,
            state=row.state,
        )
        for row in connection.execute(_SPENDS, {"of": session_id})
    ]


def _take(connection: Connection, cap: str, amount: int, most: int | None) -> None:
    edge = _TAKE if most is None else _TAKE_WITHIN
    bind = {"key": cap, "amount": amount} | ({} if most is None else {"most": most})
    if connection.execute(edge, bind).rowcount == 1:
        return
    connection.execute(_OPEN_ROW, {"cap": cap})
    if connection.execute(edge, bind).rowcount == 1:
        return
    row = rows(connection, [cap])[cap]
    raise OverBudget(
        cap=cap, used=row.spent + row.reserved, limit=(most or 0) + row.extended, needed=amount
    )


def _settle(connection: Connection, session_id: SessionId, open_: Any, cost: int | None) -> None:
    for row in open_.all():
        # What was certainly not spent is free again; what nobody can tell counts as spent.
        to = "held" if cost is None else "settled" if cost else "refunded"
        spent = row.reserved_micro_usd if cost is None else cost
        for cap in sorted(row.caps):
            bind = {"key": cap, "amount": row.reserved_micro_usd, "cost": spent}
            connection.execute(_GIVE, bind)
        bind = {"of": session_id, "id": row.spend_id, "to": to, "cost": spent}
        connection.execute(_SETTLE, bind)


def _demand_amount(amount: int) -> None:
    if not 0 < amount <= MOST_AMOUNT:
        raise InputError(f"A cap can be extended by 1 to {MOST_AMOUNT:,}, not by {amount:,}.")
