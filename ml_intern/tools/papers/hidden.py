"""What a page keeps from people's eyes: by attribute, by its own style, or by the page's styles.

Told by declarations alone; a page that hides text by script, or by what it lays over it, is not
caught here. Text that no one sees is not read, so that it cannot speak to a model alone.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_SIMPLE = re.compile(r"([.#][\w-]+)")
_NOTHING = r"(?:0+(?:\.0*)?|0*\.0+)(?:px|pt|em|rem|ex|%|vw|vh)?"
_GONE = re.compile(
    rf"""(?:^|;)\s*(?:
        display\s*:\s*none
        | visibility\s*:\s*(?:hidden|collapse)
        | opacity\s*:\s*{_NOTHING}
        | font-size\s*:\s*(?:{_NOTHING}|0?\.\d+(?:px|pt)|1px)
        | (?:text-indent|left|top|right|margin-left)\s*:\s*-\d{{3,}}(?:\.\d+)?(?:px|pt|em|rem)
        | clip-path\s*:\s*inset\(\s*(?:50|100)%
        | clip\s*:\s*rect\(\s*[01](?:px)?[\s,]+[01](?:px)?[\s,]+[01](?:px)?[\s,]+[01]
        | transform\s*:\s*scale\(\s*0
    )\s*(?:!important\s*)?(?:[;,)\s]|$)""",
    re.IGNORECASE | re.VERBOSE,
)
_EMPTY_BOX = re.compile(
    rf"(?:^|;)\s*(?:max-)?(?:height|width)\s*:\s*(?:{_NOTHING}|1px)\s*(?:;|$)", re.IGNORECASE
)
_CUT_OFF = re.compile(r"(?:^|;)\s*overflow(?:-[xy])?\s*:\s*(?:hidden|clip)", re.IGNORECASE)
_COLOUR = re.compile(r"(?:^|;)\s*color\s*:\s*([^;!]+)", re.IGNORECASE)
_BACKGROUND = re.compile(r"(?:^|;)\s*background(?:-color)?\s*:\s*([^;!]+)", re.IGNORECASE)
_WHITE = re.compile(
    r"(?:white|snow|ivory|#f{3,4}|#f{6}(?:f{2})?|#f[c-f]f[c-f]f[c-f]"
    r"|rgba?\(\s*25[2-5][\s,]+25[2-5][\s,]+25[2-5][^)]*\)"
    r"|hsla?\([^)]*\b100%[^)]*\))",
    re.IGNORECASE,
)
_CLEAR = re.compile(
    r"(?:transparent|rgba\([^)]*[\s,/]0(?:\.0+)?\s*\)|#[0-9a-f]{6}00)", re.IGNORECASE
)
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)


@dataclass(frozen=True)
class Ground:
    """What text stands on, as far as is said: white paper, or some colour."""

    is_white: bool = True


def styles_of(sheets: Iterable[str]) -> dict[str, str]:
    """The declarations of each class (`.x`) and id (`#x`) that a rule names alone."""
    found: dict[str, str] = {}
    for sheet in sheets:
        for rule in _COMMENT.sub("", sheet).split("}"):
            names, _, declarations = rule.rpartition("{")
            for name in names.rpartition("{")[2].split(","):  # within `@media {` too
                if simple := _SIMPLE.fullmatch(name.strip()):
                    found[simple[1]] = f"{found.get(simple[1], '')};{declarations}"
    return found


def ground_under(style: str, ground: Ground) -> Ground:
    """What text within an element of this style stands on."""
    found = _BACKGROUND.search(style)
    if found is None or _CLEAR.fullmatch(found[1].strip()) or found[1].strip() == "none":
        return ground
    return Ground(is_white=_WHITE.fullmatch(found[1].strip()) is not None)


def is_hidden_by(style: str, ground: Ground) -> bool:
    """Whether declarations keep the text of their element from people, standing on `ground`."""
    if not style:
        return False
    if _GONE.search(style) or (_CUT_OFF.search(style) and _EMPTY_BOX.search(style)):
        return True
    said = _COLOUR.search(style)
    colour = said[1].strip() if said else ""
    return bool(_CLEAR.fullmatch(colour) or (ground.is_white and _WHITE.fullmatch(colour)))
