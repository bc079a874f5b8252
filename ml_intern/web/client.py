"""The one client of a process for everything outside: where it goes, how often, and how long."""

import hashlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpcore
import httpx
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from ml_intern.clock import Clock
from ml_intern.errors import OutsideError
from ml_intern.web.addresses import Guarded, is_home, place_of
from ml_intern.web.body import PACKED, charset_of, pieces
from ml_intern.web.cache import Cache
from ml_intern.web.pace import Pace
from ml_intern.web.page import Page
from ml_intern.web.patience import Patience, stopped
from ml_intern.web.service import Service

CONNECT_S, ANSWER_S = 10.0, 30.0
LONGEST_S = 300.0
"""For one question from its first byte to its last, all tries together."""
MOST_BYTES = 32 << 20
MOST_REDIRECTS = 5
TRIES = 3
CUT_OFF_S = 30.0
"""For so long after nothing could be connected to, one try to connect is enough for everything: a
machine without a network says so at once.
"""
LONGEST_WAIT_S = 20.0
"""That a caller waits because a service says so; then it is told how long it would be."""
LEFT_ALONE_S = 3600.0
"""At most, whatever a service says: it may be wrong."""
A_YEAR_S = 366 * 86_400.0
"""No service is taken at its word for longer."""
KEPT = ("etag", "link", "x-error-code", "last-modified")
"""Headers of an answer that callers may look at."""
Params = Mapping[str, str | int | Sequence[str] | None]
"""A sequence is given as often as it is long; None not at all."""


