"""What went wrong between us and a provider: one of three errors, and its `trouble`.

LiteLLM sorts errors by words that it finds in them, and wrongly often enough (a 500 becomes a "bad
request", a missing module a "connection error"). So this goes back to the first cause: the HTTP
status that was really sent, the socket that really failed. Every sentence names the model and its
address, says what to do next, and holds no key.
"""

import json
import math
import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

import httpx

from ml_intern.errors import ContextOverflow, ModelError, Refused, Retryable, Trouble
from ml_intern.llm.hosted.meaning import Meaning, by_status, meaning_of
from ml_intern.llm.hosted.names import Endpoint
from ml_intern.llm.hosted.words import Said, said_by, said_in

LONGEST_WORDS = 300
"""Characters of what a provider says that go into our sentence."""

_LITELLM_PREFIX = re.compile(r"^(?:litellm\.\w+: )+")
_OVERLOADED = (529, 503)


class MalformedChunk(Exception):
    """A line of a stream is not what it should be."""


class AnswerTooLong(Refused):
    """A longer answer was asked for than the model gives, or than the conversation leaves room for.

    `most`: tokens, if the provider said. `window`: of both together, where it is that which is
    too small.
    """

    def __init__(
        self, message: str, *, text: str = "", most: int | None = None, window: int | None = None
    ) -> None:
        super().__init__(message, text=text)
        self.most = most
        self.window = window


@dataclass(frozen=True, kw_only=True)
class Moment:
    """When it went wrong: how far the answer had come."""

    content_type: str | None = None
    """What the provider said that it would send; None when it had not yet accepted the request."""
    text: str = ""

    @property
    def is_page(self) -> bool:
        return "html" in (self.content_type or "")


def error_from(cause: BaseException, endpoint: Endpoint, moment: Moment) -> ModelError:
    """The error to raise for what LiteLLM, or what lies below it, raised."""
    causes = list(_causes(cause))
    error = _error_from(causes, endpoint, moment)
    error.is_free = moment.content_type is None and _was_turned_away(causes)
    return error


def _was_turned_away(causes: list[BaseException]) -> bool:
    """Nothing was answered, so nothing is billed. Of other troubles of a server nobody knows."""
    for each in causes:
        if isinstance(each, httpx.HTTPStatusError):
            status = each.response.status_code
            return (status < 500 and status != 408) or status in _OVERLOADED
    unreachable = (
        ssl.SSLCertVerificationError,
        socket.gaierror,
        ConnectionRefusedError,
        httpx.ConnectError,
        httpx.ConnectTimeout,
    )
    return any(isinstance(each, unreachable) for each in causes)


def _error_from(causes: list[BaseException], endpoint: Endpoint, moment: Moment) -> ModelError:
    for each in causes:
        if isinstance(each, httpx.HTTPStatusError):
            return _by_status(each.response, endpoint, moment)
    if moment.is_page:
        return incomplete(endpoint, moment)
    for each in causes:
        if isinstance(each, httpx.TransportError):
            return _by_transport(causes, endpoint, moment)
        if isinstance(each, MalformedChunk | json.JSONDecodeError | UnicodeDecodeError):
            return malformed(endpoint, moment.text)
    return _by_words(causes, endpoint, moment)


def incomplete(endpoint: Endpoint, moment: Moment) -> ModelError:
    """For a stream that ended without saying that it was complete."""
    if moment.is_page:
        return Refused(
            f"{endpoint.who} sent a web page instead of an answer. {_check_address(endpoint)}",
            text=moment.text,
            trouble="model",
        )
    kind = "" if moment.text else f" (of the type {moment.content_type or 'unknown'})"
    return _broken(endpoint, moment.text, f"ended its answer{kind} before it was complete")


def late(endpoint: Endpoint, timeout_s: float) -> ModelError:
    """For a model that has not begun to answer in time."""
    return _broken(
        endpoint,
        "",
        f"has not begun to answer within {timeout_s:g} s (`request_timeout_s`): it is overloaded, "
        "or still loads the model",
    )


def silent(endpoint: Endpoint, text: str, timeout_s: float) -> ModelError:
    """For a stream without a sign of life."""
    return _broken(
        endpoint,
        text,
        f"fell silent in the middle of its answer for {timeout_s:g} s (`stall_timeout_s`)",
    )


def malformed(endpoint: Endpoint, text: str) -> ModelError:
    """For a piece of an answer that cannot be read."""
    return _broken(endpoint, text, "sent something that is not JSON in the middle of its answer")


def filtered(endpoint: Endpoint, text: str) -> ModelError:
    """For an answer that the provider cut off for what it says."""
    return Refused(
        f"The content filter of {endpoint.who} stopped the answer. "
        "Word the task differently, or choose another model (`model`).",
        text=text,
        trouble="content",
    )


