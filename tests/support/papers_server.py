"""arXiv, Semantic Scholar and the Hub's papers over real HTTP, with a few papers in them.

One server for the three, as their paths differ. What each answers has the form that the service's
own documentation gives; the papers are real ones, the numbers are not.
"""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from ml_intern.clock import Clock
from ml_intern.daemon.outside import services
from ml_intern.settings import Settings
from ml_intern.web import Cache, Web
from tests.support.outside import Asked, Given, Outside

ATOM = "application/atom+xml; charset=utf-8"
MISSING = Given(content='{"error": "Not found"}', status=404)


@dataclass(frozen=True, kw_only=True)
class Known:
    """One paper, as much of it as any of the three knows."""

    title: str
    authors: Sequence[str]
    day: str
    arxiv: str = ""
    version: int = 1
    doi: str = ""
    sha: str = ""
    corpus: int = 0
    abstract: str = "An abstract."
    comment: str = ""
    venue: str = ""
    category: str = "cs.LG"
    citations: int = 0
    on_hub: bool = False
    upvotes: int = 0
    code: str = ""
    title_of_arxiv: str = ""
    """Where it writes it otherwise, e.g. in LaTeX."""


QLORA = Known(
    title="QLoRA: Efficient Finetuning of Quantized LLMs",
    authors=("Tim Dettmers", "Artidoro Pagnoni", "Ari Holtzman", "Luke Zettlemoyer"),
    day="2023-05-23",
    arxiv="2305.14314",
    sha="32ac52069e562d4f900afee70bdca63f53461481",
    corpus=258841328,
    abstract="We present QLoRA, an efficient finetuning approach that reduces memory usage.",
    comment="Extended NeurIPS submission. Code: https://github.com/artidoro/qlora.",
    venue="Neural Information Processing Systems",
    citations=4000,
    on_hub=True,
    upvotes=53,
    code="https://github.com/artidoro/qlora",
)
LORA = Known(
    title="LoRA: Low-Rank Adaptation of Large Language Models",
    authors=("Edward J. Hu", "Yelong Shen", "Phillip Wallis"),
    day="2021-06-17",
    arxiv="2106.09685",
    version=2,
    sha="a8ca46b171467ceb2d7652fbfb67fe701ad86092",
    corpus=235458009,
    abstract="We propose Low-Rank Adaptation, or LoRA.",
    venue="International Conference on Learning Representations",
    citations=15000,
    on_hub=True,
    upvotes=60,
)
STRINGS = Known(
    title="String Theory on AdS3",
    title_of_arxiv="String\n  Theory on $AdS_3$",
    authors=("Amit Giveon", "David Kutasov", "Nathan Seiberg"),
    day="1998-06-26",
    arxiv="hep-th/9806194",
    version=4,
    doi="10.4310/atmp.1998.v2.n4.a3",
    sha="1" * 40,
    corpus=5,
    category="hep-th",
    citations=700,
)
XGBOOST = Known(
    title="XGBoost: A Scalable Tree Boosting System",
    authors=("Tianqi Chen", "Carlos Guestrin"),
    day="2016-03-09",
    arxiv="1603.02754",
    version=3,
    doi="10.1145/2939672.2939785",
    sha="26bc9195c6343e4d7f434dd65b4ad67efe2be27a",
    corpus=4650265,
    citations=40000,
)
FORESTS = Known(
    title="Random Forests",
    authors=("L. Breiman",),
    day="2001-10-01",
    doi="10.1023/a:1010933404324",
    sha="13d4c2f76a7c1a4d0a71204e1d5d263a3f5a7986",
    corpus=89141,
    venue="Machine-mediated learning",
    citations=100000,
)
WITHDRAWN = Known(
    title="Deterministic Polynomial-Time Algorithms",
    authors=("A. Author",),
    day="2008-12-19",
    arxiv="0812.3775",
    version=2,
    abstract="This paper has been withdrawn by the author due to an error in Lemma 3.",
    comment="This paper has been withdrawn by the author due to an error in Lemma 3",
)
ALL = (QLORA, LORA, STRINGS, XGBOOST, FORESTS, WITHDRAWN)