class Web:
    """Safe from any thread."""

    def __init__(
        self,
        services: Iterable[Service],
        cache: Cache,
        clock: Clock,
        *,
        user_agent: str,
        is_offline: Callable[[], bool] = bool,
    ) -> None:
        """`user_agent`: who we are, and how we can be reached."""
        self._services = {service.name: service for service in services}
        self._paces = {name: Pace(each.interval_s, clock) for name, each in self._services.items()}
        self._cache = cache
        self._clock = clock
        self._is_offline = is_offline
        self._patience = Patience(clock)
        self._cut_off_until = 0.0
        """Monotonic; one float, so threads need no lock for it."""
        self._client = httpx.Client(
            transport=_transport(self._services.values(), self._patience),
            timeout=httpx.Timeout(ANSWER_S, connect=CONNECT_S),
            headers={"User-Agent": user_agent, "Accept-Encoding": PACKED},
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),  # none is kept, or sent
            follow_redirects=False,
        )

    def close(self) -> None:
        """Hang up everywhere."""
        self._client.close()

    def service(self, name: str) -> Service:
        """By its name; KeyError for one that does not exist is our bug."""
        return self._services[name]

    def get(
        self,
        name: str,
        path: str,
        params: Params | None = None,
        *,
        accept: str = "application/json",
        fresh_s: float | None = None,
        or_old: bool = True,
        most_bytes: int = MOST_BYTES,
        cancelled: threading.Event | None = None,
    ) -> Page:
        """What the service answers to a GET of `path` below its base URL, with a query of `params`.

        An answer in the cache that is younger than `fresh_s` (None: as the service has it) is used;
        an older one where the service is away (`Page.is_old`), unless `or_old` is false.
        Raises OutsideError, also when `cancelled`.
        """
        service = self._services[name]
        url = httpx.URL(service.base_url + path, params=_given(params))
        return self._cached(service, url, accept, fresh_s, most_bytes, cancelled, or_old)

    def part(
        self,
        name: str,
        path: str,
        first: int,
        size_bytes: int,
        *,
        cancelled: threading.Event | None = None,
    ) -> bytes:
        """So many bytes of the file at `path`, from the byte `first` on (RFC 9110, 14.2).

        Not cached. Raises as `get` does: `refused` where the service gives whole files only.
        """
        service = self._services[name]
        request = self._client.build_request(
            "GET",
            httpx.URL(service.base_url + path),
            headers={
                **service.secrets(),
                "Accept": "*/*",
                "Accept-Encoding": "identity",
                "Range": f"bytes={first}-{first + size_bytes - 1}",
            },
        )
        found = self._asked(service, request, size_bytes, cancelled or threading.Event()).content
        if len(found) != size_bytes:
            raise OutsideError(
                f"{_shown(request.url)} ends before byte {first + size_bytes:,}.", trouble="broken"
            )
        return found

    def post(
        self,
        name: str,
        path: str,
        document: Any,
        params: Params | None = None,
        *,
        most_bytes: int = MOST_BYTES,
        cancelled: threading.Event | None = None,
    ) -> Page:
        """What it answers to a question that is too long for a URL; it must change nothing there.

        Not cached. Raises as `get` does.
        """
        service = self._services[name]
        request = self._client.build_request(
            "POST",
            httpx.URL(service.base_url + path, params=_given(params)),
            json=document,
            headers={**service.secrets(), "Accept": "application/json"},
        )
        return self._asked(service, request, most_bytes, cancelled or threading.Event())

    def fetch(
        self,
        url: str,
        *,
        accept: str = "*/*",
        fresh_s: float = 3600.0,
        most_bytes: int = MOST_BYTES,
        cancelled: threading.Event | None = None,
    ) -> Page:
        """Any public address, without a secret. Raises as `get` does."""
        try:
            parsed = httpx.URL(url)
            is_public = parsed.scheme in ("http", "https") and parsed.host and not parsed.userinfo
        except (httpx.InvalidURL, UnicodeError) as exc:
            raise OutsideError(f"{url!r} is no URL: {exc}.", trouble="address") from exc
        if not is_public:
            raise OutsideError(f"{url!r} is no public http(s) address.", trouble="address")
        anybody = Service(name=parsed.host, base_url=f"{parsed.scheme}://{parsed.netloc.decode()}")
        return self._cached(anybody, parsed, accept, fresh_s, most_bytes, cancelled)

    # From the cache, or asked

    def _cached(
        self,
        service: Service,
        url: httpx.URL,
        accept: str,
        fresh_s: float | None,
        most_bytes: int,
        cancelled: threading.Event | None,
        or_old: bool = True,
    ) -> Page:
        secrets = service.secrets()
        key = f"GET {url} {accept} {_of(secrets)}"
        known = self._cache.get(key)
        if known is not None and self._age_s(known) < _or(fresh_s, service.fresh_s):
            return known
        request = self._client.build_request("GET", url, headers={**secrets, "Accept": accept})
        if known is not None and (etag := known.headers.get("etag")):
            request.headers["If-None-Match"] = etag
        try:
            page = self._asked(service, request, most_bytes, cancelled or threading.Event())
        except _NotModified:
            assert known is not None, "only then it is told so"
            page = replace(known, fetched=self._clock.now())
        except OutsideError as exc:
            if known is None or not or_old or exc.trouble not in ("away", "limited"):
                raise
            return replace(known, is_old=True)
        self._cache.put(key, page)
        return page

    def _age_s(self, page: Page) -> float:
        """One from the future tells nothing of its age."""
        age_s = (self._clock.now() - page.fetched).total_seconds()
        return age_s if age_s >= 0 else float("inf")

    def _asked(
        self, service: Service, request: httpx.Request, most_bytes: int, cancelled: threading.Event
    ) -> Page:
        if self._is_offline():
            raise OutsideError(
                f"{service.called} was not asked: HF_HUB_OFFLINE is set, so nothing outside is.",
                trouble="away",
            )
        tries = Retrying(
            stop=stop_after_attempt(TRIES),
            wait=wait_exponential_jitter(initial=1.0, max=8.0),
            retry=retry_if_exception(self._is_worth_another_try),
            sleep=lambda seconds: self._pause(seconds, cancelled),
            reraise=True,
        )
        left = _Left(LONGEST_S)
        try:
            return tries(self._once, service, request, most_bytes, left, cancelled)
        except OutsideError as exc:
            if _is_unconnected(exc):
                self._cut_off_until = self._clock.monotonic() + CUT_OFF_S
            raise

    def _is_worth_another_try(self, exc: BaseException) -> bool:
        is_cut_off = self._clock.monotonic() < self._cut_off_until
        return _passes_by_itself(exc) and not (is_cut_off and _is_unconnected(exc))

    def _pause(self, seconds: float, cancelled: threading.Event) -> None:
        if self._clock.wait(cancelled, seconds):
            raise stopped()

    def _once(
        self,
        service: Service,
        request: httpx.Request,
        most_bytes: int,
        left: "_Left",
        cancelled: threading.Event,
    ) -> Page:
        self._take_turn(service, cancelled)
        began = self._clock.monotonic()
        try:
            with self._patience.of(began + left.seconds, cancelled):
                return self._answer(service, request, most_bytes)
        except httpx.TimeoutException as exc:
            raise OutsideError(
                f"{service.called} ({_shown(request.url)}) did not answer in time.", trouble="away"
            ) from exc
        except (httpx.InvalidURL, UnicodeError) as exc:  # of a redirect
            raise OutsideError(
                f"{service.called} ({_shown(request.url)}) redirects to what is no address: {exc}.",
                trouble="broken",
            ) from exc
        except httpx.HTTPError as exc:
            raise OutsideError(
                f"{service.called} ({_shown(request.url)}) is out of reach: {_why(exc)}.",
                trouble="away",
            ) from exc
        finally:
            left.seconds -= self._clock.monotonic() - began

    def _take_turn(self, service: Service, cancelled: threading.Event) -> None:
        """Raises OutsideError where that would be too long to wait for."""
        pace = self._paces.get(service.name)
        if pace is None:
            return
        if (wait_s := pace.wait_s()) > LONGEST_WAIT_S:
            raise _limited(service, wait_s)
        if not pace.turn(cancelled):
            raise stopped()

    def _answer(self, service: Service, request: httpx.Request, most_bytes: int) -> Page:
        response = self._followed(service, request)
        self._cut_off_until = 0.0
        try:
            return self._read(service, response, most_bytes)
        finally:
            response.close()

    def _followed(self, service: Service, request: httpx.Request) -> httpx.Response:
        """The response after all redirects; what is secret stays with its own host."""
        home = httpx.URL(service.base_url)
        for _ in range(MOST_REDIRECTS + 1):
            if not is_home(home, request.url):
                for header in service.secrets():
                    request.headers.pop(header, None)
            response = self._client.send(request, stream=True)
            if response.next_request is None:
                return response
            response.close()
            request = response.next_request
        raise OutsideError(
            f"{service.called} redirects more than {MOST_REDIRECTS} times.", trouble="broken"
        )

    def _read(self, service: Service, response: httpx.Response, most_bytes: int) -> Page:
        is_asked = "if-none-match" in response.request.headers
        if response.status_code == httpx.codes.NOT_MODIFIED and is_asked:
            raise _NotModified
        if not response.is_success:
            raise self._error(service, response)
        if "range" in response.request.headers:
            _check_is_part(response)
        content = bytearray()
        for piece in pieces(response):
            content += piece
            if len(content) > most_bytes:
                raise OutsideError(
                    f"{_shown(response.url)} is larger than {most_bytes:,} bytes, which is all "
                    "that is read of it.",
                    trouble="large",
                )
        media = response.headers.get("content-type", "")
        return Page(
            url=str(response.url),
            content=bytes(content),
            content_type=media.partition(";")[0].strip().lower(),
            charset=charset_of(response),
            headers={name: response.headers[name] for name in KEPT if name in response.headers},
            fetched=self._clock.now(),
        )

    def _error(self, service: Service, response: httpx.Response) -> OutsideError:
        status, url = response.status_code, _shown(response.url)
        code = response.headers.get("x-error-code", "")
        if status in (408, 429) or _says_limited(response):
            wait_s = _retry_after_s(response, self._clock)
            if (pace := self._paces.get(service.name)) is not None and wait_s:
                pace.leave_alone(min(wait_s, LEFT_ALONE_S))
            return _limited(service, wait_s)
        if status >= 500:
            return OutsideError(
                f"{service.called} is in trouble itself ({status} for {url}).",
                trouble="away",
                code=code,
            )
        if status in (404, 410):
            return OutsideError(f"There is nothing at {url}.", trouble="missing", code=code)
        if status in (401, 403):
            why = f" {service.without_secrets}" if not service.secrets() else ""
            return OutsideError(
                f"{service.called} does not let us see {url} ({status}).{why}",
                trouble="forbidden",
                code=code,
            )
        return OutsideError(
            f"{service.called} refuses the request ({status} for {url}).",
            trouble="refused",
            code=code,
        )


