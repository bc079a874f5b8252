"""Secrets that are known by the name before them: `password = "hunter2"`, `export HF_TOKEN=abc`,
`{"client_secret": "…"}`, `--api-key abc`, `machine h login ada password hunter2`. Pure.

Finds a word such as `token`, takes the whole name around it, what parts it from a value, and the
value; `names.py` and `values.py` judge them.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from ml_intern.tracing.redaction import names, values
from ml_intern.tracing.redaction.span import Span

_HINT = re.compile("pass|pwd|secret|token|key|cred|auth|_pat|_pw|cookie")
"""In the lower-cased text."""
LONGEST_NAME = 80
LONGEST_VALUE = 4096
LONGEST_BARE = 256
"""Only so much of an unquoted value is judged; it is replaced whole."""

_BEFORE = re.compile(r"[A-Za-z0-9_.$-]*")
_WORDS_BEFORE = re.compile(rf"(?:\b[A-Za-z]{{1,20}} )?\b(?i:{'|'.join(names.IN_PROSE)}) $")
_AFTER = re.compile(r"[A-Za-z0-9_-]{0,40}")

_QUOTE = r"\\{0,7}(?:\"\"\"|'''|[\"'`])"
_BETWEEN = re.compile(
    rf"""
    (?P<closing> {_QUOTE} )?  \)? \]?
    (?:
        [ \t]{{0,8}} (?: \[[^\]\n]{{0,20}}\] )?
        (?: :[ \t]{{0,4}} [A-Za-z_.]{{1,40}} (?:\[[\w ,.]{{0,40}}\])?
            (?:[ ]?\|[ ]?None)? [ \t]{{0,4}} (?==) )?
        (?: (?P<sign> => | := | [=!]={{1,2}} | [=:] | -> ) | %3[Dd] )
        [ \t]{{0,8}} (?: [|>][+-]?[0-9]? [ \t]{{0,8}} (?=\r?\n) )? (?: \r?\n[ \t]{{0,40}} )?
      | (?P<comma> , ) [ \t]{{0,8}} (?: "?value"?[ ]?[=:][ ]? )?
      | (?P<tag> > )
      | (?P<verb> [ ] (?: is | was | to ) [ ] (?:now[ ]|set[ ]to[ ])? )
      | (?P<blank> [ \t]{{1,8}} )
    )
    """,
    re.VERBOSE,
)
_WRAPPER = re.compile(r"(?:(?:pydantic\.)?SecretStr|Secret|String::from|b64decode)\(\s{0,8}")
_QUOTED = re.compile(
    rf"(?P<prefix>[bBrRuUfF]{{0,2}})(?P<quote>{_QUOTE})(?P<value>(?:(?!(?P=quote))(?:\\.|[^\n])){{1,{LONGEST_VALUE}}})(?P=quote)",
)
_BARE = re.compile(r"[^\s\"'`,;&|<>(){}\[\]\\]{3,256}")
_MORE = re.compile(r"[^\s\"'`,;&|<>(){}\[\]\\]*")
_TO_END = re.compile(r"[^\s\"'`]{3,256}(?=[ \t]*(?:\r?\n|$|\\n))")
_LOGIN_BEFORE = re.compile(r"(?:login|user|machine|account|username)\s{1,4}\S{1,100}\s{1,8}$")
_SETS_BEFORE = re.compile(r"(?:^|\s)(?:ENV|ARG|setenv|setx|set|-gx|-Ux|-x)[ \t]{1,4}$")
_LINE_BEFORE = re.compile(
    r"(?:^|\n|\\n|;|&&)[ \t+-]*(?:export |set |declare -x |ENV |ARG |-e |--env |- )?(?:\$env:)?$"
)

_CHAIN = re.compile(r"[A-Za-z_]\w*(?:(?:\.|->|::)[A-Za-z_]\w*)+")
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z_-]*")
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
_NO_WORD = re.compile(r"[a-z]{16,}|[A-Z]{16,}")
"""Longer than words are, and names are made of several."""
_NUMBER = re.compile(r"[-+]?\d[\d_.,eE%+-]*")
_PROSE = re.compile(
    r"(?i:\b(?:the|a|an|your|is|are|must|please|enter|for|of|to|in|and|or|not|with|that|here|this"
    r"|invalid|wrong|required|password|token|key|secret|from|by|it|was|be|if|no)\b)"
)


class _Place(NamedTuple):
    """A name, and what stands between it and its value."""

    name: str
    strength: names.Strength
    line_begins: bool
    between: re.Match[str]


def spans(text: str, lowered: str) -> Iterator[Span]:
    """The values only."""
    at = 0
    for hint in _HINT.finditer(lowered):
        if hint.start() < at:
            continue
        name_ends = hint.start() + len(_AFTER.match(text, hint.start()).group())  # type: ignore[union-attr]
        place = _place(text, hint.start(), name_ends)
        value = place and _value(text, place)
        if place and value and value.is_secret:
            yield Span(value.start, value.end, names.kind(place.name))
        at = value.end if value and not value.is_quoted else name_ends


def _place(text: str, at: int, end: int) -> _Place | None:
    backwards = text[max(0, at - LONGEST_NAME) : at][::-1]
    start = at - len(_BEFORE.match(backwards).group())  # type: ignore[union-attr]
    name = text[start:end]
    strength = names.strength(name)
    if strength is None or (between := _BETWEEN.match(text, end)) is None:
        return None
    ahead = text[max(0, start - 120) : start]
    if strength == "weak" and (words := _WORDS_BEFORE.search(ahead)):
        name = words.group() + name
        strength = names.strength(name) or strength
    if not _parts(text, name, ahead, between):
        return None
    return _Place(name, strength, _LINE_BEFORE.search(ahead) is not None, between)


def _parts(text: str, name: str, ahead: str, between: re.Match[str]) -> bool:
    """Whether what matched parts a name from its value there."""
    if between["blank"] is not None:
        return (
            name.startswith("--")
            or text[between.end() : between.end() + 1] in ("'", '"', "`")
            or _SETS_BEFORE.search(ahead) is not None
            or _LOGIN_BEFORE.search(ahead) is not None
        )
    if between["tag"] is not None:
        return ahead.endswith("<")
    return between["comma"] is None or between["closing"] is not None


class _Value(NamedTuple):
    start: int
    end: int
    is_quoted: bool
    is_secret: bool


def _value(text: str, place: _Place) -> _Value | None:
    """What stands behind it; None where that is no value."""
    at = place.between.end()
    if wrapper := _WRAPPER.match(text, at):
        at = wrapper.end()
    if quoted := _QUOTED.match(text, at):
        start, end = quoted.span("value")
        return _Value(start, end, True, _is_quoted_secret(quoted, place))
    bare = (place.line_begins and _TO_END.match(text, at)) or _BARE.match(text, at)
    if not bare:
        return None
    value = bare.group().rstrip(".,:" if place.line_begins else ".,:!?")
    end = at + len(value)
    is_secret = _is_bare_secret(value, text[end : end + 1], place)
    if len(value) == LONGEST_BARE:
        end = _MORE.match(text, end).end()  # type: ignore[union-attr]
    return _Value(at, end, False, is_secret)


def _is_quoted_secret(quoted: re.Match[str], place: _Place) -> bool:
    value = quoted["value"]
    if "f" in quoted["prefix"].lower() and "{" in value:
        return False
    return is_secret(value, place.name, place.strength)


def is_secret(value: str, name: str, strength: names.Strength) -> bool:
    """Whether `value`, which is surely a literal, is one under this name."""
    if values.is_placeholder(value) or _is_a_name(value):
        return False
    if strength == "weak":
        return _is_random(value, name) or values.is_login(value)
    if len(value) < values.SHORTEST_PASSWORD:
        return False
    if any(map(str.isspace, value)):
        return names.is_for_words(name) and not _PROSE.search(value) and len(value) < 100
    return True


def _is_random(value: str, name: str) -> bool:
    """A checksum is the key of a cache more often than a secret."""
    digest = values.is_digest(value) and names.strength(name) == "weak" and not name.isupper()
    return values.looks_random(value) and not digest


def _is_a_name(value: str) -> bool:
    """Of a variable or a field that holds the secret: `OPENAI_API_KEY`, `access_token`."""
    return bool(_PLAIN_NAME.fullmatch(value) or _CHAIN.fullmatch(value)) and (
        names.strength(value) is not None
    )


def _is_bare_secret(value: str, behind: str, place: _Place) -> bool:
    """As `is_secret`, of what may also be code or words."""
    if len(value) < values.SHORTEST_PASSWORD or values.is_placeholder(value):
        return False
    if _is_random(value, place.name):
        return not _CHAIN.fullmatch(value) or "_" not in value
    if place.strength == "weak":
        return values.is_login(value)
    calls = behind in ("(", "[", "{", "<") and place.between["tag"] is None
    if calls or _is_a_name(value):
        return False
    if _CHAIN.fullmatch(value):
        return False
    if _NUMBER.fullmatch(value):
        return names.is_for_words(place.name) and len(value) >= 6 and value.isdigit()
    ends = behind in ("", "\n", "\r")
    if _IDENTIFIER.fullmatch(value):
        if _NO_WORD.fullmatch(value):
            return True
        has_digit = any(map(str.isdigit, value))
        if has_digit:
            return names.strength(value.rstrip("0123456789")) is None
        tight = place.between.group() == "="
        sure = place.name.isupper() and tight
        return (
            place.line_begins
            and ends
            and (
                sure
                or place.name.startswith("--")
                or tight
                or (place.between["sign"] == ":" and names.is_for_words(place.name))
            )
        )
    if place.between["verb"] is not None or place.between["sign"] == ":":
        return any(map(str.isdigit, value)) or (ends and names.is_for_words(place.name))
    return True
