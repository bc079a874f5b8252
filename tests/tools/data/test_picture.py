"""How one picture is read and written."""

import io
from pathlib import Path

import pytest
from PIL import Image

from ml_intern.tools.data.picture import Unreadable, look, prepared


def save(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)
    return path


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def test_the_same_pixels_have_the_same_key_in_any_format(tmp_path: Path) -> None:
    image = Image.linear_gradient("L").resize((20, 10))
    keys = {look(save(tmp_path / name, image)).key for name in ("a.png", "a.bmp", "a.tif", "a.pgm")}
    assert len(keys) == 1
    assert look(save(tmp_path / "b.png", image.rotate(180))).key not in keys


def test_a_fine_file_keeps_its_bytes(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", Image.new("RGB", (9, 9), "red"))
    assert prepared(path, "RGB") == (".jpg", path.read_bytes())


@pytest.mark.parametrize("mode", ["1", "P", "LA", "RGBA", "CMYK", "I;16", "L"])
def test_every_mode_becomes_the_wanted_one(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    save(path, Image.new(mode, (7, 5)))
    for wanted in ("L", "RGB"):
        suffix, data = prepared(path, wanted)
        assert suffix == ".png"
        assert (opened(data).mode, opened(data).size) == (wanted, (7, 5))


def test_sixteen_bits_become_eight_in_proportion(tmp_path: Path) -> None:
    image = Image.new("I;16", (2, 1))
    image.putpixel((1, 0), 65535)
    _, data = prepared(save(tmp_path / "a.png", image), "L")
    assert [opened(data).getpixel((x, 0)) for x in (0, 1)] == [0, 255]


def test_what_is_transparent_becomes_white(tmp_path: Path) -> None:
    _, data = prepared(save(tmp_path / "a.png", Image.new("RGBA", (2, 2), (9, 9, 9, 0))), "RGB")
    assert opened(data).getpixel((0, 0)) == (255, 255, 255)


def test_a_turned_photograph_is_set_upright(tmp_path: Path) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    path = save(tmp_path / "a.jpg", Image.new("RGB", (8, 4), "blue"), exif=turned)
    suffix, data = prepared(path, "RGB")
    assert (suffix, opened(data).size) == (".png", (4, 8))


@pytest.mark.parametrize(
    "content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n" + b"\0" * 30, b"GIF89a" + b"\xff" * 20]
)
def test_what_is_no_picture_is_unreadable(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(Unreadable):
        look(path)


def test_a_cut_file_is_unreadable(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", Image.effect_noise((64, 64), 50))
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(Unreadable):
        look(path)


def test_a_picture_that_would_fill_the_memory_is_not_decoded(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", Image.new("1", (20_000, 20_000)))
    with pytest.raises(Unreadable, match="pixels"):
        look(path)
