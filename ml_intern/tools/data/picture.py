"""One picture file: what it shows, whether it can be read, and its form for training.

Pictures keep their size. Transparency is laid on white; a turn that a camera noted is carried out.
"""

import io
import struct
import zlib
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Literal

from PIL import Image, ImageOps, UnidentifiedImageError

from ml_intern.errors import InputError

Mode = Literal["L", "RGB"]
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".webp", ".bmp", ".gif"),
    *(".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm"),
)
MAX_PIXELS = 50_000_000
MAX_BYTES = 200 << 20
_GREY = frozenset(["1", "L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "I;16N"])
_ORIENTATION = 0x0112
_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    TypeError,
    KeyError,
    MemoryError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
"""All that Pillow's decoders raise for files that are broken."""
_KEPT_FORMATS = {"PNG": ".png", "JPEG": ".jpg"}


class Unreadable(InputError):
    """The file is no picture, a broken one, or one that is too large."""


@dataclass(frozen=True)
class Picture:
    """What is known of a picture that can be read."""

    width: int
    height: int
    mode: str
    key: int
    """Equal for pictures with the same pixels; 128 bits."""

    @property
    def is_grey(self) -> bool:
        """Whether it holds no colours."""
        return self.mode in _GREY


def look(path: Path) -> Picture:
    """Decode the whole picture. Raises Unreadable."""
    image = _decode(_read(path))
    pixels = _plain(image, "RGB")
    key = blake2b(f"{pixels.size}".encode() + pixels.tobytes(), digest_size=16).digest()
    return Picture(*image.size, image.mode, int.from_bytes(key))


def prepared(path: Path, mode: Mode) -> tuple[str, bytes]:
    """Suffix and bytes for training of a file that `look` has seen. Raises Unreadable.

    A PNG or JPEG that is in `mode` already keeps its bytes; any other becomes PNG.
    """
    data = _read(path)
    image = _open(data)
    suffix = _KEPT_FORMATS.get(image.format or "")
    if suffix and image.mode == mode and not _is_special(image):
        return suffix, data
    buffer = io.BytesIO()
    _plain(_decode(data), mode).save(buffer, "PNG")
    return ".png", buffer.getvalue()


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise Unreadable(f"larger than {MAX_BYTES >> 20} MB")
        return path.read_bytes()
    except OSError as exc:
        raise Unreadable(exc.strerror or str(exc)) from exc


def _open(data: bytes) -> Image.Image:
    """The picture by its header."""
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except _BROKEN as exc:
        raise Unreadable(_reason(exc)) from exc
    if image.width * image.height > MAX_PIXELS:
        raise Unreadable(f"{image.width}x{image.height} pixels are too many")
    if image.mode == "F":
        raise Unreadable("its pixels are floating-point numbers without a known range")
    return image


def _decode(data: bytes) -> Image.Image:
    image = _open(data)
    try:
        image.load()
    except _BROKEN as exc:
        raise Unreadable(_reason(exc)) from exc
    return image


def _reason(exc: Exception) -> str:
    if isinstance(exc, UnidentifiedImageError):
        return "not a picture in a format that we read"
    return str(exc) or type(exc).__name__


def _is_special(image: Image.Image) -> bool:
    turned = image.getexif().get(_ORIENTATION, 1) not in (0, 1)
    return turned or "transparency" in image.info


def _plain(image: Image.Image, mode: Mode) -> Image.Image:
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        image = image.convert("I").point(lambda value: value * (1 / 257)).convert("L")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image if image.mode == mode else image.convert(mode)
