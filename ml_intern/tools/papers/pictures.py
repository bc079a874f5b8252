"""A figure's picture, wherever it is: at an address, in the source, or drawn on a page."""

from dataclasses import dataclass

from ml_intern.errors import InputError
from ml_intern.tools.papers.document import Figure
from ml_intern.tools.papers.forms import Opened
from ml_intern.tools.papers.local import read_file
from ml_intern.tools.papers.pdf import draw_figure, draw_first_page
from ml_intern.tools.papers.tex_archive import take
from ml_intern.tools.protocol import ToolContext

MOST_BYTES = 32 << 20
_ENDINGS = {
    b"\x89PNG\r\n\x1a\n": "png",
    b"\xff\xd8\xff": "jpg",
    b"GIF8": "gif",
    b"RIFF": "webp",
    b"%!PS": "eps",
}


@dataclass(frozen=True)
class Picture:
    """A file of a picture."""

    content: bytes
    ending: str
    note: str = ""
    """What whoever looks at it must know; empty for nothing."""


def picture_of(figure: Figure, opened: Opened, ctx: ToolContext) -> Picture:
    """Raises InputError and OutsideError where there is none that can be had."""
    document = opened.document
    if figure.page is not None and figure.box is not None:
        drawn = draw_figure(opened.content, document.url, figure.page, figure.box, ctx)
        guessed = "Nothing drawn was found beside the caption; this is what stands above it."
        return Picture(drawn.png, "png", guessed if drawn.is_guessed else "")
    if not figure.picture:
        other = "try form=pdf" if opened.sources else "a PDF of the paper would have it"
        raise InputError(f"{figure.label} has no picture of its own here; {other}.")
    if document.how == "latex":
        content, url = take(opened.content, figure.picture, MOST_BYTES), figure.picture
    elif figure.picture.startswith("/"):
        content, url = read_file(ctx.place, figure.picture, MOST_BYTES)[0], figure.picture
    else:
        page = ctx.place.web.fetch(figure.picture, most_bytes=MOST_BYTES, cancelled=ctx.cancelled)
        content, url = page.content, page.url
    if content.startswith(b"%PDF-"):
        return Picture(draw_first_page(content, url, ctx).png, "png")
    for begin, ending in _ENDINGS.items():
        if content.startswith(begin):
            return Picture(content, ending)
    if b"<svg" in content[:2_000]:
        return Picture(content, "svg", "It is an SVG, which is text from outside.")
    raise InputError(f"{url} is no picture that is known.")