@dataclass
class PapersServer:
    """The three services; `instead` and `holds` may be exchanged meanwhile."""

    known: Sequence[Known] = ALL
    instead: dict[str, Given] = field(default_factory=dict)
    """By `arxiv`, `semantic_scholar` or `hub`, or by the beginning of a path: this to every
    request.
    """
    repositories: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """By `models`, `datasets`, `spaces`: what names QLoRA in its tags."""
    links: list[dict[str, Any]] = field(default_factory=list)
    """Of QLoRA: entries of Semantic Scholar's lists of citations and references."""
    snippets: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""
    asked: list[Asked] = field(default_factory=list)

    def answer(self, asked: Asked) -> Given:
        """As the service would that the path is of."""
        self.asked.append(asked)
        split = urlsplit(asked.path)
        path, query = split.path, {k: v[0] for k, v in parse_qs(split.query).items()}
        service, serve = next(
            (name, serve)
            for start, name, serve in (
                ("/api/query", "arxiv", self._arxiv),
                ("/graph", "semantic_scholar", self._graph),
                ("/recommendations", "semantic_scholar", self._recommended),
                ("/", "hub", self._hub),
            )
            if path.startswith(start)
        )
        own = (given for start, given in self.instead.items() if path.startswith(start))
        return self.instead.get(service) or next(own, None) or serve(path, query)

    def paths(self, start: str) -> list[str]:
        """Those that were asked for and begin so, with their queries."""
        return [each.path for each in self.asked if each.path.startswith(start)]

    # arXiv

    def _arxiv(self, path: str, query: dict[str, str]) -> Given:
        if ids := query.get("id_list"):
            return self._by_id(ids)
        words = re.findall(r'(?:ti|all|abs):(?:"([^"]+)"|(\S+))', query["search_query"])
        found = [
            each
            for each in self.known
            if each.arxiv
            and _passes(each, query["search_query"])
            and all((a or b) in f"{each.title} {each.abstract}".lower() for a, b in words)
        ]
        if query.get("sortBy") == "submittedDate":
            found.sort(key=lambda each: each.day, reverse=True)
        return feed([entry(each) for each in found[: int(query["max_results"])]], len(found))

    def _by_id(self, ids: str) -> Given:
        match = re.fullmatch(r"(.+?)(?:v(\d+))?", ids)
        assert match is not None
        named, version = match[1], int(match[2] or 0)
        found = [
            entry(each, version or each.version)
            for each in self.known
            if each.arxiv == named and version <= each.version
        ]
        return feed(found, len(found))

    # Semantic Scholar

    def _graph(self, path: str, query: dict[str, str]) -> Given:
        path = path.removeprefix("/graph/v1")
        match path.split("/")[1:]:
            case ["paper", "search"]:
                found = self._with(query["query"])
                return _json({"total": len(found), "offset": 0, "data": list(map(record, found))})
            case ["paper", "search", "match"]:
                return self._matched(query["query"])
            case ["snippet", "search"]:
                return _json({"data": self.snippets, "retrievalVersion": "20250702"})
        kind = path.rpartition("/")[2] if path.endswith(("/citations", "/references")) else ""
        one = self._called(unquote(path.removeprefix("/paper/").removesuffix(f"/{kind}")))
        if one is None:
            return _missing(f"Paper with id {path} not found")
        if not kind:
            return _json(record(one))
        other = "citingPaper" if kind == "citations" else "citedPaper"
        offset, limit = int(query["offset"]), int(query["limit"])
        listed = [
            {**{k: v for k, v in link.items() if k != "paper"}, other: link["paper"]}
            for link in self.links
        ]
        more = {"next": offset + limit} if offset + limit < len(listed) else {}
        return _json({"offset": offset, **more, "data": listed[offset : offset + limit]})

    def _matched(self, title: str) -> Given:
        found = self._with(title)
        if not found:
            return _missing("Title match not found")
        return _json({"data": [{**record(found[0]), "matchScore": 174.2}]})

    def _recommended(self, path: str, query: dict[str, str]) -> Given:
        one = self._called(unquote(path.removeprefix("/recommendations/v1/papers/forpaper/")))
        if one is None:
            return _missing("Paper not found")
        others = [each for each in self.known if each.sha and each is not one]
        return _json(
            {"recommendedPapers": [record(each) for each in others][: int(query["limit"])]}
        )

    def _called(self, name: str) -> Known | None:
        kind, _, rest = name.partition(":")
        return next(
            (
                each
                for each in self.known
                if each.sha
                and (
                    (kind == "ARXIV" and rest == each.arxiv)
                    or (kind == "DOI" and rest == each.doi)
                    or (kind == "CorpusId" and rest == str(each.corpus))
                    or name == each.sha
                )
            ),
            None,
        )

    def _with(self, words: str) -> list[Known]:
        asked = re.findall(r"\w+", words.lower())
        return [
            each
            for each in self.known
            if each.sha and all(w in f"{each.title} {each.abstract}".lower() for w in asked)
        ]

    # The Hub

    def _hub(self, path: str, query: dict[str, str]) -> Given:
        listed = [each for each in self.known if each.on_hub]
        if path == "/api/papers/search":
            asked = re.findall(r"\w+", query["q"].lower())
            found = [each for each in listed if any(w in each.title.lower() for w in asked)]
            return _json([daily(each) for each in found][: int(query["limit"])])
        if path == "/api/daily_papers":
            return _json([daily(each) for each in listed])
        if path.startswith("/api/papers/"):
            one = next((each for each in listed if path == f"/api/papers/{each.arxiv}"), None)
            return MISSING if one is None else _json(page(one))
        kind = path.removeprefix("/api/")
        if kind in ("models", "datasets", "spaces"):
            named = query.get("filter") == f"arxiv:{QLORA.arxiv}"
            found_here = self.repositories.get(kind, []) if named else []
            return _json(found_here[: int(query["limit"])])
        return MISSING


