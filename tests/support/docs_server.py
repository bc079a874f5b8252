"""The Hub's documentation over real HTTP: a page of links, and each page as Markdown."""

from collections.abc import Mapping
from html import escape

from tests.support.outside import Asked, Given

MISSING = Given(content="<html>Page not found</html>", status=404, content_type="text/html")


class DocsServer:
    """Answers by `Outside`. `pages`: title and Markdown by path below `/docs/`."""

    def __init__(self, pages: Mapping[str, tuple[str, str]]) -> None:
        self.pages = pages

    def __call__(self, asked: Asked) -> Given:
        path = asked.path.removeprefix("/docs/")
        if path.endswith(".md"):
            found = self.pages.get(path.removesuffix(".md"))
            return MISSING if found is None else _markdown(found[1])
        library = path.partition("/")[0]
        listed = {each: title for each, (title, _) in self.pages.items() if _of(each, library)}
        return _index(listed) if listed else MISSING


def _of(path: str, library: str) -> bool:
    return path.startswith(f"{library}/")


def _markdown(text: str) -> Given:
    return Given(content=text, content_type="text/markdown; charset=utf-8")


def _index(listed: Mapping[str, str]) -> Given:
    links = "".join(
        f'<a class="ml-2" href="/docs/{path}"><!-- HTML -->{escape(title)} </a>'
        for path, title in listed.items()
    )
    html = (
        '<html><body><a href="/models">Models</a>'
        f'<nav class="flex-auto overflow-y-auto">{links}</nav>'
        '<a href="https://evil.example/docs/trl/x">Elsewhere</a><a href="#top">Top</a>'
    )
    return Given(content=html, content_type="text/html; charset=utf-8")
