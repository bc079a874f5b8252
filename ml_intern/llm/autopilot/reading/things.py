"""Paths, ids and quoted names in the words: which is data, model, output or repository.

A thing's role follows from the words just before it, and from its ending.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ml_intern.llm.autopilot.reading.page import Page, vocabulary, words

Role = Literal["data", "model", "output", "repository"]

_QUOTED = re.compile(
    r'"([^"\n]{1,400})"|“([^”\n]{1,400})”|„([^“”\n]{1,400})[“”]|«([^»\n]{1,400})»|`([^`\n]{1,400})`'
    r"|(?<!\w)'([^'\n]{1,400})'(?!\w)|\u2018([^\u2019\n]{1,400})\u2019(?!\w)"
)
_TOKEN = re.compile(r"\S{1,1000}")
_FOLDER = words(
    r"\b(?:folder|directory) (?:(?:called|named) )?(?!(?:with|of|that|which|and|or|is|for"
    r"|containing"
    r"|where|has|as|in|to|names?|structure|per|layout|data)\b)([\w-][\w.-]{0,100})"
)
_NAMED_FOLDER = words(
    r"\b(?:in|on|from|with|of|use|using|take|over|at) (?:the|my|our) (?!(?:same|whole|class|data"
    r"|image|images|train|training|validation|val|test|current|working|home|local|following|attached|model"
    r"|output|sub|root|parent|project|right|given|big|small|new|other|above|below)\b)"
    r"([\w-][\w.-]{0,100}) (?:folder|directory)\b(?! (?:names?|per)\b)"
)
_KEYED_DATA = words(
    r"(?:^|[\n.;,*\u2022-])[^\S\n]*(?:data(?:set)?|source|folder|images|input data) ?[:=] ?"
    r"(?!(?:the|a|an|my|our|see|in|from|as|is|to|of|on|image|text|csv|json)\b)"
    r"([A-Za-z][\w-]{0,100})(?= ?(?:$|[.;,\n]))"
)
_OUTPUT_NAME = words(
    r"(?:\boutput_?dir\s*[=:]\s*|\b(?:save|store) (?:it|the model) (?:as|to|in|under) "
    r"(?!(?:a|the|my|safetensors)\b))([\w-][\w.-]{0,200})"
)
_HUB_NAME = words(
    r"\b(?:fine-? ?tun\w*|base model|starting from|based on|back-?bone|check-?point)[ :=]*(?:the )?"
    r"((?=[\w.-]*(?:bert|vit|gpt|electra|resnet|deit|swin|xlm|minilm|uncased|cased|\d))"
    r"[a-z][\w.]*-[\w.-]+)".replace("[ :=]", r"[\s:=]")
)
_MODEL_ID = re.compile(
    r"[a-z0-9][\w.-]*/(?=[\w.-]*(?:base|large|small|tiny|mini|cased|\d))(?:[\w.]+-)*"
    r"(?:\w*bert\w*|vit|deit|beit|swin\w*|electra|minilm|mpnet|xlm\w*|resnet|convnext\w*|dinov2)"
    r"(?:-[\w.]+)+",
    re.IGNORECASE,
)
_DATA_ENDING = re.compile(
    r"\.(?:csv|tsv|jsonl?|ndjson|parquet|arrow|txt|xlsx?|zip|tar|t?gz|npz)$", re.IGNORECASE
)
_HUB_DATASET = re.compile(
    r"hub:[\w.-]+/|https?://(?:huggingface\.co|hf\.co)/datasets/|hf://datasets/"
)
_ROOTED = re.compile(r"(?:~|\.{1,2})?/")
_PLAIN = vocabulary(
    "and or train training validation val test dev text label labels input output f1 acc "
    "accuracy he she his her he/she either both yes no w o n a s c i e pass fail image "
    "images true false positive negative"
)
_BREAKS = vocabulary("and to from on with using into then for as or in at the")

_OUTPUT = words(
    r"(?:\b(?:sav|stor|writ|put|export|keep|dump)\w* (?:(?:it|them|everything)|"
    r"(?:(?:the|all|final|trained|best|resulting) )*(?:model|weights|results?|outputs?"
    r"|checkpoints?|files))"
    r"\b[^.;!?\n]{0,30}\b(?:to|in|into|under|at|as)|\b(?:save|export) (?:to|in|into|under)"
    r"|\boutputs?(?:[ _-]?(?:dir(?:ectory)?|folder|path))?(?: (?:is|to|in|into|under|goes to))?)"
    r"\s*(?:[:=]\s*)?(?:(?:the|a|my|folder|directory|dir|path|file) )*$"
)
_REPOSITORY = words(
    r"(?:\b(?:publish|push|upload|releas|shar)\w*\b[^.;!?\n]{0,50}\b(?:as|to|under|named|called"
    r"|name|at)"
    r"|\brepo(?:sitory)?(?: (?:name|named|called|is|id))?)"
    r"\s*(?:[:=]\s*)?(?:(?:the|my|a|name|named|called|hub|hugging|face|repo|repository) )*$"
)
_MODEL = words(
    r"(?:\bfine-? ?tun\w*|\bstart(?:ing|s)? (?:from|with)|\bbased on|\bbase(?: model)?|\bback-?bone"
    r"|\bcheck-?points?|\bpre-?trained|\binitiali[sz]\w+ (?:from|with)|\bcontinu\w+ (?:from"
    r"|training)"
    r"|\bmodel(?: (?:at|in|from|under|path|id|is))?|\bweights (?:of|at|in|under))"
    r"\s*(?:[:=]\s*)?(?:(?:the|a|my|our|model|checkpoint|weights|pre-?trained|at|in|from|of|file"
    r"|folder) )*$"
)
_FROM = words(
    r"\bfine-? ?tun\w*(?: (?!(?:on|with|using|over)\b)[^\s.;!?]+){0,5}? ?,? from "
    r"(?:(?:the|a|my|our|folder|directory|checkpoint|model) )*$"
)
_DATA = words(
    r"(?:\b(?:on|data ?sets?|data|corpus|from|using|with|in|under|at|of|folder|directory|over|use"
    r"|take"
    r"|inspect|file|source)|[:=])\s*"
    r"(?:(?:the|my|our|hub|local|folder|directory|data ?set|data|file|called|named|at|in|from) )*$"
)
_CALLED_DATA = words(
    r"\b(?:data ?set|data|corpus|file|folder) (?:(?:called|named|is|at|in) |[:=] ?)?$"
)
_BEFORE_CHARS = 70


@dataclass(frozen=True)
class Thing:
    """One path, id or name."""

    text: str
    role: Role
    certain: bool
    """Whether its ending or the words before it name the role; else it is a guess."""


@dataclass(frozen=True)
class _Span:
    text: str
    start: int
    end: int
    quoted: bool = False


def take_things(page: Page) -> list[Thing]:
    """Every path or id, taken off the page, in the order of the words."""
    found = []
    for span in _spans(page):
        before = page.text[max(0, span.start - _BEFORE_CHARS) : span.start] + (
            "" if _is_apart(page, span) else " "
        )
        thing = _judge(span, before)
        if thing is not None:
            found.append((span.start, thing))
            page.blank(span.start, span.end)
    return [thing for _, thing in sorted(found, key=lambda item: item[0])]


def _is_apart(page: Page, span: _Span) -> bool:
    return (
        span.start == 0 or page.text[span.start - 1].isspace() or page.text[span.start - 1] in ":="
    )


def _spans(page: Page) -> Iterator[_Span]:
    """Candidates, each looked up on the page as it is then: what was taken is not seen again."""
    for found in list(_QUOTED.finditer(page.text)):
        text = next(group for group in found.groups() if group is not None)
        yield _Span(text.strip(), *found.span(), quoted=True)
    yield from list(_bare_paths(page.text))
    for pattern in (_HUB_NAME, _FOLDER, _NAMED_FOLDER, _KEYED_DATA, _OUTPUT_NAME):
        for found in list(pattern.finditer(page.text)):
            yield _Span(found[1].rstrip("."), *found.span(1))


def _bare_paths(text: str) -> Iterator[_Span]:
    tokens = list(_TOKEN.finditer(text))
    skip_to = 0
    for index, token in enumerate(tokens):
        if token.start() < skip_to or not _promises_path(token[0]):
            continue
        start = token.start() + _lead(token[0])
        end = _end_with_spaces(tokens, index)
        bare = text[start:end].rstrip(".,;:!?)]}>\"'")
        if bare.endswith(("'s", "\u2019s")):
            bare = bare[:-2]
        if _is_path(bare):
            skip_to = start + len(bare)
            yield _Span(bare, start, skip_to)


def _promises_path(token: str) -> bool:
    return "/" in token or "." in token[1:]


def _lead(token: str) -> int:
    """Characters before the path itself: brackets, and the key of `data=x.csv`; the `hub:` of a
    dataset of the Hub belongs to it.
    """
    lead = len(token) - len(token.lstrip("([{<\"'"))
    key = re.match(r"(?!hub:)[\w-]{1,40}[=:](?!//)", token[lead:])
    return lead + (key.end() if key else 0)


def _end_with_spaces(tokens: list[re.Match[str]], index: int) -> int:
    """End of the path that begins in this token; a folder's name may hold spaces."""
    first = tokens[index]
    if first[0].startswith(("/", "~/")) and not is_file(first[0]):
        inside = False
        for token in tokens[index + 1 : index + 6]:
            word = token[0]
            inside = inside or "/" in word or word[0].isdigit()
            if (
                word.lower() in _BREAKS
                or word.startswith(("/", "~", "./", "../"))
                or word[0] in "\"'`("
            ):
                break
            if inside and is_file(word):
                return token.end()
            if word[-1] in ".,;:!?":
                break
    return first.end()


