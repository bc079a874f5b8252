"""The tool over real HTTP: pages found and read, and how the Hub fails to answer."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ml_intern.tools.catalogue import all_tools
from ml_intern.tools.documentation.pages import anchors
from ml_intern.tools.protocol import ToolOutcome
from ml_intern.tools.router import Prepared, ToolRouter
from ml_intern.tools.untrusted import END
from ml_intern.web import Cache, Service, Web
from tests.support.clocks import SwiftClock
from tests.support.docs_server import DocsServer
from tests.support.outside import Given, Outside
from tests.support.places import context_in, real_place

SFT = """# SFT Trainer[[trl.SFTTrainer]]

Supervised fine-tuning.

## Packing[[packing]]

Set `packing=True`.

```python
# no heading
SFTConfig(packing=True)
```

### Strategies

Best-fit decreasing.

## Loss

Negative log-likelihood.
"""
PAGES = {
    "trl/index": ("TRL", "# TRL\n"),
    "trl/sft_trainer": ("SFT", SFT),
    "trl/dpo_trainer": ("DPO & friends", "# DPO Trainer\n" + "x" * 9000),
    "trl/gone": ("Speeding up SFT", "# Never served\n"),
    "trl/v1.16.0/en/sft_trainer": ("SFT", "# SFT of 1.16\n"),
    "peft/index": ("PEFT", "# PEFT\n"),
}


class Caller:
    def __init__(self, folder: Path, url: str) -> None:
        clock = SwiftClock()
        service = Service(name="hub", base_url=url)
        self.url = url
        web = Web([service], Cache(folder / "outside"), clock, user_agent="test")
        self.context = context_in(real_place(folder, web=web, clock=clock))
        self.router = ToolRouter(all_tools())

    def __call__(self, operation: str, **arguments: Any) -> dict[str, Any]:
        call = self.router.prepare("docs", {"operation": operation, **arguments})
        assert isinstance(call, Prepared), call
        outcome = self.router.run(call, self.context, threading.Event())
        assert isinstance(outcome, ToolOutcome)
        assert outcome.output.startswith("[OUTSIDE TEXT from ")
        found: dict[str, Any] = json.loads(outcome.output.partition("\n")[2].rpartition(END)[0])
        assert ("error" in found) is not outcome.ok
        return found


@pytest.fixture
def server() -> Iterator[Outside]:
    served = DocsServer(PAGES)

    def answer(asked: Any) -> Given:
        is_gone = asked.path == "/docs/trl/gone.md"
        return Given(status=404) if is_gone else served(asked)

    with Outside(answer) as outside:
        yield outside


@pytest.fixture
def docs(tmp_path: Path, server: Outside) -> Iterator[Caller]:
    caller = Caller(tmp_path, server.url)
    yield caller
    caller.context.place.web.close()


def test_a_search_shows_the_section_that_fits(docs: Caller) -> None:
    found = docs("search", library="trl", query="SFT packing")
    first = found["pages"][0]
    assert (first["title"], first["section"]) == ("SFT", "Packing")
    assert first["url"] == f"{docs.url}/docs/trl/sft_trainer"
    assert first["excerpt"].startswith("## Packing[[packing]] Set `packing=True`.")
    assert "By the titles of 5 pages" in found["note"]


def test_a_page_that_does_not_come_leaves_the_others(docs: Caller) -> None:
    found = docs("search", library="trl", query="speeding sft")
    notes = {each["title"]: each.get("note", "") for each in found["pages"]}
    assert "There is no page " in notes["Speeding up SFT"]
    assert notes["SFT"] == ""


def test_without_words_all_pages_of_the_library_are_listed(docs: Caller) -> None:
    found = docs("search", library="trl")
    assert [each["title"] for each in found["pages"]][:3] == ["TRL", "SFT", "DPO & friends"]
    assert found["total"] == 5


def test_words_that_no_title_holds_are_told(docs: Caller) -> None:
    found = docs("search", library="trl", query="zebra")
    assert "pages" not in found
    assert "No title of 5 pages holds a word of it" in found["note"]


@pytest.mark.parametrize("page", ["sft_trainer", "trl/sft_trainer", "sft_trainer.md#packing"])
def test_a_section_is_read_with_those_below_it(docs: Caller, page: str) -> None:
    found = docs("fetch", library="trl", page=page, section="packing")
    assert found["text"].startswith("## Packing")
    assert "# no heading" in found["text"]
    assert found["text"].rstrip().endswith("Best-fit decreasing.")


def test_a_long_page_is_read_on_and_names_its_sections(docs: Caller) -> None:
    first = docs("fetch", page=f"{docs.url}/docs/trl/dpo_trainer")
    assert (first["next_offset"], first["sections"]) == (6000, ["DPO Trainer"])
    second = docs("fetch", library="trl", page="dpo_trainer", offset=6000)
    assert len(first["text"]) + len(second["text"]) == first["characters"] == 9014
    assert "next_offset" not in second


def test_the_documentation_of_a_release_is_another(docs: Caller) -> None:
    found = docs("fetch", library="trl", version="v1.16.0", page="sft_trainer")
    assert found["text"] == "# SFT of 1.16\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"page": "https://evil.example/docs/trl/x"}, "nothing was asked there"),
        ({"library": "trl", "page": "../../api/whoami-v2"}, "is no page"),
        ({"library": "trl", "page": "a//b"}, "is no page"),
        ({"library": "../trl", "page": "x"}, "is no library"),
        ({"library": "trl", "version": "v1/../..", "page": "x"}, "is no version"),
        ({"library": "trl"}, "Name the page"),
    ],
)
def test_only_pages_of_the_documentation_are_asked_for(
    docs: Caller, server: Outside, arguments: dict[str, str], sentence: str
) -> None:
    assert sentence in docs("fetch", **arguments)["error"]
    assert server.asked == []


def test_a_section_that_is_not_there_is_told_with_those_that_are(docs: Caller) -> None:
    answer = docs("fetch", library="trl", page="sft_trainer", section="Zebra")
    assert answer["sections"] == ["SFT Trainer", "Packing", "Strategies", "Loss"]


@pytest.mark.parametrize(
    ("operation", "given", "sentence"),
    [
        (
            "search",
            Given(status=404),
            "The Hub has no documentation at https://huggingface.co/docs/trl",
        ),
        ("fetch", Given(status=404), "operation=search with the library alone lists all pages."),
        ("search", Given(status=500), "is in trouble itself"),
        ("search", Given(status=429, headers={"retry-after": "99"}), "may be asked again in 99 s"),
        ("search", Given(content="<html><a href='/x'>x"), "names no pages of trl"),
        ("search", Given(content="<" * 200_000), "names no pages of trl"),
        ("search", Given(content=b"\0\xff" * 99), "names no pages of trl"),
        ("fetch", Given(content="<html>", content_type="text/html"), "came as HTML, not as"),
        ("fetch", Given(status=403), "does not let us see"),
        ("fetch", Given(content="x" * ((8 << 20) + 1)), "is larger than 8,388,608 bytes"),
    ],
)
def test_every_way_of_not_answering_has_its_sentence(
    docs: Caller, server: Outside, operation: str, given: Given, sentence: str
) -> None:
    server.answer = lambda _asked: given
    arguments = {"page": "sft_trainer"} if operation == "fetch" else {"query": "sft"}
    assert sentence in docs(operation, library="trl", **arguments)["error"]


def test_hidden_text_is_taken_out_and_counted(docs: Caller, server: Outside) -> None:
    text = "# A\nseen<!-- obey -->\u200b\u202e"
    server.answer = lambda _asked: Given(content=text, content_type="text/markdown")
    found = docs("fetch", library="trl", page="a")
    assert found["text"] == "# A\nseen"
    assert found["hidden"]


@pytest.mark.parametrize(
    ("page", "found"),
    [
        ('<a class="[&>b]:x" HREF="/d/a">A <b>page</b> &amp; a</a>', [("/d/a", "A page & a")]),
        ("<a href=/docs/x>x<a href='y'>y", [("/docs/x", "x"), ("y", "y")]),
        ("<!-- <a href='x'>words</a> --><script>'<a href=\"y\">'</script><a name='z'>z</a>", []),
        ("<abbr href='x'>x</abbr><a data-href='x'>x</a>", []),
        ("<a href='http://['>odd</a>", [("http://[", "odd")]),
    ],
)  # fmt: skip
def test_links_of_a_page(page: str, found: list[tuple[str, str]]) -> None:
    assert list(anchors(page)) == found


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "piece", ["<a ", "<a href='", '<a "', "<!--", "<script>", "</", "<a/", "<a x>", "<a x><", "<?"]
)
def test_a_page_of_one_piece_is_read_in_the_time_of_its_length(piece: str) -> None:
    """Python's own parser takes minutes."""
    assert list(anchors(piece * (400_000 // len(piece)))) == []


def test_an_address_that_is_none_is_no_page(docs: Caller, server: Outside) -> None:
    server.answer = lambda _: Given(
        content="<a href='http://['>odd</a><a href='/docs/trl/sft_trainer'>SFT</a>",
        content_type="text/html",
    )
    assert [each["title"] for each in docs("search", library="trl")["pages"]] == ["SFT"]
