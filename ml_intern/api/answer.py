"""Answers that are problems: whatever goes wrong with a request, its client gets one form of it."""

import re

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ml_intern import __version__
from ml_intern.client import problems, wire
from ml_intern.client.problems import ApiRefusal, Problem
from ml_intern.errors import MLInternError

_OTHER_VERSION = re.compile(r"/v(\d+)(/|$)")
# What the client still sends would otherwise be read to its end, only to be thrown away.
_LEFT_UNREAD = ("too_large", "too_slow")


class WrongMethod(ApiRefusal):
    """The path is known, the method is not one of its own."""

    def __init__(self, method: str, path: str, allowed: tuple[str, ...]) -> None:
        super().__init__(
            f"{path} does not take {method}; it takes {' and '.join(allowed)}.",
            code="wrong_method",
        )
        self.allowed = allowed


async def refuse(request: Request, exc: Exception) -> Response:
    """The answer to an error of ours."""
    assert isinstance(exc, MLInternError)
    response = document(problems.problem_of(exc))
    if isinstance(exc, WrongMethod):
        response.headers["Allow"] = ", ".join(exc.allowed)
    return response


async def refuse_path(request: Request, exc: Exception) -> Response:
    """The answer where no path fits, which Starlette finds out."""
    assert isinstance(exc, HTTPException)
    path = request.scope["raw_path"].decode("ascii", "replace")
    other = _OTHER_VERSION.match(path)
    if other and f"v{other[1]}" != wire.VERSION:
        which = "the daemon" if int(other[1][:9]) > int(wire.VERSION[1:]) else "the client"
        return document(
            problems.problem(
                "unknown_api_version",
                f"This daemon (ml-intern {__version__}) speaks API {wire.VERSION}, not "
                f"v{other[1][:9]}; upgrade {which}.",
            )
        )
    return document(
        problems.problem(
            "unknown_path",
            f"There is nothing at this path; /{wire.VERSION}/openapi.json says what there is.",
        )
    )


async def confess(request: Request, exc: Exception) -> Response:
    """The answer to a mistake of ours; Starlette raises it again, so that the log has it."""
    return document(
        problems.problem(
            "internal_error",
            "The service made a mistake; its log says which. What was asked for may have been "
            "accepted: look before you repeat it.",
        )
    )


def document(found: Problem) -> Response:
    """A problem as an answer."""
    headers = problems.headers(found)
    if found.code in _LEFT_UNREAD:
        headers["Connection"] = "close"
    return Response(problems.encode(found), status_code=found.status, headers=headers)
