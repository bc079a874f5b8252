"""The content of an answer, unpacked as far as is wanted and no further."""

import codecs
import zlib
from collections.abc import Iterator

import httpx

from ml_intern.errors import OutsideError

PACKED = "gzip"
"""What we ask for. An answer in any other packing, or packed twice, is none: a few kilobytes of it
may hold more than fits into memory, and come out at once.
"""
_PIECE_BYTES = 1 << 20
_NO_TEXT = frozenset(
    ("idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape", "utf-7")
)
"""Codecs of Python by which no page is written, and a hostile one could be."""


def pieces(response: httpx.Response) -> Iterator[bytes]:
    """Of at most `_PIECE_BYTES`; some may be empty, so that whoever reads can stop. What stands
    behind the end of what is packed is not read.

    Raises OutsideError for what is not packed as asked for, or broken; httpx's errors.
    """
    packing = response.headers.get("content-encoding", "").strip().lower()
    if packing in ("", "identity"):
        yield from response.iter_raw(_PIECE_BYTES)
        return
    if packing not in (PACKED, f"x-{PACKED}"):
        raise _unfit(response, f"is packed as {packing[:100]!r}, which was not asked for")
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        for packed in response.iter_raw():
            while packed:
                yield unpacker.decompress(packed, _PIECE_BYTES)
                if unpacker.eof:  # what follows is kept by zlib, however much it is
                    return
                packed = unpacker.unconsumed_tail
    except zlib.error as exc:
        raise _unfit(response, f"cannot be unpacked ({exc})") from exc
    raise _unfit(response, "is packed, and breaks off")


def charset_of(response: httpx.Response) -> str:
    """By which its content is text: what it says, where that is one; else UTF-8."""
    said = response.charset_encoding or "utf-8"
    try:
        b"a".decode(said)
        name = codecs.lookup(said).name
    except (LookupError, ValueError):
        return "utf-8"
    return "utf-8" if name in _NO_TEXT else name


def _unfit(response: httpx.Response, why: str) -> OutsideError:
    address = response.url.copy_with(query=None, fragment=None)
    return OutsideError(f"What {address} answers {why}.", trouble="broken")
