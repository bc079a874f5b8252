"""Which paper is meant: every way in which people name one, as a `PaperId`.

Nothing is asked outside: what is only a title remains one, and a search has to find its paper.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from ml_intern.errors import InputError
from ml_intern.tools.papers.titles import plain_title

MOST_CHARS = 2_000
MOST_TITLE_CHARS = 400
_ARCHIVES = (
    "acc-phys|adap-org|alg-geom|ao-sci|astro-ph|atom-ph|bayes-an|chao-dyn|chem-ph|cmp-lg|comp-gas|"
    "cond-mat|cs|dg-ga|funct-an|gr-qc|hep-ex|hep-lat|hep-ph|hep-th|math|math-ph|mtrl-th|nlin|"
    "nucl-ex|nucl-th|patt-sol|physics|plasm-ph|q-alg|q-bio|quant-ph|solv-int|supr-con"
)
"""Of arXiv when ids began with one, until March 2007."""
_NUMBER = r"(?P<number>\d{4}\.\d{4,5})"
_OLD = rf"(?P<archive>{_ARCHIVES})(?:\.[a-z]+(?:-[a-z]+)?)?/(?P<old>\d{{7}})"
_ARXIV = rf"(?:{_NUMBER}|{_OLD})(?:v(?P<version>\d{{1,3}}))?(?![\d/])"
_WHOLE_ARXIV = re.compile(rf"{_ARXIV}(?:\.pdf|\.md|\.tex|\.tar\.gz)?", re.IGNORECASE)
_SAID_ARXIV = re.compile(
    rf"(?:\barxiv(?:\s+preprint)?(?:\s+arxiv)?\s*:\s*|\beprint\s*=\s*[{{\"]\s*){_ARXIV}",
    re.IGNORECASE,
)
_BARE_ARXIV = re.compile(rf"(?<![\w./-]){_ARXIV}(?![\w/-]|\.\w)", re.IGNORECASE)
_WHOLE_DOI = re.compile(r"10\.\d{4,9}/\S+")
_DOI = re.compile(r"(?<![\w.])10\.\d{4,9}/[^\s\"<>]+", re.IGNORECASE)
_ARXIV_DOI = re.compile(rf"10\.48550/arxiv\.{_ARXIV}", re.IGNORECASE)
_URL = re.compile(
    r"\bhttps?://[^\s\"<>]+|\b(?:[\w-]+\.)*(?:arxiv|doi|huggingface|hf|semanticscholar|ar5iv|"
    r"alphaxiv|aclanthology)\.(?:org|co)/[^\s\"<>]+",
    re.IGNORECASE,
)
_SHA = re.compile(r"[0-9a-f]{40}", re.IGNORECASE)
_CORPUS = re.compile(r"corpus\s?id\s*:\s*(\d{1,12})", re.IGNORECASE)
_OTHER = re.compile(r"(ACL|PMID|PMCID|MAG)\s*:\s*([\w.-]{1,40})", re.IGNORECASE)
_QUOTES = "\"'\u201c\u201d\u2018\u2019"
_HYPHENS = re.compile("[\u2010-\u2015\u2212]")
_KINDS_OF_ID = (
    "Give an arXiv id (2305.14314, 2305.14314v2, hep-th/9901001), a DOI, an address of arXiv, the "
    "Hub, Semantic Scholar or doi.org, or the title."
)


@dataclass(frozen=True, kw_only=True)
class PaperId:
    """One name of a paper: exactly one of `arxiv`, `doi`, `semantic_scholar` and `title` is set."""

    arxiv: str = ""
    """Without a version, as arXiv writes it: `2305.14314`, `hep-th/9901001`."""
    version: int | None = None
    """Of the paper on arXiv, where one was named; from 1."""
    doi: str = ""
    """In lower case, as DOIs do not know case. One of arXiv's own is an arXiv id instead."""
    semantic_scholar: str = ""
    """As its interface takes it: 40 hexadecimal digits, `CorpusId:N`, `ACL:…`, `PMID:…`."""
    title: str = ""
    """Without LaTeX."""

    @property
    def versioned(self) -> str:
        """The arXiv id with the version where one was named; empty for what is not on arXiv."""
        return f"{self.arxiv}v{self.version}" if self.arxiv and self.version else self.arxiv

    @property
    def for_semantic_scholar(self) -> str:
        """As Semantic Scholar takes it; it knows no versions. Empty for a title."""
        if self.arxiv:
            return f"ARXIV:{self.arxiv}"
        return f"DOI:{self.doi}" if self.doi else self.semantic_scholar

    @property
    def url(self) -> str:
        """Where people find it; empty for a title."""
        if self.arxiv:
            return f"https://arxiv.org/abs/{self.versioned}"
        if self.doi:
            return f"https://doi.org/{quote(self.doi, safe='/:;()')}"
        if self.semantic_scholar.startswith("CorpusId:"):
            return f"https://api.semanticscholar.org/CorpusID:{self.semantic_scholar[9:]}"
        if _SHA.fullmatch(self.semantic_scholar):
            return f"https://www.semanticscholar.org/paper/{self.semantic_scholar}"
        return ""

    def __str__(self) -> str:
        """For people: `arXiv:2305.14314v2`, `doi:10.…`, `CorpusId:1`, or the title in quotes."""
        if self.arxiv:
            return f"arXiv:{self.versioned}"
        if self.doi:
            return f"doi:{self.doi}"
        return self.semantic_scholar or f"“{self.title}”"


