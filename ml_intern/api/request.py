"""What the socket itself demands of a request, before any door is asked."""

import asyncio
from collections.abc import Sequence
from typing import Any, TypeVar
from urllib.parse import unquote

import pydantic
import pydantic_core
from starlette.datastructures import Headers, QueryParams
from starlette.types import Receive

from ml_intern.api.bounds import Bounds
from ml_intern.client.problems import ApiRefusal
from ml_intern.client.wire import LARGEST_NUMBER, LONGEST_ID_CHARS, LONGEST_KEY_CHARS, Codec

_MOST_DIGITS = 10
KEY_HEADER = "Idempotency-Key"
CURSOR_HEADER = "Last-Event-ID"

T = TypeVar("T")


class ClientGone(Exception):
    """The client left before it had sent its request: there is nobody to answer."""


async def read_body(headers: Headers, receive: Receive, bounds: Bounds) -> bytes:
    """The whole body; nothing is read beyond the bounds. Raises ApiRefusal, ClientGone."""
    _demand_json(headers)
    declared = headers.get("content-length", "0")
    if len(declared) > _MOST_DIGITS or int(declared) > bounds.body_bytes:
        raise _too_large(bounds.body_bytes)
    try:
        async with asyncio.timeout(bounds.body_s):
            return await _read(receive, bounds.body_bytes)
    except TimeoutError as exc:
        raise ApiRefusal(
            f"The body was not there after {bounds.body_s:.0f} s; send the request again.",
            code="too_slow",
        ) from exc


async def _read(receive: Receive, most_bytes: int) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        body += message.get("body", b"")
        if len(body) > most_bytes:
            raise _too_large(most_bytes)
        if not message.get("more_body", False):
            return bytes(body)


def _too_large(most_bytes: int) -> ApiRefusal:
    return ApiRefusal(
        f"The body has more than {most_bytes:,} bytes; put long material into a file and "
        "name its path.",
        code="too_large",
    )


def _demand_json(headers: Headers) -> None:
    kind, _, parameters = headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower()
    is_utf8 = charset in ("", "charset=utf-8", 'charset="utf-8"')
    if kind.strip().lower() != "application/json" or not is_utf8:
        raise ApiRefusal(
            "The body must be JSON in UTF-8; send the header `Content-Type: application/json`.",
            code="wrong_content_type",
        )


def parse_body(body: bytes, codec: Codec[T]) -> T:
    """Raises ApiRefusal, which says where the body is not JSON or what in it is wrong."""
    try:
        # Python's and pydantic's own readers let NaN pass, which no other reader understands.
        pydantic_core.from_json(body, allow_inf_nan=False)
    except ValueError as exc:
        raise ApiRefusal(f"The body is not JSON: {exc}.", code="malformed_json") from exc
    try:
        return codec.decode(body)
    except pydantic.ValidationError as exc:
        raise ApiRefusal(f"In the body, {_explain(exc)}.", code="invalid_request") from exc


def parse_query(query: bytes, codec: Codec[T]) -> T:
    """Raises ApiRefusal for a parameter that is unknown, or of the wrong form."""
    found = QueryParams(query)
    named = [name for name, _ in found.multi_items()]
    if len(named) > len(found):
        raise _wrong_parameter("A parameter is given twice; give it once.")
    try:
        return codec.adapter.validate_python(dict(found))
    except pydantic.ValidationError as exc:
        raise _wrong_parameter(f"In the query, {_explain(exc)}.") from exc


def parse_subject(part: str) -> str:
    """The id in the path, as whoever sent it meant it. Raises ApiRefusal."""
    try:
        subject = unquote(part, errors="strict")
    except UnicodeDecodeError as exc:
        raise _wrong_parameter(
            "The id in the path is not UTF-8; look at how it is escaped."
        ) from exc
    if len(subject) > LONGEST_ID_CHARS:
        raise _wrong_parameter(
            f"The id in the path has {len(subject):,} characters; ids have at most "
            f"{LONGEST_ID_CHARS}."
        )
    return subject


def parse_key(headers: Headers) -> str | None:
    """The idempotency key. Raises ApiRefusal."""
    written = headers.get(KEY_HEADER)
    if written is None:
        return None
    key = unquote(written)
    if not 1 <= len(key) <= LONGEST_KEY_CHARS:
        raise _wrong_parameter(
            f"{KEY_HEADER} has {len(key):,} characters; give 1 to {LONGEST_KEY_CHARS}, such as a "
            "UUID."
        )
    return key


def parse_cursor(headers: Headers, after: int) -> int:
    """From where to go on: a client that reconnects knows better than its first address."""
    written = headers.get(CURSOR_HEADER)
    if written is None:
        return after
    if not (written.isascii() and written.isdigit() and len(written) <= 19):
        raise _wrong_parameter(f"{CURSOR_HEADER} must be the number of an event.")
    return min(int(written), LARGEST_NUMBER)


def wants_stream(headers: Headers) -> bool:
    """Whether the client accepts server-sent events."""
    return "text/event-stream" in headers.get("accept", "").lower()


def _wrong_parameter(words: str) -> ApiRefusal:
    return ApiRefusal(words, code="invalid_parameter")


def _explain(exc: pydantic.ValidationError) -> str:
    return "; ".join(
        f"{_place(error['loc'])}{error['msg'][0].lower()}{error['msg'][1:]}"
        for error in exc.errors(include_url=False, include_input=False)
    )


def _place(loc: Sequence[Any]) -> str:
    where = ".".join(str(part) for part in loc)
    return f"{where}: " if where else ""
