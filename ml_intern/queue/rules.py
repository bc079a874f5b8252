"""Rules that a person has granted for a session, and taking one back."""

from sqlalchemy import Connection, bindparam, select

from ml_intern import events
from ml_intern.errors import InputError
from ml_intern.events import RuleGranted, RuleRevoked
from ml_intern.messages import SessionId
from ml_intern.queue import sessions
from ml_intern.queue.append import append_unheld, encoded
from ml_intern.queue.schema import event

_OF_SESSION = (
    select(event.c.data)
    .where(
        event.c.session_id == bindparam("of"), event.c.kind.in_(("rule_granted", "rule_revoked"))
    )
    .order_by(event.c.seq)
)
_LONGEST = 200


def revoke(
    connection: Connection, session_id: SessionId, rule_id: str, revoked_by: str, at: str
) -> bool:
    """Append the revocation; false when the rule was revoked before.

    `rule_id` may be cut to a unique beginning. Raises UnknownSession, InputError for a rule that
    was never granted here.
    """
    sessions.by_prefix(connection, session_id)
    sessions.hold(connection, session_id)
    standing: dict[str, bool] = {}
    for text in connection.execute(_OF_SESSION, {"of": session_id}).scalars():
        match events.decode(text):
            case RuleGranted(rule_id=granted):
                standing[granted] = True
            case RuleRevoked(rule_id=revoked):
                standing[revoked] = False
            case _:
                pass
    found = _named(standing, rule_id)
    if not standing[found]:
        return False
    revocation = RuleRevoked(rule_id=found, revoked_by=revoked_by)
    append_unheld(connection, session_id, encoded([revocation]), at)
    return True


def _named(standing: dict[str, bool], prefix: str) -> str:
    if prefix in standing:
        return prefix
    begin = [rule for rule in standing if prefix and rule.startswith(prefix)]
    if len(begin) == 1:
        return begin[0]
    listed = ", ".join(begin or [rule for rule, stands in standing.items() if stands]) or "none"
    if begin:
        raise InputError(f"{prefix!r} begins more than one rule; give more of it: {listed}.")
    raise InputError(f"The session has no rule {prefix[:_LONGEST]!r}. Its rules: {listed}.")
