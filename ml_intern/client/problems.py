"""Errors as they travel over the socket: RFC 9457 problem documents, made and read here alone.

The daemon makes a document of an error, `RemoteDoor` makes the same error of the document: same
class, same words. `code` says which; programs match it, people read `detail`.
"""

import math
from dataclasses import dataclass

import pydantic

from ml_intern.client.wire import Codec
from ml_intern.errors import (
    ApiError,
    Busy,
    ConfigError,
    Draining,
    InputError,
    MLInternError,
    StateConflict,
    StoreUnavailable,
    UnknownSession,
)

MEDIA_TYPE = "application/problem+json"
_SHOWN = 200


class ApiRefusal(ApiError):
    """A request that no door was asked about: the daemon could not make sense of it."""

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One sort of problem: its code, its status, and what the caller of a remote door gets."""

    code: str
    status: int
    title: str
    error: type[MLInternError] = ApiRefusal


@dataclass(frozen=True, kw_only=True)
class Problem:
    """The document."""

    code: str
    title: str
    status: int
    detail: str
    """What was wrong, and what to do next."""
    retry_after_s: float | None = None


# What a door raises; for each class its own kind, or that of the nearest class above it.
_OF_DOORS = (
    Kind(code="busy", status=429, title="Too much is waiting", error=Busy),
    Kind(code="draining", status=503, title="The service is stopping", error=Draining),
    Kind(code="unknown_session", status=404, title="No such session", error=UnknownSession),
    Kind(code="invalid_input", status=422, title="The input cannot be used", error=InputError),
    Kind(code="wrong_setting", status=422, title="A setting is in the way", error=ConfigError),
    Kind(code="state_conflict", status=409, title="Somebody was first", error=StateConflict),
    Kind(
        code="store_unavailable",
        status=503,
        title="The store cannot be used",
        error=StoreUnavailable,
    ),
    Kind(code="failed", status=500, title="It failed", error=MLInternError),
)
# What the socket itself refuses.
_OF_SOCKET = (
    Kind(code="malformed_request", status=400, title="The request is not HTTP/1.1"),
    Kind(code="malformed_json", status=400, title="The body is not JSON"),
    Kind(code="unknown_path", status=404, title="No such path"),
    Kind(code="unknown_api_version", status=404, title="No such API version"),
    Kind(code="wrong_method", status=405, title="Not with this method"),
    Kind(code="too_slow", status=408, title="The request took too long"),
    Kind(code="too_large", status=413, title="The body is too large", error=InputError),
    Kind(code="wrong_content_type", status=415, title="The body has another type"),
    Kind(code="invalid_request", status=422, title="The body has the wrong form"),
    Kind(code="invalid_parameter", status=422, title="A parameter has the wrong form"),
    Kind(code="internal_error", status=500, title="The service made a mistake"),
    Kind(code="too_many_connections", status=503, title="Too many connections", error=Busy),
)
DOCUMENT: Codec[Problem] = Codec(Problem)
KINDS = {kind.code: kind for kind in (*_OF_DOORS, *_OF_SOCKET)}
_CODES = {kind.error: kind.code for kind in _OF_DOORS}


def problem_of(error: MLInternError) -> Problem:
    """The document of an error."""
    retry_after_s = error.retry_after_s if isinstance(error, Busy) else None
    return problem(_code_of(error), str(error), retry_after_s=retry_after_s)


def problem(code: str, detail: str, *, retry_after_s: float | None = None) -> Problem:
    """A document with this code."""
    kind = KINDS[code]
    return Problem(
        code=code,
        title=kind.title,
        status=kind.status,
        detail=detail,
        retry_after_s=retry_after_s,
    )


def headers(found: Problem) -> dict[str, str]:
    """The headers that go with a document."""
    if found.retry_after_s is None:
        return {"Content-Type": MEDIA_TYPE}
    return {"Content-Type": MEDIA_TYPE, "Retry-After": str(math.ceil(found.retry_after_s))}


def encode(found: Problem) -> bytes:
    """The document as JSON; half surrogates, which a path from the system may hold, become `?`."""
    words = found.detail.encode("utf-8", "replace").decode()
    plain = problem(found.code, words, retry_after_s=found.retry_after_s)
    return DOCUMENT.encode(plain)


def error_of(document: bytes) -> MLInternError:
    """The error that `problem_of` made this document of.

    An ApiError for one that is none of ours, or has a code that we do not know.
    """
    try:
        found = DOCUMENT.decode(document)
    except pydantic.ValidationError:
        words = document[:_SHOWN].decode("utf-8", "replace").strip() or "nothing"
        return ApiError(f"The daemon refused, in words that it should not use: {words}")
    kind = KINDS.get(found.code)
    if kind is None or kind.error is ApiRefusal:
        return ApiRefusal(found.detail, code=found.code)
    if issubclass(kind.error, Busy):
        return kind.error(found.detail, retry_after_s=found.retry_after_s or 1.0)
    return kind.error(found.detail)


def _code_of(error: MLInternError) -> str:
    if isinstance(error, ApiRefusal):
        return error.code
    return next(_CODES[found] for found in type(error).__mro__ if found in _CODES)
