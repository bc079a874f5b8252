"""Which addresses may be connected to: public ones, and those of services in the settings.

Looked at where the connection is made, after the name was looked up, and the address that was
looked at is the one that is connected to: no redirect, and no name that means another address the
second time, leads into this machine or its network.
"""

import ipaddress
import socket
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx

from ml_intern.errors import OutsideError
from ml_intern.web.patience import Patience, Watched

Place = tuple[str, int]
"""Host, in lower case, and port."""
_GIVEN_OUT = ipaddress.IPv6Network("2000::/3")
"""All that is given out of IPv6; Python calls more of it global than anybody may use."""
_EXAMPLES = ipaddress.IPv6Network("3fff::/20")
_TRANSLATED = tuple(
    map(ipaddress.IPv6Network, ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96"))
)
"""Networks whose last 32 bits are an address of IPv4, to which some gateways lead."""


def place_of(url: httpx.URL) -> Place:
    """Where a request to it would go."""
    return url.host.lower(), url.port or (443 if url.scheme == "https" else 80)


def is_home(home: httpx.URL, url: httpx.URL) -> bool:
    """Whether what is secret may go to `url`: the same place, and no less hidden on its way."""
    return (home.scheme, place_of(home)) == (url.scheme, place_of(url))


def is_public(address: str) -> bool:
    """Whether an IP address, as text, is one of the open internet."""
    found = ipaddress.ip_address(address.partition("%")[0])
    inner = _inner(found) if isinstance(found, ipaddress.IPv6Address) else found
    if inner is None:
        return found in _GIVEN_OUT and found not in _EXAMPLES and found.is_global
    return inner.is_global and not inner.is_multicast


def _inner(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The address of IPv4 that it stands for."""
    if any(address in net for net in _TRANSLATED):
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.sixtofour or (address.teredo or (None, None))[1]


class Guarded(httpcore.NetworkBackend):
    """Connects to `allowed` places, and else to public addresses only."""

    def __init__(self, allowed: Iterable[Place], patience: Patience) -> None:
        self._allowed = frozenset(allowed)
        self._patience = patience
        self._real = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.NetworkStream:
        """Raises OutsideError for an address that may not be asked; httpcore's errors else."""
        address = host if (host.lower(), port) in self._allowed else self._public(host, port)
        made = self._real.connect_tcp(address, port, timeout, local_address, socket_options)
        return Watched(made, self._patience)

    def _public(self, host: str, port: int) -> str:
        """The first of its addresses; all of them must be public."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as exc:
            raise httpcore.ConnectError(f"no address for {host}: {exc}") from exc
        addresses = [str(each[4][0]) for each in found]
        if not addresses or not all(map(is_public, addresses)):
            raise OutsideError(
                f"{host} lies in this machine or its network, and is no service of the settings; "
                "nothing was asked there.",
                trouble="address",
            )
        return addresses[0]