def feed(entries: Sequence[str], total: int) -> Given:
    """arXiv's answer."""
    return Given(
        content_type=ATOM,
        content=f"""<?xml version='1.0' encoding='UTF-8'?>
<feed xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/"
 xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns="http://www.w3.org/2005/Atom">
  <id>https://arxiv.org/api/cHxbiOdZaP56ODnBPIenZhzg5f8</id>
  <title>arXiv Query: search_query=&amp;id_list=&amp;start=0&amp;max_results=10</title>
  <updated>2026-11-26T00:00:00Z</updated>
  <link href="https://arxiv.org/api/query?start=0" type="application/atom+xml"/>
  <opensearch:itemsPerPage>10</opensearch:itemsPerPage>
  <opensearch:totalResults>{total}</opensearch:totalResults>
  <opensearch:startIndex>0</opensearch:startIndex>
  {"".join(entries)}
</feed>""",
    )


def _passes(paper: Known, query: str) -> bool:
    """Whether the fields `au` and `cat` of arXiv's language allow it."""
    authors = re.findall(r'au:(?:"([^"]+)"|(\S+))', query)
    wanted = re.findall(r"cat:([^\s)]+)", query)
    named = " ".join(paper.authors).lower()
    return all((a or b) in named for a, b in authors) and (
        not wanted or any(fnmatchcase(paper.category, each) for each in wanted)
    )


def entry(known: Known, version: int | None = None) -> str:
    """A paper of arXiv's."""
    name = f"{known.arxiv}v{version or known.version}"
    authors = "".join(f"<author><name>{escape(each)}</name></author>" for each in known.authors)
    comment = f"<arxiv:comment>{escape(known.comment)}</arxiv:comment>" if known.comment else ""
    doi = f"<arxiv:doi>{known.doi}</arxiv:doi>" if known.doi else ""
    return f"""<entry>
    <id>http://arxiv.org/abs/{name}</id>
    <title>{escape(known.title_of_arxiv or known.title)}</title>
    <updated>{known.day}T17:50:33Z</updated>
    <link href="https://arxiv.org/abs/{name}" rel="alternate" type="text/html"/>
    <link href="https://arxiv.org/pdf/{name}" rel="related" type="application/pdf" title="pdf"/>
    <summary>{escape(known.abstract)}
    </summary>
    <category term="{known.category}" scheme="http://arxiv.org/schemas/atom"/>
    <published>{known.day}T17:50:33Z</published>
    {comment}<arxiv:primary_category term="{known.category}"/>{authors}{doi}
  </entry>"""


