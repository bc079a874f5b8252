"""A file's bytes: their fingerprint, and whether they are text that we can read.

Streams: a file of any size needs the memory of one block.
"""

import codecs
import hashlib
import shlex
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ml_intern.errors import InputError
from ml_intern.tools.data.encoding import guess
from ml_intern.tools.data.stop import check

BLOCK_BYTES = 1 << 20
SAMPLE_BYTES = 1 << 16
MAX_LINE_CHARACTERS = 32 << 20

_UNPACK = "Unpack it and name the file inside."
_BY_PANDAS = (
    "Convert it to JSON Lines with the training environment, e.g. "
    "pandas.read_{0}(...).to_json('data.jsonl', orient='records', lines=True, force_ascii=False)."
)
_SIGNATURES = (
    (b"\x89PNG", "a PNG picture", "Name the folder that holds the pictures."),
    (b"\xff\xd8\xff", "a JPEG picture", "Name the folder that holds the pictures."),
    (b"GIF8", "a GIF picture", "Name the folder that holds the pictures."),
    (b"PAR1", "a Parquet table", _BY_PANDAS.format("parquet")),
    (b"ARROW1", "an Arrow table", _BY_PANDAS.format("feather")),
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook", _UNPACK),
    (b"\x1f\x8b", "a gzip archive", _UNPACK),
    (b"BZh", "a bzip2 archive", _UNPACK),
    (b"\xfd7zXZ", "an xz archive", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", _UNPACK),
    (b"7z\xbc\xaf", "a 7z archive", _UNPACK),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", _BY_PANDAS.format("excel")),
    (b"SQLite format 3\x00", "an SQLite database", _BY_PANDAS.format("sql")),
    (b"%PDF", "a PDF document", "Extract its text first."),
    (b"\x89HDF", "an HDF5 file", _BY_PANDAS.format("hdf")),
    (b"\x93NUMPY", "a NumPy array", "Write it as CSV or as pictures first."),
    (b"\x80\x04\x95", "a Python pickle", "Write it as JSON Lines first."),
    (b"\x80\x05\x95", "a Python pickle", "Write it as JSON Lines first."),
    (b"\x7fELF", "a program", "Name a file with data."),
)


@dataclass(frozen=True)
class TextFile:
    """A regular file that is UTF-8 text from end to end."""

    path: Path
    sha256: str
    encoding: str
    """`utf-8`, or `utf-8-sig` when it starts with a byte order mark."""

    def lines(self, newline: str) -> Iterator[str]:
        """The file's lines with their ends, split at `newline` as `open` does.

        Raises InputError for a line that is longer than a record may be.
        """
        with self.path.open(encoding=self.encoding, newline=newline) as file:
            number = 0
            while line := file.readline(MAX_LINE_CHARACTERS):
                number += 1
                if len(line) == MAX_LINE_CHARACTERS:
                    raise InputError(
                        f"Line {number} of {self.path} is longer than {MAX_LINE_CHARACTERS:,} "
                        "characters. Is it a table with one record per line?"
                    )
                yield line


def examine(path: Path, cancelled: threading.Event) -> TextFile:
    """Read the file once. Raises InputError when it is empty, binary, or not UTF-8."""
    start = _start_of(path)
    digest = hashlib.sha256()
    decoder = codecs.getincrementaldecoder("utf-8")()
    position, blank = 0, True
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            check(cancelled)
            digest.update(block)
            if (nul := block.find(0)) >= 0:
                raise InputError(_binary(path, position + nul, start))
            blank = not _decode(decoder, block, path, position).strip("\ufeff \t\r\n") and blank
            position += len(block)
        _decode(decoder, b"", path, position, final=True)
    if blank:
        raise InputError(f"{path} is empty: there is nothing in it to train on.")
    return TextFile(path, digest.hexdigest(), _encoding(start))


def _start_of(path: Path) -> bytes:
    if not path.is_file():
        raise InputError(f"{path} is not a regular file; name a file with data.")
    with path.open("rb") as file:
        start = file.read(SAMPLE_BYTES)
    for signature, kind, advice in _SIGNATURES:
        if start.startswith(signature):
            raise InputError(f"{path} is not text: it looks like {kind}. {advice}")
    return start


def _encoding(start: bytes) -> str:
    return "utf-8-sig" if start.startswith(codecs.BOM_UTF8) else "utf-8"


def _decode(
    decoder: codecs.IncrementalDecoder, block: bytes, path: Path, position: int, final: bool = False
) -> str:
    pending = len(decoder.getstate()[0])
    try:
        return decoder.decode(block, final)
    except UnicodeDecodeError as exc:
        raise InputError(_not_utf8(path, position - pending + exc.start)) from exc


def _not_utf8(path: Path, offset: int) -> str:
    with path.open("rb") as file:
        first = file.read(4)
        file.seek(0 if guess(first).startswith("UTF") else max(0, offset - SAMPLE_BYTES // 8))
        sample = file.read(SAMPLE_BYTES)
    return f"{path} is not UTF-8: the byte at offset {offset} does not belong. " + _convert(
        path, guess(sample)
    )


def _convert(path: Path, encoding: str) -> str:
    target = f"{path.stem}.utf8{path.suffix}"
    return (
        f"It looks like {encoding}. Convert it, and use the copy: "
        f"iconv -f {encoding} -t UTF-8 {shlex.quote(str(path))} > {shlex.quote(target)}"
    )


def _binary(path: Path, offset: int, start: bytes) -> str:
    """A file with NUL bytes: wide characters when every second byte is one, else no text at all."""
    found = f"{path} is not UTF-8 text: there is a NUL byte at offset {offset}."
    if start.count(0) > len(start) // 8 and guess(start).startswith("UTF") and offset < 4:
        return f"{found} {_convert(path, guess(start))}"
    return f"{found} It looks like a binary file; name a CSV, TSV, JSON or JSON Lines file."
