"""The policy: its rules, what it says of a call, and taking back what was approved in general."""

from ml_intern.api.operation import NO_QUERY, AnyOperation, Call, Operation, reading
from ml_intern.client import wire
from ml_intern.client.door import Explanation, Policy
from ml_intern.client.wire import NoQuery, Question, Revocation
from ml_intern.messages import SessionId


def _policy(call: Call[NoQuery, None]) -> Policy:
    return call.door.policy()


def _policy_of_session(call: Call[NoQuery, None]) -> Policy:
    return call.door.policy(SessionId(call.subject))


def _explain(call: Call[NoQuery, Question]) -> Explanation:
    asked = call.body
    return call.door.explain(asked.tool, asked.arguments, asked.session_id)


def _revoke(call: Call[NoQuery, Revocation]) -> wire.Revoked:
    wish = call.body
    won = call.door.revoke_rule(SessionId(call.subject), wish.rule_id, revoked_by=wish.revoked_by)
    return wire.Revoked(won=won)


OPERATIONS: tuple[AnyOperation, ...] = (
    reading("show_policy", "/v1/policy", "The rules of the settings.", _policy, wire.POLICY),
    reading(
        "show_session_policy",
        "/v1/sessions/{session_id}/policy",
        "The rules of the settings, and what was approved in general for the session.",
        _policy_of_session,
        wire.POLICY,
        "unknown_session",
        "invalid_input",
    ),
    Operation(
        name="explain_policy",
        method="POST",
        path="/v1/policy/explanation",
        summary="What the policy says of a call, and which rule decides; nothing runs.",
        query=NO_QUERY,
        body=wire.QUESTION,
        answer=_explain,
        encode=wire.EXPLANATION.encode,
        document=wire.EXPLANATION,
        problems=("unknown_session", "invalid_input"),
    ),
    Operation(
        name="revoke_rule",
        method="POST",
        path="/v1/sessions/{session_id}/revocation",
        summary="Take back what was approved in general for the session.",
        query=NO_QUERY,
        body=wire.REVOCATION,
        answer=_revoke,
        encode=wire.REVOKED.encode,
        document=wire.REVOKED,
        problems=("unknown_session", "invalid_input", "draining"),
    ),
)