def identify(text: str) -> PaperId:
    """The paper that a person or a model names so.

    Raises InputError for nothing, for an id that cannot be, for an address that names no paper, and
    for words that name several papers.
    """
    if len(text) > MOST_CHARS:
        raise InputError(f"{len(text):,} characters are no name of a paper. {_KINDS_OF_ID}")
    words = _visible(text)
    if not words:
        raise InputError(f"No paper is named. {_KINDS_OF_ID}")
    usual = _HYPHENS.sub("-", unicodedata.normalize("NFKC", words))
    return _exactly(usual) or _inside(usual) or _titled(words)


def arxiv_id(text: str) -> PaperId | None:
    """What is an arXiv id as a whole, or begins with its name; None for anything else.

    Raises InputError for one that cannot be.
    """
    said = re.sub(r"^arxiv\s*[:.]?\s*", "", text, flags=re.IGNORECASE)
    found = _WHOLE_ARXIV.fullmatch(said.strip(" []()"))
    return _from_arxiv(found) if found else None


def doi_id(text: str) -> PaperId | None:
    """What is a DOI as a whole; None for anything else.

    Raises InputError for one of arXiv's own that cannot be.
    """
    said = re.sub(r"^doi\s*[:.]?\s*", "", text, flags=re.IGNORECASE)
    return _from_doi(_ended(said)) if _WHOLE_DOI.fullmatch(said) else None


def _visible(text: str) -> str:
    """On one line, without what cannot be seen."""
    seen = (" " if unicodedata.category(c) == "Cc" else c for c in text)
    return " ".join("".join(c for c in seen if unicodedata.category(c) != "Cf").split())


def _exactly(words: str) -> PaperId | None:
    """What is nothing but an id or an address."""
    said = re.sub(r"^url:", "", words, flags=re.IGNORECASE).strip("<>")
    if _URL.fullmatch(said):
        return _from_url(said)
    if found := arxiv_id(words) or doi_id(words):
        return found
    if _SHA.fullmatch(words):
        return PaperId(semantic_scholar=words.lower())
    if corpus := _CORPUS.fullmatch(words):
        return PaperId(semantic_scholar=f"CorpusId:{corpus[1]}")
    if other := _OTHER.fullmatch(words):
        return PaperId(semantic_scholar=f"{other[1].upper()}:{other[2]}")
    return None


def _inside(words: str) -> PaperId | None:
    """The id in a citation, in a line of BibTeX, or in the stamp on a page of arXiv's."""
    found = list(dict.fromkeys(_named_in(words)))
    if len(found) > 1 and len({(each.arxiv, each.doi) for each in found if each.arxiv}) == 1:
        found = [each for each in found if each.arxiv]  # the same one, with the publisher's DOI
    if len(found) > 1:
        names = ", ".join(map(str, found[:5]))
        raise InputError(f"That names {len(found)} papers ({names}). Name one.")
    return found[0] if found else None


def _named_in(words: str) -> Iterator[PaperId]:
    for said in _SAID_ARXIV.finditer(words):
        yield _from_arxiv(said)
    for url in _URL.finditer(words):
        try:
            yield _from_url(_ended(url[0]))
        except InputError:  # an address of something else, beside the paper
            continue
    rest = _URL.sub(" ", words)
    for doi in _DOI.finditer(rest):
        yield _from_doi(_ended(doi[0]))
    for bare in _BARE_ARXIV.finditer(_DOI.sub(" ", rest)):
        try:
            yield _from_arxiv(bare)
        except InputError:  # some other number
            continue


