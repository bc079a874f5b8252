"""What is said of files that are not UTF-8 text."""

import hashlib
import threading
from pathlib import Path

import pytest

from ml_intern.errors import InputError
from ml_intern.tools.data.encoding import guess
from ml_intern.tools.data.stop import Stopped
from ml_intern.tools.data.text_file import BLOCK_BYTES, examine

SAMPLES = {
    "WINDOWS-1252": ("cp1252", "Ein schöner Film über Bären - très agréable, señor. Größe zählt."),
    "CP932": ("cp932", "この映画はとても面白かったです。音楽も素晴らしい。また見たいと思います。"),
    "EUC-JP": (
        "euc_jp",
        "この映画はとても面白かったです。音楽も素晴らしい。また見たいと思います。",
    ),
    "GB18030": ("gb18030", "这部电影非常好看、我和朋友都很喜欢、故事的结尾是最好的一个。"),
    "BIG5": ("big5", "這部電影非常好看、我和朋友都很喜歡、故事的結尾是最好的一個。"),
    "CP949": ("cp949", "이 영화는 정말 재미있었습니다. 음악도 아주 좋았어요."),
    "WINDOWS-1251": ("cp1251", "Это был очень хороший фильм, мне понравилась музыка."),
    "KOI8-R": ("koi8_r", "Это был очень хороший фильм, мне понравилась музыка."),
    "WINDOWS-1253": ("cp1253", "Αυτή η ταινία ήταν πολύ καλή και μου άρεσε η μουσική."),
    "WINDOWS-1255": ("cp1255", "הסרט היה מאוד טוב ואהבתי את המוזיקה."),
    "WINDOWS-1256": ("cp1256", "كان الفيلم جيدا جدا وأعجبتني الموسيقى."),
    "UTF-16": ("utf-16", "A film that I liked."),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_the_encoding_of_a_language_is_guessed(name: str) -> None:
    codec, text = SAMPLES[name]
    assert guess(f"id,text\n1,{text}\n".encode(codec)) == name


def test_the_first_wrong_byte_and_the_way_out_are_named(tmp_path: Path) -> None:
    path = tmp_path / "it's.csv"
    plain = b"text,label\n" + b"plain line,1\n" * 100_000
    path.write_bytes(plain + "schön und größer,1\n".encode("latin-1"))
    with pytest.raises(InputError) as caught:
        examine(path, threading.Event())
    words = str(caught.value)
    assert f"offset {len(plain) + 3}" in words
    assert "iconv -f WINDOWS-1252 -t UTF-8" in words
    assert "it'\"'\"'s.utf8.csv" in words


def test_a_character_across_blocks_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    content = b"x" * (BLOCK_BYTES - 1) + "é€".encode() + b"\n"
    path.write_bytes(content)
    assert examine(path, threading.Event()).sha256 == hashlib.sha256(content).hexdigest()


def test_a_character_that_the_end_cuts_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"text\nabc" + "€".encode()[:2])
    with pytest.raises(InputError, match="offset 8"):
        examine(path, threading.Event())


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "PNG picture"),
        (b"PAR1" + b"\0" * 50, "Parquet table"),
        (b"PK\x03\x04" + b"\0" * 50, "ZIP archive"),
        (b"\x1f\x8b\x08" + b"\0" * 50, "gzip archive"),
        (b"text,label\nabc\0def,1\n", "NUL byte at offset 14"),
        ("text,label\nabc,1\n".encode("utf-16-le"), "iconv -f UTF-16LE"),
        (b"", "empty"),
        (b"\xef\xbb\xbf \n\n", "empty"),
    ],
)
def test_what_is_not_text_is_said_to_be_so(tmp_path: Path, content: bytes, what: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=what):
        examine(path, threading.Event())


def test_a_device_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a regular file"):
        examine(Path("/dev/zero"), threading.Event())


def test_reading_stops_when_the_call_is_cancelled(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text\nabc\n")
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(Stopped):
        examine(path, cancelled)
