"""Whether what stands under the name of a secret is one: a literal, or code, a template, words.

Pure. Errs on the side of a secret for what is quoted, and of code for what is not.
"""

import re
from dataclasses import dataclass

from ml_intern.tracing.redaction import names, values

_CHAIN = re.compile(r"[A-Za-z_]\w*(?:(?:\.|->|::)[A-Za-z_]\w*)+")
_CALL = re.compile(r"(?:[A-Za-z_][\w.:]*)?[(\[{]")
_DECORATOR = re.compile(r"@[A-Za-z_.]+")
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z_-]*")
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
_PATH = re.compile(r"(?:[~.]{0,2}|[A-Za-z]:)(?:[/\\][\w.-]+)+/?")
_RESOURCE = re.compile(r"(?:[\w.-]+(?:/[\w.-]+){2,}|arn:[\w:/.-]+)")
_ADDRESS = re.compile(r"[a-z]{2,8}://[^\s@]*")
_WORDS_AND_NUMBER = re.compile(r"[A-Za-z]{3,}(?:[-_.][A-Za-z]{3,})+[-_.]?\d{2,}")
_NO_WORD = re.compile(r"[a-z]{16,}|[A-Z]{16,}")
"""Longer than words are, and names are made of several."""
_OF_A_FORM = re.compile(r"[\w-]{0,20}[cx]srf[\w-]{0,20}=", re.IGNORECASE)
"""The first of the cookies: its token opens nothing without that of a session."""
_NUMBER = re.compile(r"[-+]?\d[\d_.,eE%+-]*")
_PROSE = re.compile(
    r"(?i:\b(?:the|a|an|your|is|are|must|please|enter|for|of|to|in|and|or|not|with|that|here|this"
    r"|invalid|wrong|required|password|token|key|secret|from|by|it|was|be|if|no)\b)"
)
LONGEST_PHRASE = 100
SHORTEST_ALONE = 8
SHORTEST_TOKEN = 10
SHORTEST_PHRASE = 3
"""Dashes between words that make a passphrase of them; `base64-encoded` is none."""
SHORTEST_IDENTIFIER = 6
"""That could be a token: `Boto3` is none."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A value that no quotes mark, and how it stands."""

    value: str
    behind: str
    """The character behind it; empty at the end of the text."""
    way: str
    """What parts it from its name: `sign`, `verb`, `tag`, …"""
    sign: str
    """The last characters of that."""
    line_begins: bool
    """Its name is the first thing of a line, or of a command."""
    in_query: bool
    """Of an address, or of a form."""
    in_pairs: bool
    """It follows another pair behind a blank: `user=etl password=…`, as no code is written."""

    @property
    def ends(self) -> bool:
        """Nothing follows on its line."""
        return self.behind in ("", "\n", "\r")


def is_secret(value: str, name: str, strength: names.Strength) -> bool:
    """Whether `value`, which is surely a literal, is a secret under this name."""
    if values.is_placeholder(value) or _is_no_value(value, name):
        return False
    if strength == "weak":
        is_chosen = values.is_login(value) or values.looks_like_password(value)
        return is_chosen or _is_random(value, name) or _is_token(value, name)
    if len(value) < values.SHORTEST_PASSWORD:
        return False
    if strength == "fair" and not (_is_numbered(value) or values.looks_random(value)):
        return False
    if any(map(str.isspace, value)):
        is_phrase = len(value) < LONGEST_PHRASE and not _PROSE.search(value)
        return names.is_for_words(name) and is_phrase
    return True


def is_bare_secret(seen: Seen, name: str, strength: names.Strength) -> bool:
    """As `is_secret`, of what may also be code or words."""
    value = seen.value
    if len(value) < values.SHORTEST_PASSWORD or values.is_placeholder(value) or value == name:
        return False
    if _CALL.match(value) or _DECORATOR.fullmatch(value) or _OF_A_FORM.match(value):
        return False
    if seen.behind in ("(", "[", "{", "<") and seen.way != "tag":
        return False
    if seen.way in ("told", "dash") and not is_of_many_signs(value):
        return False
    if _is_random(value, name):
        return not _CHAIN.fullmatch(value) or "_" not in value or _has_random_link(value)
    if strength == "weak":
        is_chosen = values.is_login(value) or values.looks_like_password(value)
        return is_chosen or _is_token(value, name) or _is_set_to_words(seen, name)
    if _is_no_value(value, name):
        return False
    if seen.way == "cell" and names.is_for_words(name) and _is_of_no_words(value):
        return True
    if strength == "fair" and not _is_numbered(value):
        return False
    if _NUMBER.fullmatch(value):
        return names.is_for_words(name) and len(value) >= 6 and value.isdigit()
    if _CHAIN.fullmatch(value):
        is_alone = seen.line_begins and seen.ends
        return _is_numbered(value) and (is_alone or names.is_for_words(name))
    if _IDENTIFIER.fullmatch(value):
        return _is_no_identifier(seen, name)
    if seen.way in ("verb", "cell") or ":" in seen.sign:
        is_told = seen.ends or value.count("-") >= SHORTEST_PHRASE
        is_told |= values.looks_random(value, values.SHORTEST_CHOSEN)
        return _has_digit(value) or (is_told and names.is_for_words(name))
    return True


