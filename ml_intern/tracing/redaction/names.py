"""Names under which secrets stand: `password`, `HF_TOKEN`, `clientSecret`; not `pad_token`.

Pure. Only what a name says: whether its value is a secret is judged in `values.py`.
"""

import re
from functools import lru_cache
from typing import Literal

Strength = Literal["strong", "fair", "weak"]
"""Strong: any literal value is a secret. Fair: one that is not of words alone. Weak: one that looks
random.
"""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

_ALWAYS = frozenset(
    (
        *("password", "passwd", "passwort", "pwd", "passphrase", "passcode", "pgpassword"),
        *("secret", "apikey", "authtoken", "accesstoken", "secretkey", "accesskey", "credential"),
        *(
            "dbpassword",
            "userpassword",
            "accountkey",
            "sharedaccesskey",
            "mysqlpwd",
            "sshpass",
            "psk",
        ),
    )
)
_ENDINGS = (
    *("password", "passwd", "pass", "passphrase", "secret", "apikey", "secretkey", "accesskey"),
    *(
        "authtoken",
        "accesstoken",
        "identitytoken",
        "refreshtoken",
        "sessiontoken",
        "bottoken",
    ),
)
"""Of words that are written as one: `requirepass`, `pgpassword`."""
_NO_PASSWORDS = frozenset(
    ("bypass", "compass", "overpass", "underpass", "encompass", "trespass", "surpass", "multipass")
)
_SHORT = frozenset(("pass", "pw", "psw"))
_KEYS = frozenset(
    (
        *("api", "access", "secret", "private", "auth", "encryption", "signing", "account"),
        *("storage", "master", "shared", "subscription", "webhook", "deploy", "license", "app"),
        *("application", "service", "admin", "client", "consumer", "integration", "ingest"),
    )
)
"""Before `key`, they make it the name of a secret; `primary_key` and `sort_key` are none."""
_SERVICES = frozenset(
    (
        *("openai", "anthropic", "claude", "gemini", "groq", "mistral", "cohere", "deepseek"),
        *("openrouter", "replicate", "huggingface", "hf", "kaggle", "wandb", "comet", "neptune"),
        *("langsmith", "langfuse", "pinecone", "qdrant", "tavily", "serper", "elevenlabs"),
        *("runpod", "datadog", "sendgrid", "stripe", "twilio", "github", "gitlab", "slack"),
    )
)
"""Whose `key` is one to their door."""
IN_PROSE = _KEYS | _SERVICES | {"bearer", "refresh", "bot", "session", "personal", "hub"}
"""Before `token` or `key` in a sentence."""
_OF_DATA = frozenset(
    (
        *("primary", "foreign", "sort", "cache", "public", "partition", "hash", "group", "index"),
        *(
            "lookup",
            "dict",
            "json",
            "row",
            "map",
            "object",
            "bucket",
            "registry",
            "config",
            "order",
        ),
    )
)
"""Before `key`, in a variable such as `SORT_KEY`."""
_OF_LANGUAGE = frozenset(
    (
        *("pad", "eos", "bos", "unk", "mask", "sep", "cls", "special", "image", "video", "audio"),
        *("start", "end", "stop", "begin", "decoder", "forced", "next", "prev", "previous", "last"),
        *("first", "current", "new", "input", "output", "sub", "word", "target", "source", "extra"),
        *("max", "min", "num", "per", "boi", "eoi", "eot", "eom", "bot", "eod", "boundary", "text"),
        *("additional", "generated", "predicted", "gold", "label", "sample", "prompt", "think"),
        *("page", "cancellation", "cancel", "continuation", "lang", "language", "prefix", "suffix"),
        *("middle", "fill", "fim", "time", "silence", "blank", "separator", "padding", "masked"),
        *("newline", "row", "col", "box", "vision", "speaker", "point", "ref", "object", "speech"),
        *("line", "node", "tool", "turn", "role", "by", "each", "a", "the", "one", "this", "that"),
    )
)
"""Before `token`, they make it a piece of text."""
_OF_FORMS = frozenset(("csrf", "xsrf"))
"""Before `token`: it opens nothing without the cookie of a session."""
_BEHIND = frozenset(
    (
        *("prod", "production", "dev", "test", "staging", "live", "old", "new", "backup", "base"),
        *("value", "plain", "plaintext", "raw", "default", "primary", "secondary", "main", "b"),
    )
)
"""What may stand behind such a name without making it another's."""
_ABOUT = re.compile(r"_(?:id|hash|name|path|file|ref|env|var)$", re.IGNORECASE)
"""What makes the name of a secret that of something known about it."""


def words_of(name: str) -> tuple[str, ...]:
    """Its words in lower case: of `HF_TOKEN`, `hf-token` and `hfToken` the same."""
    return tuple(word.lower() for word in _WORD.findall(name))


@lru_cache(maxsize=4096)
def strength(name: str) -> Strength | None:
    """How surely what stands under `name` is a secret; None: nothing says so."""
    words = words_of(name)
    while len(words) > 1 and words[-1] in _BEHIND:
        words = words[:-1]
    if not words:
        return None
    *before, last = words
    previous = before[-1] if before else ""
    singular = last.removesuffix("s") if last not in ("pass", "credentials") else last
    if last.endswith(_ENDINGS) and last not in _NO_PASSWORDS:
        return "strong"
    if singular in _ALWAYS or last in _SHORT or last == "credentials":
        return "strong"
    match singular:
        case "token" if last == "token":
            return _of_token(name, previous)
        case "key" if previous in ("public", "pub", "gpg", "pgp"):
            return None
        case "key":
            is_set = name.isupper() and previous and previous not in _OF_DATA
            return "strong" if previous in _KEYS | _SERVICES else "fair" if is_set else "weak"
        case "id" if before[-2:] == ["private", "key"]:
            return "strong"
        case "bearer":
            return "fair"
        case "auth" | "authorization" | "pat" | "cookie" | "dsn" | "sessionid":
            return "weak"
        case _:
            return None


def _of_token(name: str, previous: str) -> Strength | None:
    if not previous:
        return "strong" if name.isupper() else "weak"
    if previous in _OF_FORMS:
        return None
    if previous in _OF_LANGUAGE and not (name.isupper() and previous == "bot"):
        return "strong" if name.lower().startswith("slack") else None
    return "strong"


def tells_of_one(name: str) -> bool:
    """Whether it names a secret or what is known of one: `key`, `key_id`, `token_hash`."""
    return strength(_ABOUT.sub("", name)) is not None


def is_of_data(name: str) -> bool:
    """Whether it is rather the key of a row or a cache than one that opens something."""
    *before, last = words_of(name)
    is_option = name.startswith("-") and (not before or before[-1] not in _OF_DATA)
    is_key = strength(name) == "weak" and last.startswith("key")
    return is_key and not name.isupper() and not is_option


def is_for_words(name: str) -> bool:
    """A person chose the value: it may be of words, or of digits only."""
    return any("pass" in word or word in ("pwd", "pw", "psw") for word in words_of(name))


def kind(name: str) -> str:
    """How a value under `name` is called where it stood."""
    words = words_of(name)
    if is_for_words(name):
        return "password"
    for word in ("secret", "token", "key", "cookie"):
        if any(word in one for one in words):
            return word
    return "credential"
