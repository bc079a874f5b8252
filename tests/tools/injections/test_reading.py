"""Texts that give orders, served where they belong and read by the tools: what of them reaches a
model, and how.

`injections.json` was written without sight of how they are dealt with.
"""

import json
import re
import threading
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from ml_intern.session.asking import read_outside
from ml_intern.tools.catalogue import all_tools
from ml_intern.tools.facts import Facts
from ml_intern.tools.protocol import ToolOutcome
from ml_intern.tools.router import Prepared, ToolRouter
from ml_intern.tools.untrusted import END
from ml_intern.web import Cache, Service, Web
from tests.support.clocks import SwiftClock
from tests.support.github_server import GitHubServer
from tests.support.hub import TOKEN, HubServer
from tests.support.outside import Asked, Given, Outside
from tests.support.papers_text_server import latexml, markdown
from tests.support.pdfs import PdfPage, pdf, running_text
from tests.support.places import confined_place, context_in
from tests.tools.hub.viewer import Viewer

CORPUS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "injections.json").read_text())
BY_ID = {each["id"]: each for each in CORPUS}
TOKENS = re.compile(
    r"<\|\w+\|>|</?s>|\[/?INST\]|<</?SYS>>|</?(?:function_\w+|invoke|tool_result)\b"
)
STATUS = {"inj-62": 429, "inj-63": 500, "inj-64": 503, "inj-65": 404, "inj-82": 307}


