"""What stands in sessions, with secrets made up: commands and their output, code, settings, logs.

A file of `snippets/` holds those of one kind, parted by lines of `%%`. `@[alnum40]` stands for a
secret of that form, `@(hex40)` for a value that looks like one and is none. They were written
without sight of the patterns. Each belongs to one half, as the forms of `filling.py` do.
"""

import base64
import re
import string
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.tracing.redaction.filling import (
    BASE64,
    HEX,
    LETTERS_DIGITS,
    URL_SAFE,
    Half,
    Maker,
    half_of,
)

SNIPPETS = Path(__file__).parent / "snippets"
TIMES = 4
"""How often each is filled."""
LOWER_DIGITS = string.ascii_lowercase + string.digits

ALPHABETS = {
    "alnum": LETTERS_DIGITS,
    "b64n": BASE64,
    "digits": string.digits,
    "hex": HEX,
    "HEX": HEX.upper(),
    "letters": string.ascii_letters,
    "lower": LOWER_DIGITS,
    "upper": string.ascii_uppercase + string.digits,
    "ids": string.ascii_uppercase + "234567",
    "url": URL_SAFE,
}
TOKENS = {
    "hf": "hf_{letters34}",
    "sk": "sk-{alnum20}T3BlbkFJ{alnum20}",
    "skproj": "sk-proj-{url74}T3BlbkFJ{url74}",
    "svc": "sk-svcacct-{url74}T3BlbkFJ{url74}",
    "skor": "sk-or-v1-{hex64}",
    "ant": "sk-ant-api03-{url93}AA",
    "antoat": "sk-ant-oat01-{url93}AA",
    "antort": "sk-ant-ort01-{url93}AA",
    "antadm": "sk-ant-admin01-{url93}AA",
    "ghp": "ghp_{alnum36}",
    "gho": "gho_{alnum36}",
    "ghs": "ghs_{alnum36}",
    "ghpat": "github_pat_{alnum22}_{alnum59}",
    "glpat": "glpat-{url20}",
    "gldt": "gldt-{url20}",
    "glrt": "glrt-{url20}",
    "glcbt": "glcbt-64_{url20}",
    "glptt": "glptt-{hex40}",
    "glroute": "glpat-{url27}.{lower2}.{lower9}",
    "GR1348941": "GR1348941{url20}",
    "xoxb": "xoxb-{digits13}-{digits13}-{alnum24}",
    "xoxp": "xoxp-{digits13}-{digits13}-{digits13}-{hex32}",
    "xoxe": "xoxe.xoxp-1-{alnum162}",
    "xapp": "xapp-1-A0{upper9}-{digits13}-{hex64}",
    "slackhook": "T0{upper9}/B0{upper9}/{alnum24}",
    "akia": "AKIA{ids16}",
    "asia": "ASIA{ids16}",
    "aws40": "{b64n40}",
    "awssess": "IQoJb3JpZ2luX2Vj{b64n300}==",
    "aiza": "AIza{url35}",
    "ya29": "ya29.a0{url160}",
    "gocspx": "GOCSPX-{url28}",
    "grefresh": "1//0{url98}",
    "urlenc": "{alnum6}%40{alnum6}%2F{alnum3}",
}
_SIZED = r"(b64n|b64_|[a-zA-Z]+)(\d+)"
_SPOT = re.compile(r"@([\[(])(\w+(?: [A-Z]+)*)[\])]")


def _password(maker: Maker, length: int) -> str:
    """As one is generated, of signs that neither shells nor addresses escape."""
    body = maker.of(LETTERS_DIGITS, length - 2)
    for _ in range(2):
        at = maker.number(1, len(body) - 1)
        body = body[:at] + maker.one(*"!#%*+-_.=^~?") + body[at:]
    return body


def _words(maker: Maker) -> str:
    """As a person thinks one up."""
    one, other = maker.word(), maker.word()
    return maker.one(
        f"{one.title()}{other.title()}{maker.number(10, 9999)}",
        f"{one}-{other}-{maker.number(10, 99)}",
        f"{one.title()}{maker.number(1000, 9999)}!",
        f"{one}{other}{maker.number(100, 999)}",
    )


