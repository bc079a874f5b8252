"""Secrets that are known by the name before them: `password = "hunter2"`, `export HF_TOKEN=abc`,
`{"client_secret": "…"}`, `--api-key abc`, `machine h login ada password hunter2`. Pure.

Finds a word such as `token`, takes the whole name around it, what parts it from a value, and the
value; `names.py` and `literals.py` judge them.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from ml_intern.tracing.redaction import literals, names, templates, values
from ml_intern.tracing.redaction.literals import Seen
from ml_intern.tracing.redaction.span import Span

_HINT = re.compile("pass|pw|secret|token|key|cred|auth|_pat|cookie|bearer|sessionid|psk")
"""In the lower-cased text."""
LONGEST_NAME = 80
LONGEST_AHEAD = 100
"""Characters before a name that are looked at."""
LONGEST_VALUE = 4096
LONGEST_BARE = 256
"""Only so much of an unquoted value is judged; it is replaced whole."""

_BEFORE = re.compile(r"[A-Za-z0-9_.$-]*")
_ESCAPE = re.compile(r"(?<=\\)[nrtbf](?=[A-Za-z_])|(?<=[\[;])\d{1,3}m")
"""What an escape before a name adds to it: `\\nTOKEN`, `\x1b[32mTOKEN`."""
_AFTER = re.compile(r"[A-Za-z0-9_-]{0,40}")

_QUOTE = r"\\{0,31}(?:\"\"\"|'''|[\"'`]|&(?:quot|[#]x27|[#]39|[#]34);)"
"""Also in JSON in JSON, and in HTML."""
_OPENING = re.compile(_QUOTE)
_OPENED = re.compile(rf"{_QUOTE}$")
_LINE = (
    r"(?:\r?\n|\\{1,15}n)(?:[\w./-]{1,80}:\d{1,6}:)?"
    r"[ \t+>|-]{0,10}(?:\d{1,6}[\t→:|])?[ \t]{0,40}"
)
"""The end of a line, and what stands before the next one in a quotation, a diff or a listing."""
_WHOSE = r"[ ](?:for|of|to|on|in)(?:[ ][\w.-]{1,20}){1,5}?"
_BETWEEN = re.compile(
    rf"""
    (?P<closing> {_QUOTE} )?  (?P<bracket> \)?\]? )
    (?:
        [ \t]{{0,8}} (?: \[[^\]\n]{{0,20}}\] )?
        (?: :[ \t]{{0,4}} &?'?[A-Za-z_.]{{1,40}} (?:\[[\w ,.]{{0,40}}\])?
            (?:[ ]?\|[ ]?None)? (?: [ \t]{{1,4}} (?==) | (?=={_QUOTE}) ) )?
        [*_]{{0,3}} (?P<sign> => | := | [=!]={{1,2}} | [=:] | -> | %3[Dd] )
        (?: [*_]{{1,3}}(?=[ ]) )?
        [ \t]{{0,8}} (?: [|>][+-]?[0-9]? [ \t]{{0,8}} (?=\r?\n) )?
        (?: (?: (?<=[:|>+-]) | (?<=:[ ]) ) {_LINE} (?<=[ \t]) )?
      | (?P<pair> ,?[ \t]{{0,8}}(?:{_LINE})?[ \t]{{0,40}}[-]?[ ]? {_QUOTE}? [Vv]alue {_QUOTE}?
            [ \t]{{0,4}}[=:][ \t]{{0,4}} )
      | (?P<comma> , ) [ \t]{{0,8}} (?: \w{{1,12}}=[\w.]{{1,20}},[ ]? ){{0,3}}
            (?: default[ ]?=[ ]? )?
      | (?P<block> [ \t]{{0,8}}\{{ [^{{}}]{{0,200}}? \bdefault[ \t]{{0,20}}=[ \t]{{0,4}} )
      | (?P<call> \( )
      | (?P<cell> `?[ \t]{{0,20}}\|[ \t]{{0,20}}`? )
      | (?P<tag> > | &gt; )
      | (?P<verb> (?:{_WHOSE})? [ ](?:is|was|to)[ ](?:now[ ]|set[ ]to[ ])? )
      | (?P<dash> [*_]{{0,3}} [ ] (?: [\u2013\u2014-] | \\{{1,15}}u201[34] ) [ ] )
      | (?P<told> {_WHOSE} :[ ]{{1,4}} )
      | (?P<blank> [ \t]{{1,40}} )
    )
    """,
    re.VERBOSE,
)
_WRAPPER = re.compile(
    rf"(?:{templates.FILLED}(?={_QUOTE}))|"
    r"(?:(?:pydantic\.)?SecretStr|Secret|String::from|b64decode|Some|bytes|\[\]byte|Buffer\.from"
    r"|new [A-Z]\w{0,40})?\(\s{0,40}(?=[bBrRuU]{0,2}[\"'`\\&])"
)
"""What makes a thing of a literal, a bracket around one, or a template that one fills."""
_QUOTED = re.compile(
    rf"(?P<prefix>[bBrRuUfF]{{0,2}})(?P<quote>{_QUOTE})"
    rf"(?P<value>(?:(?!(?P=quote))(?:\\.|[^\n])){{1,{LONGEST_VALUE}}})(?P=quote)",
)
_BARE = re.compile(r"[^\s\"'`,;&|<>(){}\[\]\\\x1b]{3,256}")
_MORE = re.compile(r"[^\s\"'`,;&|<>(){}\[\]\\\x1b]*")
_TO_END = re.compile(
    r"(?!\\{1,15}[nr])[^\s\"'`\x1b]{3,256}?(?=[ \t]*(?:\r?\n|$|\\{1,15}[nr\"']|\x1b))"
)
_LOGIN_BEFORE = re.compile(r"(?:login|user|machine|account|username)\s{1,4}\S{1,80}\s{1,8}$")
_SETS_BEFORE = re.compile(
    r"(?:^|[\s\"'`(+>→:m]|\\n)(?:ENV|ARG|setenv|setx|set|-gx|-Ux|-x)[ \t]{1,4}$"
)
_PAIR_BEFORE = re.compile(r"\w=[^\s=,;(){}]{1,60}[ ]$")
_LINE_BEFORE = re.compile(
    r"(?:^|\n|\\n|(?<!quot)(?<!#x27)(?<!#39);|&&|\x1b\[[\d;]{1,8}m|→)[ \t+>-]{0,40}"
    r"(?:export |set |declare -x |ENV |ARG |-e |--env |- )?(?:\$env:)?$"
)


class _Place(NamedTuple):
    """A name, and what stands between it and its value."""

    name: str
    strength: names.Strength
    way: str
    """The group of `_BETWEEN` that matched."""
    line_begins: bool
    in_query: bool
    in_pairs: bool
    at: int
    """Where the value would begin."""


class _Value(NamedTuple):
    start: int
    end: int
    is_quoted: bool
    is_secret: bool


def spans(text: str, lowered: str) -> Iterator[Span]:
    """The values only."""
    at = 0
    for hint in _HINT.finditer(lowered):
        if hint.start() < at:
            continue
        name_ends = _end(_AFTER, text, hint.start())
        place = _place(text, hint.start(), name_ends)
        value = place and _value(text, place)
        if place and value and value.is_secret:
            yield Span(value.start, value.end, names.kind(place.name))
        at = value.end if value and not value.is_quoted else name_ends


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    """Of a pattern that may match nothing, and so always matches."""
    found = pattern.match(text, at)
    return found.end() if found else at


def _place(text: str, at: int, end: int) -> _Place | None:
    start = at - _end(_BEFORE, text[max(0, at - LONGEST_NAME) : at][::-1], 0)
    if escape := _ESCAPE.match(text, start):
        start = escape.end()
    name = text[start:end]
    strength = names.strength(name)
    if strength is None or (between := _BETWEEN.match(text, end)) is None:
        return None
    ahead = text[max(0, start - LONGEST_AHEAD) : start]
    if strength == "weak":
        before = ahead[:-1].rpartition(" ")[2] if ahead.endswith(" ") else ""
        if before.lower() in names.IN_PROSE:
            name = f"{before} {name}"
            strength = names.strength(name) or strength
        elif ahead.endswith(("?", "&")) and name.lower() in ("token", "auth"):
            strength = "strong"
    way = between.lastgroup or ""
    in_query = ahead.endswith(("?", "&"))
    in_pairs = way == "sign" and _PAIR_BEFORE.search(ahead) is not None
    place = _Place(name, strength, way, way == "pair", in_query, in_pairs, between.end())
    if not _parts(text, place, ahead, between):
        return None
    return place._replace(line_begins=True) if _LINE_BEFORE.search(ahead) else place


def _parts(text: str, place: _Place, ahead: str, between: re.Match[str]) -> bool:
    """Whether what matched parts a name from its value there."""
    if place.way != "sign" and place.name.lower() == "pass":
        return False  # the verb
    match place.way:
        case "sign":
            return not (between["bracket"] and "\n" in between.group())  # of a function
        case "comma":
            opened = _OPENED.search(ahead) is not None
            return opened and between["closing"] is not None and not between["bracket"]
        case "tag":
            return ahead.endswith(("<", "&lt;"))
        case "blank":
            return _is_given(text, place, ahead)
        case "told":
            return names.is_for_words(place.name)
        case "call":
            return "." in place.name or _is_setter(place.name)
        case _:
            return True


def _is_given(text: str, place: _Place, ahead: str) -> bool:
    """Whether the word behind the blank is the value: of an option, in `.netrc`, in Docker's."""
    opening = _OPENING.match(text, place.at)
    word = _word_at(text, opening.end() if opening else place.at)
    if place.name.startswith("-") or literals.is_long_random(word):
        return True
    if place.strength == "weak":
        return False
    if place.strength == "strong" and values.is_digest(word):
        return True
    is_password = names.is_for_words(place.name)
    return (
        (is_password and opening is not None)
        or (is_password and _LOGIN_BEFORE.search(ahead) is not None)
        or (is_password and literals.is_numbered_word(word))
        or _SETS_BEFORE.search(ahead) is not None
        or place.name in ("requirepass", "masterauth")
    )


def _word_at(text: str, at: int) -> str:
    found = _BARE.match(text, at)
    return found.group().rstrip(".,:!?") if found else ""


def _is_called_with(text: str, place: _Place, quoted: re.Match[str]) -> bool:
    """`set_password("…")`, `.password("…")`, `.bearer_auth("…")`: with the secret alone.

    What is called by another name, such as `.get_secret("db")`, may be given the name of one.
    """
    called = place.name.rpartition(".")[2]
    is_alone = text[quoted.end() : quoted.end() + 1] == ")"
    return is_alone and (_is_setter(called) or literals.is_long_random(quoted["value"]))


def _is_setter(name: str) -> bool:
    return names.words_of(name)[0] in ("set", "with", "password")


def _value(text: str, place: _Place) -> _Value | None:
    """What stands behind it; None where that is no value."""
    at = place.at
    if wrapper := _WRAPPER.match(text, at):
        at = wrapper.end()
    if quoted := _QUOTED.match(text, at):
        start, end = quoted.span("value")
        is_template = "f" in quoted["prefix"].lower() and "{" in quoted["value"]
        is_secret = literals.is_secret(quoted["value"], place.name, place.strength)
        is_item = place.way == "comma" and literals.is_word(quoted["value"], place.name)
        if place.way == "call" and not _is_called_with(text, place, quoted):
            return None
        if place.way in ("told", "dash") and not literals.is_of_many_signs(quoted["value"]):
            return None
        return _Value(start, end, True, is_secret and not is_template and not is_item)
    bare = (place.line_begins and _TO_END.match(text, at)) or _BARE.match(text, at)
    if (
        not bare
        or place.way in ("comma", "block", "call")
        or (place.way == "blank" and bare.group()[0] == "-")
    ):
        return None
    value = bare.group().rstrip(",;)]}.:" if place.line_begins else ".,:!?")
    end = at + len(value)
    seen = Seen(
        value=bare.group() if bare.group().endswith("..") else value,
        behind=text[end : end + 1],
        way=place.way,
        sign=text[max(0, at - 3) : at],
        line_begins=place.line_begins,
        in_query=place.in_query,
        in_pairs=place.in_pairs,
    )
    is_secret = literals.is_bare_secret(seen, place.name, place.strength)
    if len(value) == LONGEST_BARE:
        end = _end(_MORE, text, end)
    return _Value(at, end, False, is_secret)
