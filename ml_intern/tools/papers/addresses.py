"""Addresses that a page gives of its pictures."""

from pathlib import Path
from urllib.parse import unquote, urljoin


def absolute(base: str, address: str) -> str:
    """Where `address` leads from `base`, which for a file of this machine is its whole path.

    Empty for what is neither a web address nor below the folder of that file, such as `data:`.
    """
    try:
        found = urljoin(base, address.strip())
    except ValueError:  # half an IPv6 address
        return ""
    if not address.strip():
        return ""
    if found.startswith(("http://", "https://")):
        return found
    return _below(Path(base).parent, address.strip()) if base.startswith("/") else ""


def _below(folder: Path, address: str) -> str:
    plain = unquote(address.partition("?")[0].partition("#")[0])
    parts = Path(plain).parts
    is_apart = not parts or plain.startswith("/") or ".." in parts or ":" in parts[0]
    return "" if is_apart or "\0" in plain else str(folder / plain)
