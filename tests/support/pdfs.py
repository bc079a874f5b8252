"""Small PDFs, written by hand: text at its place, rules, pictures, and only standard fonts."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

WIDTH, HEIGHT = 612, 792
ROMAN, BOLD = "F1", "F2"
_FONTS = {ROMAN: "Times-Roman", BOLD: "Times-Bold"}


@dataclass
class PdfPage:
    """Draw on it in points from the lower left corner."""

    commands: list[str] = field(default_factory=list)
    picture: tuple[int, int, bytes] | None = None
    """Width and height in dots, and grey values."""

    def text(
        self, left: float, bottom: float, words: str, size: float = 10, font: str = ROMAN
    ) -> Self:
        escaped = words.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
        self.commands.append(f"BT /{font} {size} Tf {left} {bottom} Td ({escaped}) Tj ET")
        return self

    def lines(self, left: float, top: float, lines: Sequence[str], size: float = 10) -> Self:
        """One below the other, at 1.2 times their size."""
        for count, line in enumerate(lines):
            self.text(left, top - 1.2 * size * count, line, size)
        return self

    def rule(self, left: float, bottom: float, right: float) -> Self:
        self.commands.append(f"0.5 w {left} {bottom} m {right} {bottom} l S")
        return self

    def box(self, left: float, bottom: float, right: float, top: float) -> Self:
        self.commands.append(f"0.5 w {left} {bottom} {right - left} {top - bottom} re S")
        return self

    def grey(self, shade: float) -> Self:
        """Of the letters that come next; 1: white."""
        self.commands.append(f"{shade} g")
        return self

    def image(
        self, left: float, bottom: float, right: float, top: float, dots: tuple[int, int, bytes]
    ) -> Self:
        self.picture = dots
        self.commands.append(f"q {right - left} 0 0 {top - bottom} {left} {bottom} cm /Im Do Q")
        return self


def pdf(pages: Sequence[PdfPage], trailer: str = "") -> bytes:
    """The file."""
    fonts = {name: 3 + place for place, name in enumerate(_FONTS)}
    bodies: list[bytes] = [b"<< /Type /Catalog /Pages 2 0 R >>", b""]
    bodies += [
        f"<< /Type /Font /Subtype /Type1 /BaseFont /{_FONTS[name]} >>".encode() for name in fonts
    ]
    kids = []
    shared = " ".join(f"/{name} {number} 0 R" for name, number in fonts.items())
    for page in pages:
        content = zlib.compress("\n".join(page.commands).encode("latin-1", "replace"))
        bodies.append(stream("/Filter /FlateDecode", content))
        drawn, image = len(bodies), ""
        if page.picture is not None:
            width, height, dots = page.picture
            head = (
                f"/Type /XObject /Subtype /Image /Width {width} /Height {height} "
                "/ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /FlateDecode"
            )
            bodies.append(stream(head, zlib.compress(dots)))
            image = f"/XObject << /Im {len(bodies)} 0 R >>"
        bodies.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {WIDTH} {HEIGHT}] /Contents {drawn} 0 R "
            f"/Resources << /Font << {shared} >> {image} >> >>".encode()
        )
        kids.append(f"{len(bodies)} 0 R")
    bodies[1] = f"<< /Type /Pages /Count {len(kids)} /Kids [{' '.join(kids)}] >>".encode()
    return made_of(bodies, trailer)


def stream(head: str, content: bytes) -> bytes:
    """An object that holds `content`, packed as `head` says."""
    return f"<< {head} /Length {len(content)} >>\nstream\n".encode() + content + b"\nendstream"


def made_of(bodies: Sequence[bytes], trailer: str = "") -> bytes:
    """A file of these objects, numbered from 1; the first is its root."""
    out = bytearray(b"%PDF-1.5\n")
    offsets = []
    for number, body in enumerate(bodies, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    start = len(out)
    out += f"xref\n0 {len(bodies) + 1}\n0000000000 65535 f \n".encode()
    out += "".join(f"{offset:010} 00000 n \n" for offset in offsets).encode()
    out += f"trailer\n<< /Size {len(bodies) + 1} /Root 1 0 R {trailer} >>\n".encode()
    return bytes(out + f"startxref\n{start}\n%%EOF\n".encode())


def words(count: int, begin: int = 0) -> list[str]:
    """So many different words, the same each time."""
    syllables = ("ta", "ri", "mo", "len", "ku", "sa", "ver", "do", "pi", "ne")
    return [
        "".join(syllables[int(digit)] for digit in str(1000 + (begin + at) * 37 % 9000))
        for at in range(count)
    ]


def running_text(lines: int, width: int, begin: int = 0) -> list[str]:
    """Lines of nearly `width` letters; the last one ends a sentence."""
    found: list[str] = []
    line = ""
    for word in words(lines * width, begin):
        if len(line) + len(word) + 1 > width:
            found.append(line)
            line = word
            if len(found) == lines:
                break
        else:
            line = f"{line} {word}".strip()
    return [*found[:-1], found[-1] + "."]
