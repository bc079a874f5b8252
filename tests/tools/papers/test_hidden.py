"""Styles by which a text is kept from people, and those that only look like it."""

import pytest

from ml_intern.tools.papers.hidden import Ground, ground_under, is_hidden_by

HIDING = [
    "font-size:0.01em",
    "font-size:1%",
    "font:0/0 a",
    "font:bold 1px/1 a",
    "opacity:0.01",
    "opacity:1%",
    "filter:opacity(0)",
    "filter:opacity(0%)",
    "clip-path:circle(0)",
    "clip-path:polygon(0 0)",
    "line-height:0;overflow:hidden",
    "max-height:0;overflow:clip",
    "content-visibility:hidden",
    "-webkit-text-fill-color:transparent",
    "transform:scaleX(0)",
    "transform:translateX(-9999px)",
    "transform:translate(-200vw)",
    "zoom:0",
    "left:100000px",
    "left:-100%",
    "margin-top:-9999px",
    "inset:-9999px auto auto -9999px",
    "letter-spacing:-100px",
    "color:rgb(100% 100% 100%)",
    "color:hsl(0, 0%, 100%)",
    "color:rgba(0, 0, 0, 0.01)",
    "color:#00000005",
    "color:whitesmoke",
    "color:#fafafa",
    "color:black;color:#fefefe",
    "background:black;color:#000",
    "background-color:#123456;color:#123457",
]
SHOWING = [
    "font-size:0.9em",
    "font-size:80%",
    "font:12px/1.5 serif",
    "opacity:0.6",
    "filter:blur(1px)",
    "clip-path:circle(50%)",
    "line-height:1;overflow:hidden",
    "transform:translateX(-10px)",
    "transform:scale(1)",
    "left:100px",
    "margin:-1px",
    "letter-spacing:-1px",
    "color:rgb(10% 10% 10%)",
    "color:#eee8",
    "color:white;color:black",
    "background:#333;color:white",
    "background:url(x.png);color:white",
    "color:var(--text)",
    "color:hsl(0 0% 40%)",
]


def is_hidden(style: str) -> bool:
    return is_hidden_by(style, ground_under(style, Ground()))


@pytest.mark.parametrize("style", HIDING)
def test_a_style_that_hides(style: str) -> None:
    assert is_hidden(style)
    assert is_hidden(f"margin:0; {style.upper()} !important")


@pytest.mark.parametrize("style", SHOWING)
def test_a_style_that_shows(style: str) -> None:
    assert not is_hidden(style)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "piece", ["color:hsl(", "100%", "font: a a a a ", "; ", "left:-", "1", "opacity:0", "rgb(1 "]
)
def test_a_style_of_one_piece_is_read_in_the_time_of_its_length(piece: str) -> None:
    assert not is_hidden(f"margin: 0; color:hsl({piece * (1_000_000 // len(piece))}; x")