def _broken(endpoint: Endpoint, text: str, what: str) -> ModelError:
    return Retryable(
        f"{endpoint.who} {what}. It can be asked again; if this goes on, look at the server, or "
        "choose another model (`model`).",
        text=text,
    )


def _causes(cause: BaseException) -> Iterator[BaseException]:
    """The error and everything that led to it."""
    seen: list[BaseException] = []
    rest: list[BaseException | None] = [cause]
    while rest:
        each = rest.pop()
        if each is None or each in seen:
            continue
        seen.append(each)
        yield each
        rest += [each.__context__, each.__cause__, getattr(each, "original_exception", None)]


def _by_status(response: httpx.Response, endpoint: Endpoint, moment: Moment) -> ModelError:
    said = said_in(_body(response))
    status = response.status_code
    meant = meaning_of(said.whole) or Meaning(trouble=by_status(status))
    if status == 402:
        meant = Meaning(trouble="billing")
    elif status >= 500 and meant.trouble not in ("context", "rate"):
        # A gateway may well say in its 502 that a model behind it "does not exist".
        meant = Meaning(trouble="away")
    words = _shown(said, endpoint)
    if meant.trouble in ("away", "rate"):
        return _come_back(response, meant.trouble, words, endpoint, moment.text)
    error = _by_meaning(meant, words, endpoint, moment)
    return error or _refused(f" ({status})", meant.trouble, words, endpoint, moment.text)


def _by_meaning(
    meant: Meaning, words: str, endpoint: Endpoint, moment: Moment
) -> ModelError | None:
    """For what is the same under every status; None: the status belongs in the sentence."""
    who, said = endpoint.who, _said(words)
    match meant.trouble:
        case "context":
            return ContextOverflow(
                f"The conversation is too long for {who}{said}. Sum it up (`ml-intern compact`), "
                "or choose a model with a larger window (`model`).",
                text=moment.text,
                window=meant.tokens,
            )
        case "request" if meant.is_of_the_answer:
            return AnswerTooLong(
                f"{who} gives no answer as long as it was asked for{said}. "
                "Set `max_output_tokens` lower.",
                text=moment.text,
                most=meant.tokens,
                window=meant.window,
            )
        case "billing":
            sentence = (
                f"The account behind {who} has no credit left{said}. "
                "Top it up at the provider, or choose another model (`model`)."
            )
        case "content":
            sentence = (
                f"{who} refuses to answer this conversation for what it says{said}. "
                "Word the task differently, or choose another model (`model`)."
            )
        case "effort":
            sentence = (
                f"{who} does not think as hard as it was asked to{said}. "
                "Set `reasoning_effort` lower, or to `none`, or choose another model (`model`)."
            )
        case "thinking":
            sentence = (
                f"{who} does not take the thoughts of its earlier answers as they came{said}. "
                "Set `reasoning_effort` to `none`, or choose another model (`model`)."
            )
        case _:
            return None
    return Refused(sentence, text=moment.text, trouble=meant.trouble)


def _come_back(
    response: httpx.Response,
    trouble: Literal["away", "rate"],
    words: str,
    endpoint: Endpoint,
    text: str,
) -> Retryable:
    status = response.status_code
    wait_s = retry_after(response.headers, datetime.now(UTC))
    what = {
        408: "waited too long for the request",
        504: "got no answer from the servers behind it",
    }.get(status, "is overloaded" if status in _OVERLOADED else "has trouble of its own")
    if trouble == "rate":
        what = "limits how often it may be asked"
    when = "in a while" if wait_s is None else f"in {wait_s:g} s, as it says"
    return Retryable(
        f"{endpoint.who} {what} ({status}){_said(words)}. It can be asked again {when}; "
        "if this goes on, choose another model (`model`).",
        retry_after_s=wait_s,
        text=text,
        trouble=trouble,
    )


def _refused(status: str, trouble: Trouble, words: str, endpoint: Endpoint, text: str) -> Refused:
    """`status`: as it stands in the sentence; empty where none came."""
    return Refused(_refusal(status, trouble, words, endpoint), text=text, trouble=trouble)


def _refusal(status: str, trouble: Trouble, words: str, endpoint: Endpoint) -> str:
    who, said = endpoint.who, f"{status}{_said(words)}"
    match trouble:
        case "authentication" if endpoint.key is None:
            return f"{who} wants a key{said}. Set {endpoint.key_hint}."
        case "authentication" if "403" in status:
            return (
                f"{who} does not let this key use the model{said}. Ask the provider for "
                "access, or choose another model (`model`)."
            )
        case "authentication":
            return f"{who} does not accept the key{said}. Set {endpoint.key_hint} anew."
        case "model":
            return f"{who} knows no such model or address{said}. {_check_address(endpoint)}"
        case _ if status.startswith(" (3"):
            return (
                f"{who} sends us to another address{status}, where its key must not go. "
                f"{_check_address(endpoint)}"
            )
        case _:
            return (
                f"{who} rejects the request{said}. To ask again will not help: choose "
                "another model (`model`), and report this if others take the same conversation."
            )