def _bytes(maker: Maker, length: int) -> bytes:
    return bytes(maker.number(0, 255) for _ in range(length))


def _base64(maker: Maker, length: int) -> str:
    """Of as many bytes as keys have whose base64 is so long."""
    padding = {24: 2, 44: 1, 88: 2}.get(length, 0)
    return base64.b64encode(_bytes(maker, length // 4 * 3 - padding)).decode()


OTHERS: dict[str, Callable[[Maker], str]] = {
    "jwt": Maker.jwt,
    "uuid": Maker.uuid,
    "word": _words,
    "basic": lambda m: base64.b64encode(f"{m.word()}:{_password(m, 14)}".encode()).decode(),
    "fernet": lambda m: base64.urlsafe_b64encode(_bytes(m, 32)).decode(),
    "sas": lambda m: urllib.parse.quote(_base64(m, 44), safe=""),
}


def _value(maker: Maker, form: str) -> str:
    if form in OTHERS:
        return OTHERS[form](maker)
    if form in TOKENS:
        return re.sub(
            rf"\{{{_SIZED}\}}",
            lambda part: maker.of(ALPHABETS[part[1]], int(part[2])),
            TOKENS[form],
        )
    name, length = re.findall(_SIZED, form)[0]
    if name == "pass":
        return _password(maker, int(length))
    if name == "b64_":
        return _base64(maker, int(length))
    return maker.of(ALPHABETS[name], int(length))


WRITTEN: dict[str, Callable[[list[str]], str]] = {
    "pembody": lambda lines: "\n".join(lines[1:-1]),
    "pem1": lambda lines: "".join(f"{line}\\n" for line in lines),
    "pem2": lambda lines: "".join(f"{line}\\\\n" for line in lines),
    "pemsp": " ".join,
    "pemcr": "\r\n".join,
    "pemcat": lambda lines: "\n".join(f'    "{line}\\n"' for line in lines),
    "pemjsonlines": lambda lines: ",\n".join(f'  "{line}\\n"' for line in lines),
    "pemgrep": lambda lines: (
        lines[0]
        + "".join(f"\nsecrets/server.key:{n}:{line}" for n, line in enumerate(lines[1:], 2))
    ),
    "pemnum": lambda lines: "\n".join(f"{n:6}\t{line}" for n, line in enumerate(lines, 1)),
}
"""Ways to write the lines of a private key; the others need to know what stands before it."""


def _pem(maker: Maker, form: str, before: str) -> tuple[str, list[str]]:
    """A private key, and what of it is secret. `before`: the beginning of its first line."""
    way, _, label = form.partition(" ")
    body = [*(maker.of(BASE64, 64) for _ in range(4)), maker.of(BASE64, 38) + "=="]
    lines = [f"-----BEGIN {label}-----", *body, f"-----END {label}-----"]
    if way == "pemb64":
        packed = base64.b64encode("".join(f"{line}\n" for line in lines).encode()).decode()
        return packed, [packed]
    if way == "pem":
        each_line = before if re.fullmatch(r"[\s>+-]*", before) else ""
        return f"\n{each_line}".join(lines), body
    return WRITTEN[way](lines), body


def fill(snippet: str, seed: str, kind: str) -> dict[str, Any]:
    """One text of `snippet`."""
    maker = Maker(seed)
    secrets: list[str] = []

    def write(spot: re.Match[str]) -> str:
        if spot[2].startswith("pem"):
            text, values = _pem(maker, spot[2], snippet[: spot.start()].rpartition("\n")[2])
        else:
            text = _value(maker, spot[2])
            values = [text] if spot[1] == "[" else []
        secrets.extend(values)
        return text

    text = _SPOT.sub(write, snippet)
    return {"text": text, "secrets": [{"kind": kind, "value": value} for value in secrets]}


def texts(half: Half | None = None) -> Iterator[dict[str, Any]]:
    """The texts of a half, or of both."""
    for path in sorted(SNIPPETS.glob("*.txt")):
        for snippet in path.read_text(encoding="utf-8").rstrip("\n").split("\n%%\n"):
            if half is None or half_of(snippet) == half:
                for time in range(TIMES):
                    yield fill(snippet, f"{path.stem} {time} {snippet}", path.stem)