class _NotModified(Exception):
    """What the cache holds is as it was."""


@dataclass
class _Left:
    """Of the time that one question may take."""

    seconds: float


def _check_is_part(response: httpx.Response) -> None:
    """Raises OutsideError where it is not the part that was asked for."""
    first = response.request.headers["range"].removeprefix("bytes=").partition("-")[0]
    given = response.headers.get("content-range", "")
    is_part = response.status_code == httpx.codes.PARTIAL_CONTENT
    if not is_part or not given.startswith(f"bytes {first}-"):
        raise OutsideError(
            f"{_shown(response.url)} is given as a whole only, not in parts.", trouble="refused"
        )


def _passes_by_itself(exc: BaseException) -> bool:
    """Whether a moment later it may work."""
    if not isinstance(exc, OutsideError):
        return False
    if exc.trouble == "limited":
        return exc.retry_after_s is None or exc.retry_after_s <= LONGEST_WAIT_S
    return exc.trouble == "away"


def _is_unconnected(exc: BaseException) -> bool:
    """Whether there was no connection at all."""
    return isinstance(exc.__cause__, httpx.ConnectError | httpx.ConnectTimeout)


def _why(exc: httpx.HTTPError) -> str:
    """For people; a name that cannot be looked up mostly means that there is no network."""
    cause: BaseException | None = exc
    while cause is not None:
        if isinstance(cause, socket.gaierror):
            return "no address is known of that name, as without a network"
        cause = cause.__cause__ or cause.__context__
    return str(exc)