def refusal(what: str) -> Given:
    """arXiv's answer to what it does not understand: a feed, of one entry."""
    return feed(
        [
            f"""<entry><id>https://arxiv.org/api/errors#{what.replace(" ", "_")}</id>
    <title>Error</title><summary>{what}</summary>
    <updated>2026-11-26T00:00:00Z</updated><published>2026-11-26T00:00:00Z</published>
    <author><name>arXiv api core</name></author></entry>"""
        ],
        1,
    )


def record(known: Known) -> dict[str, Any]:
    """A paper of Semantic Scholar's."""
    ids: dict[str, Any] = {"CorpusId": known.corpus}
    if known.arxiv:
        ids["ArXiv"] = known.arxiv
    if known.arxiv or known.doi:
        ids["DOI"] = known.doi or f"10.48550/arXiv.{known.arxiv}"
    return {
        "paperId": known.sha,
        "externalIds": ids,
        "title": known.title,
        "abstract": known.abstract if known.arxiv else None,
        "venue": known.venue,
        "year": int(known.day[:4]),
        "publicationDate": known.day,
        "referenceCount": 60,
        "citationCount": known.citations,
        "influentialCitationCount": known.citations // 10,
        "openAccessPdf": {
            "url": "http://arxiv.org/pdf/2305.14314",
            "status": "GREEN",
            "license": "CCBY",
            "disclaimer": "Notice: Paper or abstract available at https://arxiv.org/abs/2305.14314",
        }
        if known.arxiv
        else None,
        "tldr": {"model": "tldr@v2.0.0", "text": f"About {known.title.lower()}."},
        "authors": [{"authorId": "1", "name": each} for each in known.authors],
    }


def page(known: Known) -> dict[str, Any]:
    """A paper of the Hub's."""
    return {
        "id": known.arxiv,
        "authors": [{"_id": "646d", "name": each, "hidden": False} for each in known.authors],
        "publishedAt": f"{known.day}T17:50:33.000Z",
        "title": known.title,
        "summary": known.abstract,
        "upvotes": known.upvotes,
        "discussionId": "646d7d4e",
        "ai_summary": f"In short: {known.title}.",
        "ai_keywords": ["finetuning"],
        **({"githubRepo": known.code, "githubStars": 10837} if known.code else {}),
        "linkedModels": [],
        "numTotalModels": 0,
        "linkedDatasets": [],
        "numTotalDatasets": 0,
        "linkedSpaces": [],
        "numTotalSpaces": 0,
    }


def daily(known: Known) -> dict[str, Any]:
    """The same, in a list."""
    paper = {
        key: value for key, value in page(known).items() if not key.startswith(("linked", "num"))
    }
    return {
        "paper": paper,
        "publishedAt": f"{known.day}T21:50:33.000Z",
        "title": known.title,
        "summary": known.abstract,
        "numComments": 2,
        "isAuthorParticipating": False,
    }


def _json(document: Any) -> Given:
    return Given(content=json.dumps(document))


def _missing(error: str) -> Given:
    return Given(content=json.dumps({"error": error}), status=404)


@contextmanager
def papers_server(**changes: Any) -> Iterator[PapersServer]:
    """It, running."""
    server = PapersServer(**changes)
    with Outside(server.answer) as outside:
        server.url = outside.url
        yield server


@contextmanager
def web_to(server: PapersServer, folder: Path, clock: Clock) -> Iterator[Web]:
    """The client of the product, to this server, with the pace that each service wants."""
    settings = Settings(
        arxiv_url=server.url,
        semantic_scholar_url=server.url,
        semantic_scholar_api_key="s2-fake-key",
        hf_endpoint=server.url,
        hf_token="hf_fake0123456789",
    )
    web = Web(services(settings), Cache(folder), clock, user_agent="test")
    try:
        yield web
    finally:
        web.close()