def _check_address(endpoint: Endpoint) -> str:
    advice = endpoint.provider.advice
    return f"Check the name of the model and its address (`api_base`).{advice and ' '}{advice}"


def _by_transport(causes: list[BaseException], endpoint: Endpoint, moment: Moment) -> ModelError:
    def happened(*kinds: type[BaseException]) -> bool:
        return any(isinstance(each, kinds) for each in causes)

    where = endpoint.address or f"the provider of {endpoint.name}"
    advice = endpoint.provider.advice
    if happened(ssl.SSLCertVerificationError):
        return Refused(
            f"The certificate of {where} is not trusted, so {endpoint.name} cannot be asked. "
            "Correct the address (`api_base`), or name your authority in SSL_CERT_FILE.",
            text=moment.text,
            trouble="away",
        )
    if happened(socket.gaierror):
        what = f"The host of {where} is not found"
    elif happened(ConnectionRefusedError):
        what = f"Nobody answers at {where}"
    elif happened(httpx.ConnectError, httpx.ConnectTimeout):
        what = f"{where} cannot be reached"
    elif happened(httpx.TimeoutException):
        return _broken(endpoint, moment.text, "did not answer in time")
    elif moment.content_type is not None:
        return _broken(
            endpoint, moment.text, "closed the connection before its answer was complete"
        )
    else:
        return _broken(endpoint, moment.text, "closed the connection without an answer")
    return Retryable(
        f"{what}, so {endpoint.name} cannot be asked. Start the server, or check the network and "
        f"the address (`api_base`).{advice and ' '}{advice}",
        text=moment.text,
    )


def _by_words(causes: list[BaseException], endpoint: Endpoint, moment: Moment) -> ModelError:
    """For what came without a status: an error inside a stream, or a fault before the request."""
    told = [said for each in causes if (said := _told(each)).words]
    said = told[-1] if told else said_in(_named(causes[-1]))
    words = _shown(said, endpoint)
    meant = meaning_of(said.whole)
    if meant is not None and (error := _by_meaning(meant, words, endpoint, moment)) is not None:
        return error
    if moment.content_type is not None:
        if meant is not None and meant.trouble in ("authentication", "model"):
            return _refused("", meant.trouble, words, endpoint, moment.text)
        broken = _broken(endpoint, moment.text, f"broke off its answer{_said(words)}")
        broken.trouble = "rate" if meant is not None and meant.trouble == "rate" else "away"
        return broken
    return Refused(
        f"LiteLLM cannot ask {endpoint.who}{_said(words)}. Check the settings of this model, or "
        "choose another one (`model`).",
        text=moment.text,
    )


def _told(cause: BaseException) -> Said:
    """What a provider said in its stream, if this error is the one that took it from there."""
    body = getattr(cause, "body", None)
    if isinstance(body, Mapping | str):
        return said_by({"error": body})
    is_wrapping = type(cause).__module__.startswith("litellm.exceptions")
    return Said() if is_wrapping else said_in(str(getattr(cause, "message", "")))


def _named(cause: BaseException) -> str:
    """The first cause, as a sentence that still makes sense out of its place."""
    text = _LITELLM_PREFIX.sub("", str(cause))
    is_plain = type(cause).__module__.startswith(("litellm", "openai"))
    return text if is_plain else f"{type(cause).__name__}: {text}"


def _body(response: httpx.Response) -> str:
    with suppress(httpx.StreamError):  # a body that was never read
        return response.text
    return ""


def _shown(said: Said, endpoint: Endpoint) -> str:
    """What the provider said, short and without the key."""
    line = said.words.replace(endpoint.key, "[key]") if endpoint.key else said.words
    return line if len(line) <= LONGEST_WORDS else f"{line[:LONGEST_WORDS]}..."


def _said(words: str) -> str:
    return f": {words}" if words else ""


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """The seconds that a provider asks us to wait; None when it does not say, or not in a form."""
    seconds = math.nan
    value = headers.get("retry-after", "")
    with suppress(ValueError, TypeError):
        seconds = (parsedate_to_datetime(value) - now).total_seconds()
    with suppress(ValueError):
        seconds = float(value)
    with suppress(ValueError, KeyError):
        seconds = float(headers["retry-after-ms"]) / 1000
    return max(0.0, seconds) if math.isfinite(seconds) else None
