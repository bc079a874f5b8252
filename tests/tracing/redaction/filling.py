"""Texts with and without secrets, made of the forms in `forms/`.

A form is a line. `⏎ ⇥ ␛ ␍` stand for what cannot stand in one, `«name:filter»` for a value made up
anew each time, written as the filter says. A name in `SECRETS` is a secret and is noted with its
kind, any other is filler. Each form belongs to one half, by its hash.

The forms were written without sight of the patterns. Values are made here rather than stored, so
that no scanner of repositories takes one for a real one.
"""

import base64
import hashlib
import html
import json
import random
import re
import string
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

FORMS = Path(__file__).parent / "forms"
Half = Literal["mend", "held"]

LETTERS_DIGITS = string.ascii_letters + string.digits
URL_SAFE = LETTERS_DIGITS + "-_"
BASE64 = LETTERS_DIGITS + "+/"
HEX = "0123456789abcdef"
SPECIAL = "!@#$%^&*-_=+?.~"

WORDS = [
    "otter",
    "maple",
    "copper",
    "harbor",
    "lantern",
    "velvet",
    "cobalt",
    "meadow",
    "falcon",
    "pepper",
    "willow",
    "amber",
    "orbit",
    "thunder",
    "saddle",
    "garnet",
    "ripple",
    "mosaic",
    "canyon",
    "tundra",
    "juniper",
    "bramble",
    "quartz",
    "ember",
]
USERS = [
    "amira",
    "bjorn",
    "chen",
    "dora",
    "elif",
    "farid",
    "greta",
    "hiro",
    "svc_train",
    "app",
    "mlops",
    "ci-bot",
]
HOSTS = [
    "db.internal",
    "10.0.3.17",
    "api.example.org",
    "pg-main.example.com",
    "models.corp.example",
    "localhost",
    "hub.lab.example",
    "vm7.example.net",
]
MODELS = [
    "meta-llama/Llama-3.1-8B-Instruct",
    "Qwen/Qwen2.5-0.5B",
    "google/gemma-2-9b-it",
    "bert-base-uncased",
    "mistralai/Mistral-7B-v0.3",
    "HuggingFaceTB/SmolLM2-135M",
    "openai/gpt-oss-20b",
    "sentence-transformers/all-MiniLM-L6-v2",
]
VARIABLES = [
    "key",
    "cred",
    "auth_key",
    "x",
    "value",
    "my_token",
    "k",
    "apiToken",
    "MY_KEY",
    "access",
]
ENVIRONMENT = {
    "hf": "HF_TOKEN HUGGING_FACE_HUB_TOKEN HUGGINGFACE_API_KEY HF_WRITE",
    "openai": "OPENAI_API_KEY OPENAI_KEY AZURE_KEY MODEL_KEY",
    "anthropic": "ANTHROPIC_API_KEY CLAUDE_KEY ANTHROPIC_AUTH_TOKEN LLM",
    "github": "GITHUB_TOKEN GH_TOKEN GH_PAT CI_CLONE",
    "gitlab": "GITLAB_TOKEN CI_JOB_TOKEN GL_PAT PRIVATE_TOKEN",
    "slack": "SLACK_BOT_TOKEN SLACK_TOKEN SLACK_APP_TOKEN NOTIFY",
    "google": "GOOGLE_API_KEY GEMINI_API_KEY MAPS_KEY GCP",
}
TIMES = {"tokens": 4, "none": 20, "named": 2, "wrapped": 4, "pem": 7}
"""How often a form is filled for a kind; 6 unless named."""


