"""A course of numbers as a small picture. Pure."""

import io
import math
from collections.abc import Sequence

from PIL import Image, ImageDraw

WIDTH, HEIGHT = 640, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 16, 28
_PAPER, _GRID, _INK, _LINE = "#ffffff", "#dddddd", "#444444", "#1264a3"


def drawn(values: Sequence[float], title: str) -> bytes:
    """A PNG; values that are not finite are left out."""
    found = [value for value in values if math.isfinite(value)]
    image = Image.new("RGB", (WIDTH, HEIGHT), _PAPER)
    draw = ImageDraw.Draw(image)
    low, high = (min(found), max(found)) if found else (0.0, 1.0)
    if high == low:
        margin = max(0.5, abs(low) / 1000)  # beside a very large number 0.5 is nothing
        low, high = low - margin, high + margin
    for share in (0.0, 0.5, 1.0):
        y = _y(share)
        draw.line([(_LEFT, y), (WIDTH - _RIGHT, y)], fill=_GRID)
        draw.text((6, y - 6), f"{low + share * (high - low):.4g}", fill=_INK)
    draw.text((_LEFT, HEIGHT - _BOTTOM + 8), title, fill=_INK)
    points = [
        (_x(index, len(found)), _y((value - low) / (high - low)))
        for index, value in enumerate(found)
    ]
    if len(points) > 1:
        draw.line(points, fill=_LINE, width=2, joint="curve")
    sink = io.BytesIO()
    image.save(sink, "PNG")
    return sink.getvalue()


def _x(index: int, number: int) -> float:
    return _LEFT + index / max(1, number - 1) * (WIDTH - _LEFT - _RIGHT)


def _y(share: float) -> float:
    return HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM)
