"""Colours as style sheets write them, for what stands in nearly the colour of its ground."""

import colorsys
import re
from dataclasses import dataclass

_HEX = re.compile(r"#(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})")
_CALL = re.compile(r"(rgb|hsl)a?\(([^()]{1,80})\)")
_NUMBER = re.compile(r"(-?\d*\.?\d+)(%?)")
_LONGEST = 100
_NAMED = {
    "transparent": (0, 0, 0, 0.0), "black": (0, 0, 0, 1.0), "white": (255, 255, 255, 1.0),
    "snow": (255, 250, 250, 1.0), "ivory": (255, 255, 240, 1.0),
    "whitesmoke": (245, 245, 245, 1.0), "ghostwhite": (248, 248, 255, 1.0),
    "floralwhite": (255, 250, 240, 1.0), "mintcream": (245, 255, 250, 1.0),
    "azure": (240, 255, 255, 1.0), "aliceblue": (240, 248, 255, 1.0),
    "seashell": (255, 245, 238, 1.0), "lavenderblush": (255, 240, 245, 1.0),
}  # fmt: skip
"""Those that are used to hide; others are not known by name."""
_NEAR = 12
"""In each of red, green and blue, of 255: what differs less cannot be read."""
_CLEAR = 0.05


@dataclass(frozen=True)
class Colour:
    """Red, green and blue of 255; opacity from 0 to 1."""

    red: int
    green: int
    blue: int
    opacity: float = 1.0

    @property
    def is_clear(self) -> bool:
        return self.opacity <= _CLEAR

    def is_near(self, other: "Colour") -> bool:
        """Whether nobody can tell them apart."""
        mine, others = (self.red, self.green, self.blue), (other.red, other.green, other.blue)
        return all(abs(one - two) <= _NEAR for one, two in zip(mine, others, strict=True))


WHITE = Colour(255, 255, 255)


def colour_named(words: str) -> Colour | None:
    """None for one that is not known."""
    said = words.strip().lower()
    if len(said) > _LONGEST:
        return None
    if known := _NAMED.get(said):
        return Colour(*known)
    if _HEX.fullmatch(said):
        return _of_digits(said[1:])
    if called := _CALL.fullmatch(said):
        return _of_numbers(called[1], _NUMBER.findall(called[2]))
    return None


def _of_digits(digits: str) -> Colour:
    whole = digits if len(digits) > 4 else "".join(2 * digit for digit in digits)
    red, green, blue, *opacity = bytes.fromhex(whole)
    return Colour(red, green, blue, opacity[0] / 255 if opacity else 1.0)


def _of_numbers(kind: str, numbers: list[tuple[str, str]]) -> Colour | None:
    if len(numbers) not in (3, 4):
        return None
    values = [float(number) / (100 if percent else 1) for number, percent in numbers]
    opacity = values[3] if len(values) == 4 else 1.0
    if kind == "hsl":
        parts = colorsys.hls_to_rgb(values[0] / 360 % 1, _within(values[2]), _within(values[1]))
    else:
        parts = tuple(  # type: ignore[assignment]
            _within(value if percent else value / 255)
            for value, (_, percent) in zip(values, numbers[:3], strict=False)
        )
    red, green, blue = (round(255 * part) for part in parts)
    return Colour(red, green, blue, opacity)


def _within(part: float) -> float:
    return min(max(part, 0.0), 1.0)