class Maker:
    """Makes values up, by name, from one seed."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)

    def of(self, alphabet: str, length: int) -> str:
        return "".join(self._random.choices(alphabet, k=length))

    def one(self, *choices: str) -> str:
        return self._random.choice(choices)

    def number(self, low: int, high: int) -> int:
        return self._random.randint(low, high)

    def word(self) -> str:
        return self.one(*WORDS)

    def human_password(self, special: str) -> str:
        """As a person thinks one up, 8 characters or more."""
        return self._random.choice(
            [
                lambda: self.word().title() + str(self.number(1000, 2030)) + self.one(*special),
                lambda: "-".join(self.word() for _ in range(4)),
                lambda: self.of(LETTERS_DIGITS, self.number(8, 20)) + str(self.number(0, 9)),
                lambda: f"{self.word()}_{self.word()}{self.number(10, 999)}",
                lambda: self.word()[:4] + self.of(LETTERS_DIGITS + special, 10) + "7a",
            ]
        )()

    def key(self) -> str:
        return self._random.choice(
            [
                lambda: self.of(LETTERS_DIGITS, self.number(20, 48)),
                lambda: self.of(HEX, 32),
                lambda: self.of(URL_SAFE, self.number(22, 43)) + "Q",
                lambda: self.of(string.ascii_lowercase + string.digits, self.number(24, 40)),
                lambda: self.one("rk_", "tvly-", "nv", "pk.", "key-") + self.of(LETTERS_DIGITS, 30),
            ]
        )()

    def jwt(self) -> str:
        def part(value: Any) -> str:
            packed = json.dumps(value, separators=(",", ":")).encode()
            return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()

        claims = {"sub": self.of(LETTERS_DIGITS, 12), "iat": self.number(10**9, 2 * 10**9)}
        return f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(claims)}.{self.of(URL_SAFE, 43)}"

    def setting(self) -> str:
        """What somebody set as a secret, of any look."""
        return self._random.choice(
            [
                lambda: self.of(LETTERS_DIGITS, 24),
                lambda: f"{self.word()} {self.word()} {self.word()}",
                lambda: f"{self.word()}-{self.word()}",
                lambda: self.of(LETTERS_DIGITS + SPECIAL + "\"'\\/<>&;: ", 14) + "e5",
                lambda: "pä" + self.word() + "ß" + str(self.number(100, 999)),
                lambda: str(self.number(10**9, 10**10)),
                lambda: f"a.*({self.word()}+)[{self.word()}]$",
            ]
        )()

    def uuid(self) -> str:
        return "-".join(self.of(HEX, length) for length in (8, 4, 4, 4, 12))


def _secrets() -> dict[str, tuple[str, Callable[[Maker], str]]]:
    def either(*ways: Callable[[Maker], str]) -> Callable[[Maker], str]:
        return lambda m: ways[m.number(0, len(ways) - 1)](m)

    return {
        "hf": ("hf", lambda m: "hf_" + m.of(string.ascii_letters, 34)),
        "openai": (
            "openai",
            either(
                lambda m: "sk-" + m.of(LETTERS_DIGITS, 20) + "T3BlbkFJ" + m.of(LETTERS_DIGITS, 20),
                lambda m: "sk-proj-" + m.of(URL_SAFE, 74) + "T3BlbkFJ" + m.of(URL_SAFE, 73) + "A",
                lambda m: (
                    "sk-svcacct-" + m.of(URL_SAFE, 74) + "T3BlbkFJ" + m.of(URL_SAFE, 73) + "A"
                ),
                lambda m: "sk-proj-" + m.of(LETTERS_DIGITS, 48),
                lambda m: "sk-" + m.of(LETTERS_DIGITS, 48),
            ),
        ),
        "anthropic": (
            "anthropic",
            either(
                lambda m: "sk-ant-api03-" + m.of(URL_SAFE, 93) + "AA",
                lambda m: "sk-ant-oat01-" + m.of(URL_SAFE, 93) + "AA",
                lambda m: "sk-ant-admin01-" + m.of(URL_SAFE, 93) + "AA",
            ),
        ),
        "github": (
            "github",
            either(
                lambda m: m.one("ghp_", "gho_", "ghs_", "ghu_", "ghr_") + m.of(LETTERS_DIGITS, 36),
                lambda m: "github_pat_" + m.of(LETTERS_DIGITS, 22) + "_" + m.of(LETTERS_DIGITS, 59),
            ),
        ),
        "gitlab": (
            "gitlab",
            either(
                lambda m: "glpat-" + m.of(URL_SAFE, 19) + "x",
                lambda m: m.one("gldt-", "glrt-", "glcbt-", "glsoat-") + m.of(URL_SAFE, 19) + "x",
                lambda m: "glptt-" + m.of(HEX, 40),
                lambda m: "glpat-" + m.of(URL_SAFE, 27) + ".01." + m.of(HEX, 9),
            ),
        ),
        "slack": (
            "slack",
            either(
                lambda m: (
                    f"xoxb-{m.of('123456789', 12)}-{m.of('123456789', 13)}-"
                    + m.of(LETTERS_DIGITS, 24)
                ),
                lambda m: (
                    "xoxp-"
                    + "-".join(m.of("123456789", 12) for _ in range(3))
                    + "-"
                    + m.of(HEX, 32)
                ),
                lambda m: (
                    f"xapp-1-A{m.of(string.ascii_uppercase, 10)}-{m.of('123456789', 13)}-"
                    + m.of(HEX, 64)
                ),
            ),
        ),
        "slackhook": ("slack", lambda m: m.of(LETTERS_DIGITS, 24)),
        "awsid": (
            "aws",
            lambda m: m.one("AKIA", "ASIA") + m.of(string.ascii_uppercase + "234567", 16),
        ),
        "awssecret": ("aws", lambda m: m.of(BASE64, 39) + m.of(LETTERS_DIGITS, 1)),
        "awssession": ("aws", lambda m: "IQoJb3JpZ2luX2Vj" + m.of(BASE64, 300) + "=="),
        "aiza": ("google", lambda m: "AIza" + m.of(URL_SAFE, 34) + "c"),
        "ya29": ("google", lambda m: "ya29." + m.of(URL_SAFE, 140) + "w"),
        "gocspx": ("google", lambda m: "GOCSPX-" + m.of(URL_SAFE, 27) + "k"),
        "grefresh": ("google", lambda m: "1//0" + m.of(URL_SAFE, 98) + "Y"),
        "pkid": ("google", lambda m: m.of(HEX, 40)),
        "google": (
            "google",
            either(
                lambda m: "AIza" + m.of(URL_SAFE, 34) + "c",
                lambda m: "ya29." + m.of(URL_SAFE, 140) + "w",
                lambda m: "GOCSPX-" + m.of(URL_SAFE, 27) + "k",
            ),
        ),
        "dbpw": ("database", lambda m: m.human_password("!@#$%&*+=/?")),
        "dbw": ("database", lambda m: m.human_password("!#%*_-.")),
        "bearer": (
            "bearer",
            either(
                Maker.jwt,
                lambda m: m.of(HEX, 40),
                lambda m: m.of(URL_SAFE, m.number(24, 60)) + "g",
                lambda m: m.of(BASE64, 42) + "A=",
                lambda m: m.uuid(),
            ),
        ),
        "basic": (
            "bearer",
            lambda m: base64.b64encode(
                f"{m.one(*USERS)}:{m.human_password('!@#$')}".encode()
            ).decode(),
        ),
        "pembody": (
            "pem",
            lambda m: "\n".join(
                [m.of(BASE64, 64) for _ in range(m.number(3, 8))] + [m.of(BASE64, 38) + "=="]
            ),
        ),
        "p": ("named", lambda m: m.human_password(SPECIAL)),
        "pw": ("named", lambda m: m.human_password("!@#$%&*+=/?")),
        "w": ("named", lambda m: m.human_password("-_.")),
        "k": ("named", Maker.key),
        "h": ("named", lambda m: m.of(HEX, int(m.one("32", "40")))),
        "h64": ("named", lambda m: m.of(HEX, 64)),
        "b": ("named", lambda m: base64.b64encode(m.of(LETTERS_DIGITS, 32).encode()).decode()),
        "b64w": ("named", lambda m: base64.b64encode(m.human_password("!@#").encode()).decode()),
        "j": ("named", Maker.jwt),
        "uuidsecret": ("named", Maker.uuid),
        "base32": ("named", lambda m: m.of(string.ascii_uppercase + "234567", 32)),
        "setting": ("settings", Maker.setting),
    }


SECRETS = _secrets()

FILLERS: dict[str, Callable[[Maker], str]] = {
    "word": Maker.word,
    "user": lambda m: m.one(*USERS),
    "host": lambda m: m.one(*HOSTS),
    "model": lambda m: m.one(*MODELS),
    "int": lambda m: str(m.number(1, 4096)),
    "int4": lambda m: str(m.number(100, 999)),
    "int9": lambda m: str(m.number(10**8, 10**9)),
    "float": lambda m: f"{m.number(0, 99)}.{m.number(0, 10**5)}",
    "code": lambda m: m.one("200", "401", "403", "500"),
    "date": lambda m: f"2026-0{m.number(1, 9)}-{m.number(10, 28)}",
    "time": lambda m: (
        f"{m.number(10, 23)}:{m.number(10, 59)}:{m.number(10, 59)},{m.number(100, 999)}"
    ),
    "sha1": lambda m: m.of(HEX, 40),
    "sha7": lambda m: m.of(HEX, 7),
    "sha256": lambda m: m.of(HEX, 64),
    "md5": lambda m: m.of(HEX, 32),
    "uuid": Maker.uuid,
    "hex8": lambda m: m.of(HEX, 8),
    "hex12": lambda m: m.of(HEX, 12),
    "hex16": lambda m: m.of(HEX, 16),
    "hex24": lambda m: m.of(HEX, 24),
    "HEX": lambda m: m.of(HEX.upper(), 32),
    "HEX16": lambda m: m.of(HEX.upper(), 16),
    "HEX40": lambda m: m.of(HEX.upper(), 40),
    "alnum": lambda m: m.of(LETTERS_DIGITS, 22),
    "alnum8": lambda m: m.of(string.ascii_lowercase + string.digits, 8),
    "alnum24": lambda m: m.of(LETTERS_DIGITS, 24),
    "b64": lambda m: m.of(BASE64, 43),
    "b64long": lambda m: m.of(BASE64, 400),
    "dna": lambda m: m.of("ACGT", 60),
    "U": lambda m: m.one(*VARIABLES),
}


def _escaped(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)[1:-1]


def _base64(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


def _cut(value: str, by: str) -> str:
    """`value` in two, as what shows it has wrapped it."""
    middle = len(value) // 2
    return value[:middle] + by + value[middle:]


FILTERS: dict[str, Callable[[str], str]] = {
    "": str,
    "url": lambda v: urllib.parse.quote(v, safe=""),
    "plus": urllib.parse.quote_plus,
    "path": lambda v: v.replace("/", "_"),
    "json": _escaped,
    "json2": lambda v: _escaped(_escaped(v)),
    "jsonslash": lambda v: v.replace("/", "\\/"),
    "u": lambda v: json.dumps(v)[1:-1],
    "html": html.escape,
    "b64": _base64,
    "basic": lambda v: _base64("u:" + v),
    "pyb": lambda v: repr(v.encode())[2:-1],
    "lines": str,
    "crlf": lambda v: v.replace("\n", "\r\n"),
    "esc": lambda v: v.replace("\n", "\\n"),
    "escrn": lambda v: v.replace("\n", "\\r\\n"),
    "esc2": lambda v: v.replace("\n", "\\\\n"),
    "esc4": lambda v: v.replace("\n", "\\\\\\\\n"),
    "indent4": lambda v: v.replace("\n", "\n    "),
    "diff": lambda v: v.replace("\n", "\n+"),
    "quote": lambda v: v.replace("\n", "\n> "),
    "jsconcat": lambda v: v.replace("\n", '\\n" +\n"'),
    "flat": lambda v: v.replace("\n", ""),
    "spaces": lambda v: v.replace("\n", " "),
    "numbered": lambda v: "\n".join(f"{n:6}\t{line}" for n, line in enumerate(v.split("\n"), 2)),
    "grep": lambda v: "\n".join(f"key.pem:{n}:{line}" for n, line in enumerate(v.split("\n"), 2)),
    "wrap": lambda v: _cut(v, "\n"),
    "box": lambda v: _cut(v, " │\n│ "),
    "contin": lambda v: _cut(v, "\\\n"),
    "concat": lambda v: _cut(v, '" "'),
    "ansi": lambda v: _cut(v, "\x1b[0m\x1b[33m"),
    "spaced": lambda v: _cut(v, "\n    "),
}

CUTS = [FILTERS[name] for name in ("wrap", "box", "contin", "concat", "ansi", "spaced")]
"""What tears a token apart is counted apart."""

_SPOT = re.compile(r"«(\w+)(?::(\w+))?»")
_UNSEEN = str.maketrans({"⏎": "\n", "⇥": "\t", "␛": "\x1b", "␍": "\r"})


def _forms(name: str) -> list[str]:
    lines = (FORMS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line]


def half_of(form: str) -> Half:
    """The same for a form whatever kind it is filled with."""
    return "held" if hashlib.sha256(form.encode()).digest()[0] % 2 else "mend"


def _webhook(maker: Maker) -> str:
    """What stands before the secret of an incoming webhook's path."""
    return f"T{maker.of(HEX.upper(), 9)}/B{maker.of(HEX.upper(), 9)}/"


