"""Calls that go on waiting while a person and the model talk: the words for them.

Words that come while a call waits for a yes, or for a word on what became of it, are heard with the
question still open. The call has then had its one answer, directly behind the model's message; what
becomes of it is told later in a message of its own.
"""

from ml_intern.events import CallParked, ToolFinished
from ml_intern.messages import short_request
from ml_intern.session.open_call import OpenCall
from ml_intern.session.unknowns import MAY_HAVE_TAKEN_EFFECT

GOES_ON = (
    "It goes on; the person said something meanwhile. Answer first, then wait for it again with "
    "the same call."
)


def parked(open_call: OpenCall) -> CallParked:
    """The call waits on, and the model reads so."""
    request = short_request(open_call.call.call_id)
    if open_call.stage == "unknown":
        text = (
            f"It is not known what became of this call: {MAY_HAVE_TAKEN_EFFECT}. A person has been "
            f"asked (request {request}). Do not repeat it; what they say is told to you."
        )
    else:
        text = (
            f"Not run yet: a person has been asked for a yes (request {request}) and has said "
            "something first, which follows. The question stays open; what becomes of it is told "
            "to you. Do not send the call again. If it is not wanted any more, or in another form, "
            "withdraw it with withdraw_request."
        )
    return CallParked(call_id=open_call.call.call_id, output=text)


def goes_on(open_call: OpenCall) -> ToolFinished:
    """The answer to a read that only waits for a job: it may be asked again at any time."""
    return ToolFinished(
        call_id=open_call.call.call_id,
        tool=open_call.call.name,
        ok=True,
        output=GOES_ON,
        answered_by="interrupt",
        duration_ms=0,
    )


def already_waits(open_call: OpenCall) -> str:
    """Why the same call is not taken a second time."""
    request = short_request(open_call.call.call_id)
    return (
        f"The same call waits already (request {request}); what becomes of it is told to you. "
        "Go on with something else, or say in words what you wait for."
    )
