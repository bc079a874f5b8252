"""Markdown as its page shows it: cards and READMEs without what people who look at them do not see.

Left out are elements that are hidden by attribute or style, scripts and the like, attributes and
words of pictures and links that nothing shows, definitions of links that no link uses, and what
stands below so many empty lines that nobody looks for it. Lines stay where they are.
"""

import re
from dataclasses import dataclass, field
from html import escape, unescape

from ml_intern.tools.papers.hidden import Ground, ground_under, is_hidden_by
from ml_intern.tools.untrusted import Cleaned, cleaned

PAGES = (".md", ".markdown", ".html", ".htm")
"""Endings of files that people look at as pages."""
_CODE = re.compile(
    r"""^[ ]{0,3}(?P<fence>```++|~~~++)[^\n]*+\n.*?(?:^[ ]{0,3}(?P=fence)[`~]*+[ \t]*+$|\Z)
    | (?<!`)(?P<ticks>`++)[^\n]{1,500}?(?<!`)(?P=ticks)(?!`)""",
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)
_DEFINITION = re.compile(
    r"""^[ ]{0,3}\[(?P<label>[^\]\n]{1,999})\]:[ \t]*\n?[ \t]*(?P<to><[^<>\n]*>|\S+)
    (?:[ \t]*\n?[ \t]*(?:"[^"]*"|'[^']*'|\([^()]*\)))?[ \t]*$""",
    re.MULTILINE | re.VERBOSE,
)
_TO = r"(?:<[^<>\n]{0,2000}+>|[^\s()<>]{0,2000}+)"
_TITLE = r"""(?:\s++(?:"[^"]{0,2000}+"|'[^']{0,2000}+'|\([^()]{0,2000}+\)))"""
_PICTURE = re.compile(rf"!\[[^\[\]]{{0,1000}}+\]\(\s*+({_TO}){_TITLE}?\s*+\)")
_TITLED = re.compile(rf"(\]\(\s*+{_TO}){_TITLE}\s*+\)")
_EMPTY_LINK = re.compile(rf"(?<!!)\[\s*+\]\(\s*+{_TO}{_TITLE}?\s*+\)")
_GAP = re.compile(
    r"^(?:(?:[ \t\u00a0\u2000-\u200a\u2800\u3000]|&(?:nbsp|emsp|ensp|\#160|\#xa0);|<br[ ]?/?>)*+\n)"
    r"{100,}+",
    re.MULTILINE | re.IGNORECASE,
)
"""A hundred lines with nothing on them."""
_LABEL = re.compile(r"\[([^\[\]\n]{1,999})\]")
_TAG = re.compile(
    r"""<(?P<end>/?)(?P<name>[a-zA-Z][a-zA-Z0-9-]{0,40})(?=[\s/>])
    (?P<attributes>(?:"[^"]{0,5000}"|'[^']{0,5000}'|[^<>"']){0,2000})>
    | <[!?][^<>]{0,5000}>""",
    re.VERBOSE,
)
_ATTRIBUTE = re.compile(r"""([^\s=/"'<>]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'<>]+)))?""")
_NEVER_SHOWN = frozenset(
    re.findall(r"\w+", "script style noscript template title head svg iframe object")
)
_VOID = frozenset(
    re.findall(r"\w+", "area base br col embed hr img input link meta source track wbr")
)
_TOLD = ("href", "src", "colspan", "rowspan")
"""Attributes whose values are of use to a reader."""
_CODE_BEGINS, _CODE_ENDS = "\ufdd0\ufdd1"
"""Around the number of a piece of code that is put by while HTML is looked for: characters that no
text may hold.
"""
_STAND_IN = re.compile(f"{_CODE_BEGINS}([0-9]+){_CODE_ENDS}")