def fill(form: str, seed: str, kind: str) -> dict[str, Any]:
    """One text of `form`; `«t»` is a token of `kind`, `«N»` what its variable is called.

    `known` of it: what the settings hold as secrets.
    """
    maker, secrets = Maker(seed), []
    known: dict[str, str] = {}

    def write(spot: re.Match[str]) -> str:
        name, filtered = spot[1], FILTERS[spot[2] or ""]
        if name == "N":
            return maker.one(*ENVIRONMENT[kind].split())
        name = kind if name == "t" else name
        if name not in SECRETS:
            return filtered(FILLERS[name](maker))
        of_kind, make = SECRETS[name]
        made = make(maker)
        written = filtered(made)
        kind_here = "wrapped" if filtered in CUTS else of_kind
        secrets.append({"kind": kind_here, "value": written})
        if of_kind == "settings":
            known[f"SETTING_{len(known)}"] = made
        return filtered(_webhook(maker)) + written if name == "slackhook" else written

    text = _SPOT.sub(write, form.translate(_UNSEEN))
    return {"text": text, "secrets": secrets, "known": known}


def texts(half: Half | None = None, of: str | None = None) -> Iterator[dict[str, Any]]:
    """The texts of a half, or of both; only those of the file `of`, if given."""
    for name in sorted(path.stem for path in FORMS.glob("*.txt")):
        if of is not None and name != of:
            continue
        shared = name in {"tokens", "wrapped"}
        for kind in ENVIRONMENT if shared else [name]:
            for form in _forms(name):
                if half is not None and half_of(form) != half:
                    continue
                for time in range(TIMES.get(name, 6)):
                    yield fill(form, f"{kind} {time} {form}", kind)
