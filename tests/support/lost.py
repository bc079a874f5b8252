"""A session as a crash leaves it in the middle of an effect that nobody can look up."""

import json
from typing import Any

from ml_intern.events import (
    ModelReplied,
    ToolLost,
    ToolStarted,
    TurnFinished,
    TurnStarted,
    UserSaid,
)
from ml_intern.messages import CallId, SessionId, ToolCall, Usage
from ml_intern.queue.store import Store
from ml_intern.tools.router import arguments_sha256

LOST = CallId("call_lost")


def lose_call(store: Store, tool: str, call_id: CallId = LOST, **arguments: Any) -> SessionId:
    """Let the next queued op end with a call of `tool` whose outcome is unknown; its session."""
    claim = store.claim(0)
    assert claim is not None, "no session was ready"
    call = ToolCall(call_id=call_id, name=tool, arguments=json.dumps(arguments))
    store.append(
        claim.lease,
        TurnStarted(op_seq=claim.op_seq, attempt=1),
        UserSaid(text="Do it", author="ada"),
        ModelReplied(
            reply_id="r1",
            model="autopilot",
            text="",
            thinking="",
            tool_calls=(call,),
            usage=Usage(),
            cost_micro_usd=0,
            stop_reason="tool_calls",
            duration_ms=1,
        ),
        ToolStarted(
            call_id=call_id,
            tool=tool,
            arguments=arguments,
            arguments_sha256=arguments_sha256(tool, arguments),
            effect="external",
            recovery="opaque",
        ),
        ToolLost(call_id=call_id, tool=tool),
    )
    waiting = TurnFinished(
        outcome="waiting", detail=f"a word on {tool}", waiting_on=(f"unknown:{call_id}",)
    )
    store.finish(claim, waiting)
    return claim.session_id