def _titled(words: str) -> PaperId:
    title = plain_title(words).strip(_QUOTES + " ")
    if re.fullmatch(r"\d{4}\.\d+(v\d+)?|[\w-]+/\d{7}(v\d+)?", title):
        raise InputError(f"{title} is no arXiv id. {_KINDS_OF_ID}")
    if len(title) > MOST_TITLE_CHARS or not any(char.isalpha() for char in title):
        shown = f"{title[:80]}…" if len(title) > 80 else title
        raise InputError(f"{shown!r} names no paper. {_KINDS_OF_ID}")
    return PaperId(title=title)


def _from_arxiv(found: re.Match[str]) -> PaperId:
    """Raises InputError where no paper can have this id."""
    number, version = found["number"], found["version"]
    said = found[0].strip()
    if version is not None and int(version) == 0:
        raise InputError(f"{said}: versions on arXiv begin with v1.")
    if number:
        year, month = int(number[:2]), int(number[2:4])
        digits = 5 if (year, month) >= (15, 1) else 4
        if not 1 <= month <= 12 or (year, month) < (7, 4) or len(number) != 5 + digits:
            raise InputError(
                f"{said} is no arXiv id: those are YYMM.NNNN from 0704 on, and YYMM.NNNNN from "
                "1501 on."
            )
    elif not 1 <= int(found["old"][2:4]) <= 12:
        raise InputError(f"{said} is no arXiv id: the third and fourth digit are a month.")
    return PaperId(
        arxiv=number or f"{found['archive'].lower()}/{found['old']}",
        version=int(version) if version else None,
    )


def _from_doi(doi: str) -> PaperId:
    if own := _ARXIV_DOI.fullmatch(doi):
        return _from_arxiv(own)
    if {".", ".."} & set(doi.split("/")):  # it becomes a part of an address
        raise InputError(f"{doi} is no DOI of a paper.")
    return PaperId(doi=doi.lower())


def _ended(said: str) -> str:
    """Without the punctuation of the sentence that it stands in."""
    said = said.rstrip(_QUOTES + ".,;:!?")
    while said and said[-1] in ")]}":
        opening = {")": "(", "]": "[", "}": "{"}[said[-1]]
        if said.count(opening) >= said.count(said[-1]):
            break
        said = said[:-1].rstrip(".,;:")
    return said


def _from_url(url: str) -> PaperId:
    """Raises InputError for an address that names no paper."""
    try:
        parts = urlsplit(url if "://" in url else f"https://{url}")
        host = (parts.hostname or "").removeprefix("www.")
    except ValueError as exc:
        raise InputError(f"{url} is no address: {exc}.") from exc
    path = unquote(parts.path).strip("/")
    found = _from_place(host, path)
    if found is None and (doi := _DOI.search(path)):
        # Publishers put the DOI into the address, and more behind it.
        found = _from_doi(re.sub(r"(v\d+)?(\.full|\.abstract)?(\.pdf)?$", "", doi[0]))
    if found is None:
        raise InputError(f"{url} is no address of a paper that is known here. {_KINDS_OF_ID}")
    return found


def _from_place(host: str, path: str) -> PaperId | None:
    """By the rules of the site."""
    kind, _, rest = path.partition("/")
    if host in ("doi.org", "dx.doi.org"):
        return doi_id(path)
    if host in ("arxiv.org", "ar5iv.org", "alphaxiv.org") or host.endswith(".arxiv.org"):
        return _from_parts(path.split("/"))
    if host in ("huggingface.co", "hf.co") and kind == "papers":
        return _from_parts(rest.split("/"))
    if host == "semanticscholar.org" or host.endswith(".semanticscholar.org"):
        return _from_semantic_scholar(path)
    if host in ("aclanthology.org", "aclweb.org"):
        name = path.removeprefix("anthology/").removesuffix(".pdf")
        return PaperId(semantic_scholar=f"ACL:{name}") if re.fullmatch(r"[\w.-]+", name) else None
    return None


def _from_parts(parts: list[str]) -> PaperId | None:
    """An arXiv id among the parts of a path; there may be a file of the paper behind it."""
    for first in range(len(parts)):
        for length in (1, 2):
            if found := arxiv_id("/".join(parts[first : first + length])):
                return found
    return None


def _from_semantic_scholar(path: str) -> PaperId | None:
    if path.lower().startswith("arxiv/"):
        return _from_parts(path.split("/"))
    if corpus := _CORPUS.search(path):
        return PaperId(semantic_scholar=f"CorpusId:{corpus[1]}")
    found = next((part for part in reversed(path.split("/")) if _SHA.fullmatch(part)), None)
    return PaperId(semantic_scholar=found.lower()) if found else None