@dataclass
class Services:
    """Stand-ins of all services, one client of them, and the tools."""

    folder: Path
    stack: ExitStack
    papers: dict[str, Given] = field(default_factory=dict)
    viewers: dict[str, Viewer] = field(default_factory=dict)
    code: dict[str, dict[str, bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.hub = self.stack.enter_context(HubServer())
        self.github = self.stack.enter_context(Outside(GitHubServer(self.code)))
        self.viewer = self.stack.enter_context(Outside(self._row))
        self.site = self.stack.enter_context(Outside(self._paper))
        self.router = ToolRouter(all_tools())
        self.clock = SwiftClock()
        self.web = self._client(hub=self.hub.url, datasets_server=self.viewer.url)
        self.web_of_papers = self._client(hub=self.site.url)

    def _client(self, **urls: str) -> Web:
        urls |= {"arxiv_site": self.site.url, "ar5iv": self.site.url, "github": self.github.url}
        services = [
            Service(name=name, base_url=url, secrets=_token if name == "hub" else dict)
            for name, url in urls.items()
        ]
        cache = Cache(self.folder / f"outside{len(urls)}")
        web = Web(services, cache, self.clock, user_agent="test")
        self.stack.callback(web.close)
        return web

    def _row(self, asked: Asked) -> Given:
        (dataset,) = parse_qs(urlsplit(asked.path).query)["dataset"]
        return self.viewers[dataset].answer(asked)

    def _paper(self, asked: Asked) -> Given:
        return self.papers.get(asked.path.partition("?")[0], Given(status=404))

    def call(self, name: str, **arguments: Any) -> ToolOutcome:
        """As the turn calls a tool."""
        web = self.web_of_papers if name == "read_paper" else self.web
        ctx = context_in(confined_place(self.folder, web=web, clock=self.clock))
        prepared = self.router.prepare(name, arguments)
        assert isinstance(prepared, Prepared), prepared
        prepared = self.router.settle(prepared, ctx)
        outcome = self.router.run(prepared, ctx, threading.Event())
        assert isinstance(outcome, ToolOutcome)
        return outcome


def _token() -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    with ExitStack() as stack:
        yield Services(tmp_path_factory.mktemp("there"), stack)


# Each served where it belongs, and read


def read_paper(there: Services, each: dict[str, Any]) -> ToolOutcome:
    number, text = f"2602.{each['id'][-2:]:0>5}", each["text"]
    form, path = {
        "markdown": ("hub", f"/papers/{number}.md"),
        "latex": ("latex", f"/e-print/{number}"),
    }.get(each["format"], ("html", f"/html/{number}"))
    if form == "hub":
        given = Given(content=f"{markdown().content!s}\n{text}", content_type="text/markdown")
    elif form == "latex":
        given = Given(
            content=f"\\documentclass{{article}}\\begin{{document}}{text}\\end{{document}}",
            content_type="application/x-tex",
        )
    elif each["id"] == "inj-75":
        form, path = "pdf", f"/pdf/{number}"
        first, hidden, last = text.split("\n")
        page = PdfPage().lines(54, 700, [first, *running_text(10, 90), last])
        page.commands.insert(1, f"BT /F1 10 Tf 3 Tr 54 694 Td ({hidden}) Tj 0 Tr ET")
        given = Given(content=pdf([page]), content_type="application/pdf")
    else:
        inside = text if each["format"] == "html" else f"<p>{escape(text)}</p>"
        before, end, after = str(latexml().content).rpartition("</section>")
        page_of_it = f"{before}{inside}{end}{after}"
        given = Given(content=page_of_it, content_type="text/html; charset=utf-8")
    there.papers[path] = given
    return there.call("read_paper", paper=number, form=form, operation="text", limit=20_000)


def read_card(there: Services, each: dict[str, Any]) -> ToolOutcome:
    kind = each["where"].partition(" ")[0]
    repositories = there.hub.models if kind == "model" else there.hub.datasets
    made = repositories.add(f"ada/{each['id']}", private=False)
    if each["format"] == "json":
        made.about = json.loads(each["text"])
    else:
        made.edit("README.md", each["text"].encode())
    return there.call("hub_details", repo=made.id, kind=kind)


def read_readme(there: Services, each: dict[str, Any]) -> ToolOutcome:
    made = there.hub.models.add(f"ada/{each['id']}", private=False)
    made.edit("README.md", each["text"].encode())
    return there.call("hub_files", operation="read", repo=made.id, path="README.md", limit=1000)


def read_row(there: Services, each: dict[str, Any]) -> ToolOutcome:
    name, text = f"ada/{each['id']}", each["text"]
    row = json.loads(text, strict=False) if each["format"] == "json" else {"text": text}
    there.hub.datasets.add(name, private=False)
    viewer = there.viewers[name] = Viewer(
        name, {key: {"dtype": "string", "_type": "Value"} for key in row}
    )
    viewer.rows["default", "train"] = [row] * 5
    return there.call("inspect_dataset", source=f"hub:{name}")


def read_code(there: Services, each: dict[str, Any]) -> ToolOutcome:
    name, text = f"ada/{each['id']}", each["text"]
    path = "train.py"
    if each["where"] == "docs":
        path = {"html": "docs/page.html", "markdown": "docs/page.md"}.get(each["format"], "a.txt")
    elif each["format"] == "json":
        path, text = "a.ipynb", json.dumps({"nbformat": 4, "cells": [json.loads(text)]})
    there.code[name] = {path: text.encode()}
    return there.call("github", operation="read", repository=name, path=path)


def read_names(there: Services, each: dict[str, Any]) -> ToolOutcome:
    made = there.hub.models.add(f"ada/{each['id']}", private=False)
    made.edit(each["text"], b"1")
    return there.call("hub_files", operation="list", repo=made.id)


def read_error(there: Services, each: dict[str, Any]) -> ToolOutcome:
    number = f"2602.{each['id'][-2:]:0>5}"
    location = re.search(r"Location: (\S+)", each["text"])
    there.papers[f"/html/{number}"] = Given(
        content=each["text"],
        status=STATUS.get(each["id"], 401),
        headers={"Location": location[1]} if location else {},
    )
    return there.call("read_paper", paper=number, form="html")


READ: dict[str, Callable[[Services, dict[str, Any]], ToolOutcome]] = {
    "paper": read_paper,
    "model card": read_card,
    "dataset card": read_card,
    "readme": read_readme,
    "row": read_row,
    "code": read_code,
    "docs": read_code,
    "file name": read_names,
    "error": read_error,
}


@pytest.mark.parametrize("each", CORPUS, ids=[each["id"] for each in CORPUS])
def test_it_is_read_as_data(there: Services, each: dict[str, Any]) -> None:
    outcome = READ[each["where"]](there, each)
    text = outcome.output
    if each["where"] == "error":
        assert not outcome.ok
        assert each["marker"] not in text
        return
    assert outcome.ok, text
    assert text.startswith("[OUTSIDE TEXT from http://127.0.0.1:")
    assert (text.count("[OUTSIDE TEXT"), text.count(END)) == (1, 1)
    inside = text.partition("\n")[2].partition(END)[0]
    assert "[2J" not in inside
    assert not [
        char for char in inside if char != "\n" and unicodedata.category(char) in ("Cc", "Cf", "Co")
    ]
    assert TOKENS.findall(inside) == []
    if each["hidden"]:
        assert each["marker"] not in inside
    (sources,) = [fact.data["sources"] for fact in outcome.facts if fact.kind == "read_outside"]
    (exhibit,) = read_outside(Facts(outcome.facts))
    assert set(exhibit.text.splitlines()) == set(sources)


def test_what_people_see_the_model_reads(there: Services) -> None:
    """Nothing is left out for what it says."""
    for each in (BY_ID["inj-01"], BY_ID["inj-67"]):
        assert each["marker"] in read_paper(there, each).output
