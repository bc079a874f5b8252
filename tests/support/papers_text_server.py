"""Where the text of a paper is: the Hub, arXiv's site and ar5iv, each a real server."""

import gzip
import io
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ml_intern.clock import SystemClock
from ml_intern.web import Cache, Service, Web
from tests.support.outside import Given, Outside

PAPER = "2602.00001"
LONG = " ".join(f"Sentence {number} says one thing more." for number in range(100))


@dataclass(frozen=True)
class Sites:
    """The three of them, and a client that knows them."""

    hub: Outside
    arxiv: Outside
    ar5iv: Outside
    web: Web

    @property
    def asked(self) -> list[str]:
        """Paths of all requests."""
        return [each.path for site in (self.hub, self.arxiv, self.ar5iv) for each in site.asked]


@contextmanager
def sites(
    folder: Path,
    hub: Mapping[str, Given] | None = None,
    arxiv: Mapping[str, Given] | None = None,
    ar5iv: Mapping[str, Given] | None = None,
    indexes: str = "",
) -> Iterator[Sites]:
    """Answers by path; everything else is missing. `folder`: for the client's cache; `indexes`:
    where arXiv's and Semantic Scholar's interfaces are, for titles.
    """
    with ExitStack() as stack:
        one, two, three = (
            stack.enter_context(Outside(answers or {})) for answers in (hub, arxiv, ar5iv)
        )
        services = [
            Service(name=name, base_url=site.url)
            for name, site in (("hub", one), ("arxiv_site", two), ("ar5iv", three))
        ]
        services += [
            Service(name=name, base_url=indexes or two.url)
            for name in ("arxiv", "semantic_scholar")
        ]
        web = Web(services, Cache(folder / "outside"), SystemClock(), user_agent="test")
        stack.callback(web.close)
        yield Sites(one, two, three, web)


def markdown(title: str = "Small Steps") -> Given:
    """As the Hub gives a paper."""
    text = (
        f"Title: {title}\n\nURL Source: https://arxiv.org/html/{PAPER}\n\nMarkdown Content:\n"
        f"# {title}\n\n###### Abstract\n\nWe train small models.\n\n"
        f"## 1 Introduction\n\n{LONG}\n\n## 2 Method\n\nThe loss is the cross entropy.\n\n"
        "### 2.1 Optimiser\n\nWe use AdamW with a learning rate of 3e-4 and a batch size of 64.\n\n"
        "Table 1: Results.\n\n| Model | Accuracy |\n| --- | --- |\n| Ours | 84.0 |\n\n"
        "![Image](https://example.org/x1.png)\n\nFigure 1: The loss falls.\n\n"
        "## 3 Results\n\nIt works.\n"
    )
    return Given(content=text, content_type="text/markdown")


def latexml(title: str = "Small Steps as HTML") -> Given:
    """As arXiv and ar5iv give one."""
    sections = "".join(
        f'<section class="ltx_section"><h2 class="ltx_title ltx_title_section">'
        f'<span class="ltx_tag ltx_tag_section">{number} </span>{name}</h2>'
        f'<p class="ltx_p">{LONG}</p></section>'
        for number, name in enumerate(("Introduction", "Method", "Results"), 1)
    )
    page = (
        '<html><body><article class="ltx_document"><h1 class="ltx_title ltx_title_document">'
        f"{title}</h1>{sections}</article></body></html>"
    )
    return Given(content=page, content_type="text/html; charset=utf-8")


def tarball(files: Mapping[str, bytes], *, is_packed: bool = True) -> bytes:
    """An archive as arXiv gives it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return gzip.compress(out.getvalue(), mtime=0) if is_packed else out.getvalue()
