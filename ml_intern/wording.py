"""How texts are cut and ended, and sizes put, where people read them."""

CUT = "…"


def shortened(text: str, most: int) -> str:
    """`text` in one line of at most `most` characters; what was cut is seen to be."""
    flat = " ".join(text.split())
    return flat if len(flat) <= most else flat[: most - 1].rstrip() + CUT


def sentence(text: str) -> str:
    """`text` with a full stop, unless it ends as a sentence does already."""
    text = text.rstrip()
    return text if text.endswith((".", "?", "!", CUT)) else f"{text}."


def with_gap(text: str, head: int, note: str, tail: int) -> str:
    """So many characters of its head and tail with `note` between; `text` where that is shorter."""
    if len(text) <= head + len(note) + tail:
        return text
    return "\n".join(filter(None, (text[:head], note, text[len(text) - tail :])))


def size_words(size_bytes: int) -> str:
    """For people: 1.4 GB."""
    size = float(size_bytes)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
