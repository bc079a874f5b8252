"""The one HTTP client of the process that speaks to the Hub: where it goes, and how often.

The token goes to the Hub's own address and nowhere else, whatever a redirect or the address of a
next page says. What is sent goes there too, and to the storage that the Hub names for a large file.
"""

from collections.abc import Callable

import httpx
import huggingface_hub
from huggingface_hub import hf_raise_for_status
from huggingface_hub.errors import OfflineModeIsEnabled

from ml_intern.errors import HubRefused
from ml_intern.hub.failures import NOT_NOW
from ml_intern.hub.protocol import OFFLINE

CONNECT_S, ANSWER_S = 10.0, 60.0
_FILES = "/resolve/"
"""In the path of a file's content, which may lie with others."""


def connections_to(endpoint: str) -> Callable[[], httpx.Client]:
    """What makes the client. Its requests raise HubRefused where they would stray."""
    home = httpx.URL(endpoint)

    def demand_home(request: httpx.Request) -> None:
        if "Authorization" in request.headers and not _is_same(request.url, home):
            raise HubRefused(STRAYS.format(home=home, other=_shown(request.url)), reason="other")

    def demand_to_stay(response: httpx.Response) -> None:
        if not response.has_redirect_location:
            return
        asked = response.request
        to = asked.url.join(response.headers["Location"])
        is_download = asked.method in ("GET", "HEAD") and _FILES in asked.url.path
        if not is_download and not _is_same(to, asked.url):
            raise HubRefused(STRAYS.format(home=home, other=_shown(to)), reason="other")

    def connect() -> httpx.Client:
        return httpx.Client(
            follow_redirects=True,
            timeout=httpx.Timeout(ANSWER_S, connect=CONNECT_S),
            event_hooks={
                "request": [_demand_network, demand_home],
                "response": [_once, demand_to_stay],
            },
        )

    return connect


def _is_same(one: httpx.URL, other: httpx.URL) -> bool:
    return (one.scheme, one.host, one.port) == (other.scheme, other.host, other.port)


def _shown(url: httpx.URL) -> str:
    """Without its path and query, which may hold what is nobody's business."""
    return f"{url.scheme}://{url.netloc.decode(errors='replace').rpartition('@')[2]}"


def _demand_network(_request: httpx.Request) -> None:
    if huggingface_hub.constants.is_offline_mode():
        raise OfflineModeIsEnabled(OFFLINE)


def _once(response: httpx.Response) -> None:
    """No second try: the client would sleep for as long as the Hub says."""
    if response.status_code in NOT_NOW:
        response.read()
        hf_raise_for_status(response)


STRAYS = (
    "the Hub at {home} sends us on to {other}, and nothing of ours goes there; if that is the Hub, "
    "set hf_endpoint to it"
)
