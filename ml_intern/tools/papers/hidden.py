"""What a page keeps from people's eyes: by attribute, by its own style, or by the page's styles.

Told by declarations alone; a page that hides text by script, or by what it lays over it, is not
caught here. Text that no one sees is not read, so that it cannot speak to a model alone.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ml_intern.tools.papers.colours import WHITE, Colour, colour_named

_SIMPLE = re.compile(r"([.#][\w-]+)")
_NOTHING = r"(?:0+(?:\.0*)?|0*\.0+)(?:px|pt|em|rem|ex|%|vw|vh)?"
_FAR = r"(?:-\d{3,}(?:\.\d+)?(?:px|pt|em|rem|vw|vh|%)|\d{4,}(?:\.\d+)?(?:px|pt|em|rem))"
"""Lengths that lead off every page."""
_GONE = re.compile(
    rf"""(?:^|;)\s*(?:
        display\s*:\s*none
        | visibility\s*:\s*(?:hidden|collapse)
        | content-visibility\s*:\s*hidden
        | zoom\s*:\s*{_NOTHING}
        | filter\s*:\s*opacity\(\s*{_NOTHING}\s*\)
        | -webkit-text-fill-color\s*:\s*transparent
        | (?:text-indent|left|top|right|bottom|margin(?:-\w+)?|inset)\s*:\s*{_FAR}
        | letter-spacing\s*:\s*-\d{{2,}}(?:\.\d+)?(?:px|pt|em)
        | clip-path\s*:\s*(?:
            inset\(\s*(?:50|100)% | (?:circle|ellipse)\(\s*{_NOTHING} | polygon\(\s*0[^,)]{{0,9}}\)
        )
        | clip\s*:\s*rect\(\s*[01](?:px)?[\s,]+[01](?:px)?[\s,]+[01](?:px)?[\s,]+[01]
        | transform\s*:\s*(?:scale[xy]?\(\s*{_NOTHING}|translate[xy]?\(\s*{_FAR})
    )\s*(?:!important\s*)?(?:[;,)\s]|$)""",
    re.IGNORECASE | re.VERBOSE,
)
_EMPTY_BOX = re.compile(
    rf"(?:^|;)\s*(?:max-|line-)?(?:height|width)\s*:\s*(?:{_NOTHING}|1px)\s*(?:;|$)", re.IGNORECASE
)
_CUT_OFF = re.compile(r"(?:^|;)\s*overflow(?:-[xy])?\s*:\s*(?:hidden|clip)", re.IGNORECASE)
_SIZE = re.compile(
    r"(?:^|;)\s*font(?:-size)?\s*:\s*(?:[a-z-]{1,30}\s+){0,4}(\d*\.?\d+)(px|pt|em|rem|ex|%|vw|vh)?",
    re.IGNORECASE,
)
_TINY = {"px": 1.0, "pt": 1.0, "em": 0.2, "rem": 0.2, "ex": 0.4, "%": 20.0, "vw": 0.2, "vh": 0.2}
"""The largest size of letters that nobody can read, by its unit."""
_OPACITY = re.compile(r"(?:^|;)\s*opacity\s*:\s*(\d*\.?\d+)(%?)", re.IGNORECASE)
_FAINT = 0.05
_COLOUR = re.compile(r"(?:^|;)\s*color\s*:\s*([^;!]{1,200})", re.IGNORECASE)
_BACKGROUND = re.compile(r"(?:^|;)\s*background(?:-color)?\s*:\s*([^;!]{1,200})", re.IGNORECASE)
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)


@dataclass(frozen=True)
class Ground:
    """What text stands on: white paper, where nothing is said."""

    colour: Colour | None = WHITE
    """None for one that is not known."""


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
    found = _BACKGROUND.findall(style)
    if not found or found[-1].strip().lower() == "none":
        return ground
    colour = colour_named(found[-1])
    return ground if colour is not None and colour.is_clear else Ground(colour)


def is_hidden_by(style: str, ground: Ground) -> bool:
    """Whether declarations keep the text of their element from people, standing on `ground`."""
    if not style:
        return False
    if _GONE.search(style) or (_CUT_OFF.search(style) and _EMPTY_BOX.search(style)):
        return True
    return _is_too_small(style) or _is_faint(style) or _is_like(style, ground)


def _is_too_small(style: str) -> bool:
    sizes = _SIZE.findall(style)
    if not sizes:
        return False
    number, unit = sizes[-1]
    return float(number) <= _TINY.get(unit.lower(), 0.0)


def _is_faint(style: str) -> bool:
    said = _OPACITY.findall(style)
    return bool(said) and float(said[-1][0]) / (100 if said[-1][1] else 1) <= _FAINT


def _is_like(style: str, ground: Ground) -> bool:
    """Whether its letters are in the colour of what they stand on, or in none."""
    said = _COLOUR.findall(style)
    colour = colour_named(said[-1]) if said else None
    if colour is None:
        return False
    return colour.is_clear or (ground.colour is not None and colour.is_near(ground.colour))
