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

Place = tuple[str, int]
"""Host, in lower case, and port."""


def place_of(url: httpx.URL) -> Place:
    """Where a request to it would go."""
    return url.host.lower(), url.port or (443 if url.scheme == "https" else 80)


def is_public(address: str) -> bool:
    """Whether an IP address, as text, is one of the open internet."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo or (None, None))[1]
        if inner is not None:
            found = inner
    return found.is_global and not found.is_multicast


class Guarded(httpcore.NetworkBackend):
    """Connects to `allowed` places, and else to public addresses only."""

    def __init__(self, allowed: Iterable[Place]) -> None:
        self._allowed = frozenset(allowed)
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
        return self._real.connect_tcp(address, port, timeout, local_address, socket_options)

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