def _limited(service: Service, wait_s: float | None) -> OutsideError:
    when = f"; it may be asked again in {wait_s:.0f} s" if wait_s else ""
    why = f" {service.without_secrets}" if not service.secrets() else ""
    return OutsideError(
        f"{service.called} limits how often it may be asked{when}.{why}",
        trouble="limited",
        retry_after_s=wait_s,
    )


def _says_limited(response: httpx.Response) -> bool:
    """Whether it is refused only for now: 503 with a time, or GitHub's 403 with nothing left."""
    if response.status_code not in (403, 503):
        return False
    left = response.headers.get("x-ratelimit-remaining", "")
    return "retry-after" in response.headers or (response.status_code == 403 and left == "0")


def _retry_after_s(response: httpx.Response, clock: Clock) -> float | None:
    """In seconds, or as a date (RFC 9110, 10.2.3); None where it says nothing that can be used.

    GitHub says at which second since 1970 it may be asked again.
    """
    said = response.headers.get("retry-after", "").strip()
    reset = response.headers.get("x-ratelimit-reset", "").strip()
    if not said and reset.isascii() and reset.isdigit() and len(reset) <= 12:
        return min(max(0.0, float(reset) - clock.now().timestamp()), A_YEAR_S)
    if said.isascii() and said.isdigit():
        return min(float(said), A_YEAR_S)
    try:
        at = parsedate_to_datetime(said)
        return min(max(0.0, (at - clock.now()).total_seconds()), A_YEAR_S)
    except (TypeError, ValueError, OverflowError):  # OverflowError: a zone that is none
        return None


def _transport(services: Iterable[Service], patience: Patience) -> httpx.HTTPTransport:
    """httpx's own, over connections that are looked at."""
    transport = httpx.HTTPTransport(verify=_authorities())
    # httpx gives no other way to say how connections are made.
    places = [place_of(httpx.URL(each.base_url)) for each in services]
    transport._pool = httpcore.ConnectionPool(
        ssl_context=_authorities(), network_backend=Guarded(places, patience)
    )
    return transport


@cache
def _authorities() -> ssl.SSLContext:
    """Whose certificates count. Read once in a process: it takes as long as half of a start."""
    return httpx.create_ssl_context()


def _given(params: Params | None) -> dict[str, str | int | list[str]]:
    return {
        name: value if isinstance(value, str | int) else list(value)
        for name, value in (params or {}).items()
        if value is not None
    }


def _of(secrets: Mapping[str, str]) -> str:
    """For whom an answer is, without saying so: another token may see other things."""
    return hashlib.sha256(json.dumps(dict(secrets)).encode()).hexdigest()[:16] if secrets else "-"


def _or(value: float | None, other: float) -> float:
    return other if value is None else value


def _shown(url: httpx.URL) -> str:
    """As people may read it: without a query, which may be long."""
    return str(url.copy_with(query=None, fragment=None, username=None, password=None))
