"""Where the Hub's documentation lies, and which pages a library has.

Known of it is: `/docs/LIBRARY` is a page of HTML whose links lead to all pages of the library, and
an address with `.md` behind it is that page as Markdown. Versions and languages lie below the
library: `/docs/trl/v1.16.0/en/sft_trainer`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from urllib.parse import urljoin, urlsplit

from ml_intern.errors import InputError, OutsideError
from ml_intern.tools.missing import missing_is
from ml_intern.tools.protocol import ToolContext
from ml_intern.web import Page

ROOT = "/docs/"
PUBLIC = "https://huggingface.co"
MOST_PAGES = 3_000
MOST_BYTES = 8 << 20
_LIBRARY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,60}")
_VERSION = re.compile(r"main|v\d[\w.]{0,30}")
_UNREAD = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style)\b.*?(?:</\1\b|\Z)", re.DOTALL | re.IGNORECASE
)
_ANCHOR = re.compile(
    r"""<a\s(?P<attributes>(?:"[^"]{0,2000}+"|'[^']{0,2000}+'|[^<>"']){0,300}+)>
    (?P<words>(?:[^<]|<(?!/?a[\s>])){0,4000}+)""",
    re.IGNORECASE | re.VERBOSE,
)
_ADDRESS = re.compile(
    r"""(?<![\w-])href\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE
)
_TAG = re.compile(r"<[^<>]{0,2000}+>")
_PATH = re.compile(r"[\w-][\w.-]*(?:/[\w-][\w.-]*)*", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Link:
    """One page of a library."""

    path: str
    """Below the documentation's root, e.g. `trl/sft_trainer`."""
    title: str


def library_path(library: str, version: str) -> str:
    """Of a library's documentation. Raises InputError."""
    if not _LIBRARY.fullmatch(library):
        raise InputError(f"{library[:100]!r} is no library of the Hub's documentation, e.g. trl.")
    if not version:
        return library
    if not _VERSION.fullmatch(version):
        raise InputError(f"{version[:100]!r} is no version: give e.g. v1.16.0, or main.")
    return f"{library}/{version}/en"


def page_path(page: str, library: str, version: str, base_url: str) -> str:
    """Of a page: by its address, or by its name within the library. Raises InputError."""
    plain = page.partition("#")[0].partition("?")[0].removesuffix(".md").rstrip("/")
    for host in (base_url, PUBLIC):
        if plain.startswith(f"{host}{ROOT}"):
            return _checked(plain.removeprefix(f"{host}{ROOT}"))
    if "://" in plain:
        raise InputError(f"{page[:200]!r} is no page of {PUBLIC}{ROOT}; nothing was asked there.")
    plain = plain.removeprefix(ROOT)
    inside = library_path(library, version) if library else ""
    if inside and plain != library and not plain.startswith(f"{library}/"):
        plain = f"{inside}/{plain}"
    return _checked(plain)


def _checked(path: str) -> str:
    if not _PATH.fullmatch(path) or len(path) > 300:
        raise InputError(f"{path[:200]!r} is no page: give its address, or library and page.")
    return path


def links_of(ctx: ToolContext, library: str, version: str) -> tuple[list[Link], Page]:
    """The pages of a library, in the order of its table of contents. Raises OutsideError."""
    inside = library_path(library, version)
    with missing_is(
        f"The Hub has no documentation at {PUBLIC}{ROOT}{inside}. Libraries are named as in their "
        "addresses: transformers, trl, peft, datasets, hub."
    ):
        page = ctx.place.web.get(
            "hub",
            f"{ROOT}{inside}{'/index' if version else ''}",
            accept="text/html",
            fresh_s=86_400.0,
            most_bytes=MOST_BYTES,
            cancelled=ctx.cancelled,
        )
    found: dict[str, str] = {}
    for address, title in anchors(page.text):
        path = _inside(address, page.url, library)
        if path and title and len(found) < MOST_PAGES:
            found.setdefault(path, title)
    if not found:
        raise OutsideError(
            f"{page.url} names no pages of {library}; its documentation may lie elsewhere.",
            trouble="broken",
        )
    return [Link(path=path, title=title) for path, title in found.items()], page


def _inside(address: str, own: str, library: str) -> str:
    """The path of an address if it is a page of the library on the same host, else nothing."""
    try:
        url, home = urlsplit(urljoin(own, address)), urlsplit(own)
    except ValueError:
        return ""
    path = url.path.removeprefix(ROOT).rstrip("/")
    is_page = url.path.startswith(f"{ROOT}{library}/") and _PATH.fullmatch(path)
    return path if is_page and url.netloc == home.netloc else ""


def anchors(page: str) -> Iterator[tuple[str, str]]:
    """Address and words of each link of a page.

    Not by Python's own parser, which takes hours for a page of nothing but `<a `.
    """
    for found in _ANCHOR.finditer(_UNREAD.sub("", page)):
        given = _ADDRESS.search(found["attributes"])
        if given is not None:
            words = unescape(_TAG.sub("", found["words"]))
            yield unescape("".join(filter(None, given.groups()))), " ".join(words.split())[:200]


def markdown_of(ctx: ToolContext, path: str) -> Page:
    """The page as Markdown. Raises OutsideError."""
    with missing_is(
        f"There is no page {PUBLIC}{ROOT}{path}; operation=search with the library alone lists all "
        "pages."
    ):
        page = ctx.place.web.get(
            "hub",
            f"{ROOT}{path}.md",
            accept="text/markdown, text/plain",
            fresh_s=86_400.0,
            most_bytes=MOST_BYTES,
            cancelled=ctx.cancelled,
        )
    if page.content_type == "text/html":
        raise OutsideError(f"{page.url} came as HTML, not as Markdown.", trouble="broken")
    return page
