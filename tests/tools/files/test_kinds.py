"""What a file is, by its first bytes."""

import pytest

from ml_intern.tools.files.kinds import binary_kind


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "PNG"),
        (b"PK\x03\x04\x14\0\0\0", "ZIP"),
        (b"PAR1\x15\x04\x15", "Parquet"),
        (b"\x93NUMPY\x01\0v\0{'descr'", "NumPy"),
        (b'\x10\x01\0\0\0\0\0\0{"__metadata__":', "safetensors"),
        (b"\x80\x04\x95\x10\0\0", "pickle"),
        (b"\xff\xfet\0e\0x\0t\0", "iconv -f UTF-16-LE"),
        (b"abc\0def", "binary data"),
        (b"\x01\x02\x03\x04abc", "binary data"),
        (b"name\0" + b"\0" * 252 + b"ustar\x0000", "tar"),
    ],
)
def test_what_is_no_text_is_named(head, words):
    assert words in binary_kind(head)


@pytest.mark.parametrize(
    "head",
    [b"", b"a,b\n1,2\n", "çé 漢字\n".encode(), b"caf\xe9\n", b"\x1b[31mred\x1b[0m\n", b"{}\r\n"],
)
def test_text_is_text_in_any_encoding_with_single_bytes(head):
    assert binary_kind(head) is None
