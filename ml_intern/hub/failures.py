"""What the Hub's client raises, as ours: translated once, by who must act."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from email.utils import parsedate_to_datetime

import httpx
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled
from huggingface_hub.utils import parse_ratelimit_headers  # type: ignore[attr-defined]

from ml_intern.clock import SystemClock
from ml_intern.errors import HubAway, HubError, HubOvertaken, HubRefused
from ml_intern.hub.protocol import OFFLINE
from ml_intern.wording import sentence

NOT_NOW = frozenset((408, 429, 500, 502, 503, 504))
"""Answers of a Hub that will do it later."""
ANOTHER_TOKEN = "Set HF_TOKEN or hf_token to another one, or say `hf auth login`."
_LONGEST_SAID = 300


@contextmanager
def translated(about: str) -> Iterator[None]:
    """What is raised in the block, as HubAway, HubRefused or HubOvertaken. `about`: what was asked
    for.
    """
    try:
        yield
    except OfflineModeIsEnabled as exc:
        raise HubAway(OFFLINE) from exc
    except HfHubHTTPError as exc:
        raise _refused(about, exc.response) from exc
    except RuntimeError as exc:  # around what went wrong with one file in LFS
        raise _of_a_file(about, exc) from exc
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as exc:
        raise HubRefused(f"that is no address of a Hub: {exc}", reason="other") from exc
    except (UnicodeEncodeError, httpx.LocalProtocolError) as exc:  # their words hold the token
        raise HubRefused("the token holds what no token has", reason="token") from exc
    except (httpx.HTTPError, OSError) as exc:
        raise HubAway(f"the Hub cannot be reached ({_why(exc)})") from exc
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise HubAway(f"the Hub's answer cannot be read ({type(exc).__name__}: {exc})") from exc


def _of_a_file(about: str, exc: RuntimeError) -> HubError:
    match exc.__cause__:
        case HfHubHTTPError(response=response):
            return _refused(about, response)
        case HubError() as ours:
            return ours
        case httpx.HTTPError() | OSError() as cause:
            return HubAway(f"the Hub's storage cannot be reached ({_why(cause)})")
        case _:
            return HubAway(f"{about}: {exc}")


def _why(exc: Exception) -> str:
    if isinstance(exc, httpx.TimeoutException):
        return "it did not answer in time"
    if isinstance(exc, httpx.ConnectError):  # a name, a port, a certificate
        return str(exc)
    return type(exc).__name__


def _refused(about: str, response: httpx.Response) -> HubError:
    status = response.status_code
    said = response.headers.get("X-Error-Message", "")[:_LONGEST_SAID] or f"status {status}"
    match status:
        case 401 if "Authorization" not in response.request.headers:
            return HubRefused(f"{about} is not there, or only for a token to see", reason="token")
        case 401:
            words = f"the Hub does not accept the token: {sentence(said)} {ANOTHER_TOKEN}"
            return HubRefused(words, reason="token")
        case 403 if response.headers.get("X-Error-Code") == "GatedRepo":
            words = f"{about} is for those whom its owner has let in; ask on its page"
            return HubRefused(words, reason="right")
        case 403:
            words = f"the token may not do that to {about}: {said}"
            return HubRefused(words, reason="right")
        case 404:
            return HubRefused(f"{about}: {said}", reason="missing")
        case 400 | 413 | 422:
            return HubRefused(f"{about}: {said}", reason="content")
        case 409 | 412:
            return HubOvertaken(f"{about}: {said}")
        case 429:
            return HubAway("the Hub limits our requests", retry_after_s=wait_s(response.headers))
        case _ if status in NOT_NOW:
            words = f"the Hub answered with status {status}"
            return HubAway(words, retry_after_s=wait_s(response.headers))
        case _:
            return HubRefused(f"{about}: {said}", reason="other")


def wait_s(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """The seconds from `now` that an answer names until there is room again."""
    limit = parse_ratelimit_headers(headers)
    if limit is not None and limit.remaining == 0:
        return float(limit.reset_in_seconds)
    given = headers.get("Retry-After", "").strip()
    if given.isascii() and given.isdigit():
        return float(given)
    try:
        until = parsedate_to_datetime(given)
        return max(0.0, (until - (now or SystemClock().now())).total_seconds())
    except (ValueError, TypeError):  # TypeError: a date without its zone
        return None
