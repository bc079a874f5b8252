"""A small picture of a few curves, as SVG, by the standard library alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT, EDGE = 640, 360, 56
COLOURS = ("#1f77b4", "#d62728", "#2ca02c")


@dataclass(frozen=True)
class Curve:
    """Its points from left to right."""

    name: str
    points: Sequence[tuple[float, float]]


def chart(title: str, across: str, up: str, curves: Sequence[Curve]) -> str:
    """Both axes begin at 0, so that what looks flat is flat."""
    most_x = max(x for curve in curves for x, _ in curve.points) * 1.05
    most_y = max(y for curve in curves for _, y in curve.points) * 1.2

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            EDGE + x / most_x * (WIDTH - 2 * EDGE),
            HEIGHT - EDGE - y / most_y * (HEIGHT - 2 * EDGE),
        )

    left, bottom = place(0, 0)
    right, top = place(most_x, most_y)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        _text(WIDTH / 2, 24, title, "middle"),
        _text(WIDTH / 2, HEIGHT - 14, across, "middle"),
        _text(EDGE, top - 8, up, "start"),
        f'<path d="M{left:.1f} {top:.1f}V{bottom:.1f}H{right:.1f}" fill="none" stroke="black"/>',
    ]
    for number, curve in enumerate(curves):
        colour = COLOURS[number % len(COLOURS)]
        places = [place(x, y) for x, y in curve.points]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for (x, y), (_, value) in zip(places, curve.points, strict=True):
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>')
            parts.append(_text(x, y - 8, f"{value:.1f}", "middle", colour))
        parts.append(_text(right, top + 16 * number, curve.name, "end", colour))
    parts += [
        _text(place(x, 0)[0], bottom + 16, f"{x:g}", "middle")
        for x in sorted({x for curve in curves for x, _ in curve.points})
    ]
    return "\n".join([*parts, "</svg>", ""])


def _text(x: float, y: float, words: str, anchor: str, colour: str = "black") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">'
        f"{escape(words)}</text>"
    )