def is_of_many_signs(value: str) -> bool:
    """As passwords are, and what a sentence may put in their place is not."""
    kinds = (str.islower, str.isupper, str.isdigit)
    is_mixed = all(any(map(kind, value)) for kind in kinds)
    is_long = len(value) >= values.SHORTEST_CHOSEN
    return (is_mixed and is_long) or values.looks_like_password(value) or is_long_random(value)


def is_word(value: str, name: str) -> bool:
    """One of several in a list, such as `("password", "api_key", "name")`."""
    return _PLAIN_NAME.fullmatch(value) is not None and not (
        name.isupper() or _NO_WORD.fullmatch(value) or values.looks_random(value)
    )


def is_long_random(word: str) -> bool:
    """It needs no more than the name of a secret somewhere before it."""
    if not values.looks_random(word) or values.is_digest(word):
        return False
    return not _CHAIN.fullmatch(word) or _has_random_link(word)


def is_numbered_word(word: str) -> bool:
    """`cobalt_velvet613`: a password, where a program's name is not likely."""
    return (
        len(word) >= SHORTEST_ALONE
        and _IDENTIFIER.fullmatch(word) is not None
        and (_is_numbered(word) and word[0].isalpha())
    )


def _has_random_link(chain: str) -> bool:
    """`pk.tkAqXNI3UGNDYtgsLuBm` is no field of an object."""
    return any(values.looks_random(link) and _has_digit(link) for link in chain.split("."))


def _is_no_identifier(seen: Seen, name: str) -> bool:
    """Although it looks like one: `hunter2`, or the value of a line that sets a variable."""
    value = seen.value
    if _NO_WORD.fullmatch(value) or seen.in_query:
        return True
    if seen.in_pairs and _is_of_no_words(value):
        return True
    if _has_digit(value):
        is_long = len(value) >= SHORTEST_IDENTIFIER or names.is_for_words(name)
        return is_long and names.strength(value.rstrip("0123456789")) is None
    if seen.way == "verb":
        return values.looks_random(value, shortest=10)
    if not (seen.line_begins and seen.ends):
        return False
    is_set = seen.sign.endswith("=") and not seen.sign.endswith("==")
    is_yaml = ":" in seen.sign and (names.is_for_words(name) or seen.way == "pair")
    return is_set or is_yaml or name.startswith("-")


def _is_token(value: str, name: str) -> bool:
    """`token` may also hold a piece of language: it looks neither random nor numbered."""
    if name.lower() != "token":
        return False
    is_random = values.looks_random(value, SHORTEST_TOKEN) and _has_digit(value)
    return (is_random and value != value.lower()) or _WORDS_AND_NUMBER.fullmatch(value) is not None


def _is_set_to_words(seen: Seen, name: str) -> bool:
    """`token: cedarkelp809`, alone on a line: no piece of language has such a number."""
    is_alone = seen.line_begins and seen.ends and seen.way == "sign"
    is_long = len(seen.value) >= SHORTEST_ALONE and _IDENTIFIER.fullmatch(seen.value) is not None
    return is_alone and is_long and _is_numbered(seen.value) and name.lower() == "token"


def _is_random(value: str, name: str) -> bool:
    """A checksum is the key of a cache more often than a secret."""
    is_digest = values.is_digest(value) or values.is_digest_of(value)
    is_of_data = is_digest and names.is_of_data(name)
    return values.looks_random(value) and not is_of_data and not _ADDRESS.match(value)


def _is_no_value(value: str, name: str) -> bool:
    """It says what or where the secret is, not what it is made of."""
    is_row = values.is_versioned(value) and not names.is_for_words(name)
    return is_row or _is_a_name(value) or _leads_somewhere(value)


def _is_of_no_words(value: str) -> bool:
    """`RxksSuXPEQFMdX`, `hpJ#.qYwIuMvr`: letters of both cases, as no two words are joined."""
    is_mixed = value.isascii() and value.lower() != value and value.upper() != value
    is_long = len(value) >= values.SHORTEST_CHOSEN
    return is_long and is_mixed and not values.is_of_words(value)


def _is_a_name(value: str) -> bool:
    """Of a constant, or of a variable or field that holds the secret or something about it:
    `OPENAI_API_KEY`, `access_token`, `key_id`.
    """
    is_name = _PLAIN_NAME.fullmatch(value) or _CHAIN.fullmatch(value)
    return values.is_constant(value) or (is_name is not None and names.tells_of_one(value))


def _leads_somewhere(value: str) -> bool:
    """A file or an address; what is secret in an address is known otherwise."""
    leads = _PATH.fullmatch(value) or _RESOURCE.fullmatch(value)
    return bool(leads and not values.looks_random(value)) or bool(_ADDRESS.fullmatch(value))


def _has_digit(value: str) -> bool:
    return any(map(str.isdigit, value))


def _is_numbered(value: str) -> bool:
    """`Lumen.amber7261` is none of a program's names."""
    return re.search(r"\d\d[^A-Za-z_]?$", value) is not None
