"""Asks the Hub for its list of hardware, through its own client."""

import re

import httpx
import huggingface_hub
from huggingface_hub import constants
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

from ml_intern.compute.hub.prices import Flavor, flavors_of
from ml_intern.credentials import secret
from ml_intern.errors import ComputeError

_LIMITED = re.compile(r";\s*t=(\d{1,6})")
"""In the header `RateLimit: "api";r=0;t=55`: seconds until there is room again."""


class HubSilent(ComputeError):
    """The Hub did not give its list."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


def endpoint_of(given: str | None) -> str:
    """The address of the Hub: what was given, else that of `HF_ENDPOINT`, else the public one."""
    return (given or constants.ENDPOINT).rstrip("/")


def hub_list(endpoint: str) -> tuple[Flavor, ...]:
    """Its hardware, now. Raises HubSilent. May take for ever: the client knows no time limit."""
    try:
        api = huggingface_hub.HfApi(endpoint=endpoint, token=secret("HF_TOKEN"))
        flavors = flavors_of(api.list_jobs_hardware())
    except OfflineModeIsEnabled as exc:
        raise HubSilent("HF_HUB_OFFLINE is set") from exc
    except HfHubHTTPError as exc:
        raise _refused(exc) from exc
    except httpx.HTTPError as exc:
        raise HubSilent(f"it cannot be reached ({type(exc).__name__})") from exc
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise HubSilent(f"its list cannot be read ({type(exc).__name__})") from exc
    if not flavors:
        raise HubSilent("its list is empty")
    return flavors


def _refused(exc: HfHubHTTPError) -> HubSilent:
    status = exc.response.status_code
    match status:
        case 401 | 403:
            return HubSilent(f"it does not accept the token (status {status})")
        case 429:
            limited = _LIMITED.search(exc.response.headers.get("RateLimit", ""))
            wait_s = float(limited[1]) if limited else None
            return HubSilent("it limits our requests (status 429)", retry_after_s=wait_s)
        case _:
            return HubSilent(f"it answered with status {status}")