def is_file(token: str) -> bool:
    """Whether this ends like a file of data."""
    return _DATA_ENDING.search(token.rstrip(".,;:!?)]}>\"'")) is not None


def _is_path(text: str) -> bool:
    if _DATA_ENDING.search(text):
        return True
    if "/" not in text or "://" in text:
        return "://" in text
    if _ROOTED.match(text):
        return len(text) > 1 and text.strip("./~") != ""
    parts = [part for part in text.lower().split("/") if part]
    return bool(parts) and not all(part in _PLAIN or part.isdigit() for part in parts)


def _judge(span: _Span, before: str) -> Thing | None:
    """The thing with its role; None when these are just words."""
    if not span.text:
        return None
    if span.quoted and not _is_path(span.text):
        return _judge_name(span.text, before)
    if _DATA_ENDING.search(span.text) or _HUB_DATASET.match(span.text):
        return Thing(span.text, "data", certain=True)
    if _OUTPUT.search(before):
        return Thing(span.text, "output", certain=True)
    if _REPOSITORY.search(before) and not span.text.startswith(("/", "~", ".")):
        return Thing(span.text, "repository", certain=True)
    if _MODEL.search(before) or _FROM.search(before):
        return Thing(span.text, "model", certain=True)
    if _MODEL_ID.fullmatch(span.text) and not _CALLED_DATA.search(before):
        return Thing(span.text, "model", certain=True)
    if _DATA.search(before):
        return Thing(span.text, "data", certain=True)
    return Thing(span.text, "data", certain=False) if _is_sure_path(span.text) else None


def _is_sure_path(text: str) -> bool:
    return _ROOTED.match(text) is not None or text.endswith("/")


def _judge_name(text: str, before: str) -> Thing | None:
    """A quoted name without any sign of a path."""
    if _REPOSITORY.search(before):
        return Thing(text, "repository", certain=True)
    if _OUTPUT.search(before):
        return Thing(text, "output", certain=True)
    return Thing(text, "data", certain=True) if _CALLED_DATA.search(before) else None