def as_shown(text: str) -> Cleaned:
    """What a page of this Markdown shows, still as Markdown."""
    found = cleaned(text)
    code: list[str] = []
    plain = _CODE.sub(lambda piece: _put_by(piece[0], code), found.text)
    plain = _without_words(_without_unused(_above_a_gap(plain)))
    page, end = _Page(), 0
    for tag in _TAG.finditer(plain):
        page.words(plain[end : tag.start()])
        page.tag(tag)
        end = tag.end()
    page.words(plain[end:])
    shown = _STAND_IN.sub(lambda piece: code[int(piece[1])], "".join(page.kept))
    return Cleaned(text=shown, hidden=found.hidden + max(0, len(found.text) - len(shown)))


def _put_by(piece: str, code: list[str]) -> str:
    code.append(piece)
    return f"{_CODE_BEGINS}{len(code) - 1}{_CODE_ENDS}"


def _above_a_gap(text: str) -> str:
    """Without what nobody scrolls down to."""
    gap = _GAP.search(text)
    return text[: gap.end()] + "\n" * text.count("\n", gap.end()) if gap else text


def _without_words(text: str) -> str:
    """Without those of pictures and links that no page shows."""
    text = _PICTURE.sub(lambda found: _as_long(f"![]({found[1]})", found[0]), text)
    text = _EMPTY_LINK.sub(lambda found: _as_long("", found[0]), text)
    return _TITLED.sub(lambda found: _as_long(f"{found[1]})", found[0]), text)


def _as_long(shown: str, source: str) -> str:
    """With as many lines as there were."""
    return shown + "\n" * (source.count("\n") - shown.count("\n"))


def _without_unused(text: str) -> str:
    """Without definitions of links that no link uses, and without the titles of the others."""
    used = {label.lower() for label in _LABEL.findall(_DEFINITION.sub("", text))}

    def shown(found: re.Match[str]) -> str:
        kept = f"[{found['label']}]: {found['to']}" if found["label"].lower() in used else ""
        return kept + "\n" * found[0].count("\n")

    return _DEFINITION.sub(shown, text)


@dataclass
class _Page:
    """Keeps what is shown."""

    kept: list[str] = field(default_factory=list)
    hiding: str = ""
    """Name of the hidden element that the walk is in."""
    _depth: int = 0
    """Of elements of that name."""

    def words(self, text: str) -> None:
        """Between two tags."""
        self._take("" if self.hiding else text, text)

    def tag(self, found: re.Match[str]) -> None:
        """One that begins or ends an element, or a declaration."""
        name = (found["name"] or "").lower()
        if self.hiding:
            self._take("", found[0])
            if name == self.hiding:
                self._depth += -1 if found["end"] else 1
                self.hiding = self.hiding if self._depth else ""
            return
        attributes = {} if found["end"] or not name else _attributes(found["attributes"])
        if not name or (not found["end"] and _is_hidden(name, attributes)):
            self._take("", found[0])
            if name and name not in _VOID:
                self.hiding, self._depth = name, 1
            return
        told = "".join(f' {key}="{escape(attributes[key])}"' for key in _TOLD if key in attributes)
        self._take(f"<{name}{told}>" if attributes else found[0], found[0])

    def _take(self, shown: str, source: str) -> None:
        """With as many lines as there were."""
        self.kept.append(_as_long(shown, source))


def _attributes(text: str) -> dict[str, str]:
    """The first of each name counts, as in browsers."""
    found: dict[str, str] = {}
    for name, *values in _ATTRIBUTE.findall(text):
        found.setdefault(name.lower(), unescape("".join(values)))
    return found


def _is_hidden(tag: str, attributes: dict[str, str]) -> bool:
    is_input = (tag, attributes.get("type", "").lower()) == ("input", "hidden")
    if tag in _NEVER_SHOWN or "hidden" in attributes or is_input:
        return True
    style = attributes.get("style", "")
    if tag == "font":
        style += f";color:{attributes.get('color', '')};font-size:{attributes.get('size', '')}"
    return is_hidden_by(style, ground_under(style, Ground()))
