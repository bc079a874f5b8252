"""Whether a file is text, and if not, what it most likely is."""

HEAD_BYTES = 8192
"""How much of the beginning is enough to tell."""

_SIGNATURES = (
    (b"\x89PNG\r\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive (also .docx, .xlsx, .npz and PyTorch checkpoints)"),
    (b"\x1f\x8b", "gzip-compressed data"),
    (b"BZh", "bzip2-compressed data"),
    (b"\xfd7zXZ", "xz-compressed data"),
    (b"\x28\xb5\x2f\xfd", "zstd-compressed data"),
    (b"PAR1", "a Parquet table"),
    (b"ARROW1", "an Arrow table"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x89HDF", "an HDF5 file"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x7fELF", "a compiled program or library"),
    (b"GGUF", "GGUF model weights"),
    (b"\x80\x02", "a Python pickle"),
    (b"\x80\x04", "a Python pickle"),
    (b"\x80\x05", "a Python pickle"),
    (b"RIFF", "audio, video or WebP data"),
)
_WIDE_TEXT = ((b"\xff\xfe", "UTF-16-LE"), (b"\xfe\xff", "UTF-16-BE"))
_MOST_CONTROL_SHARE = 0.1


def binary_kind(head: bytes) -> str | None:
    """What the file is, when it is not text that we can show; None for text.

    `head`: its first `HEAD_BYTES` bytes.
    """
    for mark, encoding in _WIDE_TEXT:
        if head.startswith(mark):
            return f"text in {encoding}; convert it with: iconv -f {encoding} -t UTF-8"
    for signature, kind in _SIGNATURES:
        if head.startswith(signature):
            return kind
    if head[8:10] == b'{"' and b"\0" in head[:8]:
        return "safetensors model weights"
    if head[257:262] == b"ustar":
        return "a tar archive"
    return "binary data" if _looks_binary(head) else None


def _looks_binary(head: bytes) -> bool:
    if b"\0" in head:
        return True
    control = sum(byte < 32 and byte not in b"\t\n\r\f\b\x1b" for byte in head)
    return control > _MOST_CONTROL_SHARE * len(head)
