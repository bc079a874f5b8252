"""What a literal says of itself: a secret, a placeholder for one, or something else. Pure."""

import base64
import binascii
import re

SHORTEST_PASSWORD = 4
SHORTEST_RANDOM = 16
SHORTEST_LOGIN = 8
SHORTEST_CHOSEN = 8

_PLACEHOLDER = re.compile(
    r"""
      \[REDACTED | \$\{ | \{\{ | ^\$(?:[({]|\w+$|\d+::\w+$) | ^%(?:\(|[sdr]\b|\w+%$)
    | ^\{[\w.]*\}$ | ^<[^<>]*>$ | ^<<-?\w+$ | ^&\w{2,5}; | ^\|[^|]*\|$ | ^\[[^]]*\]$
    | \(\?[:P=!<] | \[\^?(?:a-z|A-Z|0-9) | \.\.\. | … | ^[xX*•.\-_#?0]+$ | [xX*•]{4,}
    | ^AWS4-HMAC | EXAMPLE(?:KEY)?$
    | (?i: \byour\b | \byour[_-] | [_-]here\b | \bexample\b | ^my[_-] | \bplaceholder\b
         | ^insert[_-]
         | ^(?: change[_-]?me | replace[_-]?me | todo | tbd | fixme | dummy | redacted | hidden
              | none | null | nil | true | false | yes | no | undefined | nan | required | optional
              | string | str | int | bool | bytes | text | any | object | number | secretstr | self
              | password | passwd | secret | token | key | api[_-]?key | passphrase | value | test
              | not[_-]?needed | not[_-]?used | not[_-]?set | unset | missing | empty | default
              | unknown | set | present | ok | x-oauth-basic
              | ollama | lm-?studio | vllm
           )$ )
    """,
    re.VERBOSE,
)
_DIGEST = re.compile(r"(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{56}|[0-9a-f]{64}|[0-9a-f]{96,})")
_DIGEST_OF = re.compile(rf"(?:[A-Za-z][A-Za-z0-9.]{{0,20}}[-_:/]){{1,8}}{_DIGEST.pattern}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_CONSTANT = re.compile(r"[A-Z]{2,15}(?:_[A-Z]{1,15})+")
_VERSIONED = re.compile(r"[a-z]{2,}(?:[-_./:][a-z]{2,})+[-_.]v\d{1,3}")
_RUNS = re.compile(r"[a-z]+|[A-Z]+|[0-9]+")
_CAMELS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
SHORTEST_CAMEL = 3
"""Of the words of a class: hardly any random text has none that is shorter."""


def is_placeholder(value: str) -> bool:
    """It stands where a secret would, and is none."""
    return _PLACEHOLDER.search(value) is not None


def is_digest(value: str) -> bool:
    """A checksum, or a UUID: they look random, and nobody keeps them secret."""
    return _DIGEST.fullmatch(value) is not None or _UUID.fullmatch(value) is not None


def is_digest_of(value: str) -> bool:
    """A checksum behind the words that say of what: `Linux-pip-0cc1…`."""
    return _DIGEST_OF.fullmatch(value) is not None


def is_constant(value: str) -> bool:
    """The name of one: `SOME_CONSTANT`."""
    return _CONSTANT.fullmatch(value) is not None


def is_versioned(value: str) -> bool:
    """Words and their version, as keys of rows and caches are: `train-shards-v3`."""
    return _VERSIONED.fullmatch(value) is not None


def is_login(value: str) -> bool:
    """`user:password`, as base64."""
    if len(value) < SHORTEST_LOGIN:
        return False
    try:
        text = base64.b64decode(value + "=" * (-len(value) % 4), validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return False
    return ":" in text and text.isprintable()


_SIGNS = frozenset("!@#$%^&*~?")


def looks_like_password(value: str) -> bool:
    """As people are made to choose them: of letters, digits and signs."""
    return (
        len(value) >= SHORTEST_CHOSEN
        and value.isascii()
        and not any(map(str.isspace, value))
        and any(map(str.isalpha, value))
        and any(map(str.isdigit, value))
        and not _SIGNS.isdisjoint(value)
    )


def is_of_words(value: str) -> bool:
    """`SomeClassName`, `some_name`: none of its words is shorter than words are."""
    return min(map(len, _CAMELS.findall(value)), default=0) >= SHORTEST_CAMEL


def looks_random(value: str, shortest: int = SHORTEST_RANDOM) -> bool:
    """Nobody would write it by hand: it changes between letters and digits too often.

    Words, joined in whatever way (`train-batch-size-16`, `camelCaseName`), change seldom: fewer
    than once in four characters.
    """
    if len(value) < shortest or not value.isascii():
        return False
    runs = _RUNS.findall(value)
    letters = sum(map(len, runs))
    if letters < 0.8 * len(value) or not any(run[0].isalpha() for run in runs):
        return False
    has_digit = any(run[0].isdigit() for run in runs)
    if not has_digit and is_of_words(value):
        return False
    return len(runs) * (4 if has_digit else 3) >= letters
