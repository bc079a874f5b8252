"""Addresses that a page gives of its pictures."""

from urllib.parse import urljoin


def absolute(base: str, address: str) -> str:
    """Where `address` leads from `base`; empty for what is no web address, such as `data:`."""
    try:
        found = urljoin(base, address.strip())
    except ValueError:  # half an IPv6 address
        return ""
    return found if found.startswith(("http://", "https://")) and address.strip() else ""
