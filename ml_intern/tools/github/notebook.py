"""A notebook as Markdown: its cells and the text of their outputs; pictures are only named."""

import json
import re
from collections.abc import Iterator
from typing import Any

from ml_intern.tools.foreign import items, mapping, text

_TICKS = re.compile("`+")
MOST_OUTPUT = 2_000
"""Characters of the outputs of one cell."""


def as_markdown(content: bytes) -> str | None:
    """The notebook of that file; None: it is none."""
    try:
        found = mapping(json.loads(content))
    except (ValueError, RecursionError):
        return None
    if not isinstance(found.get("cells"), list):
        return None
    kernel = mapping(mapping(found.get("metadata")).get("language_info")).get("name")
    language = kernel if isinstance(kernel, str) and kernel.isalnum() else "python"
    cells = (_cell(mapping(cell), language) for cell in found["cells"])
    return "\n\n".join(cell for cell in cells if cell)


def _cell(cell: dict[str, Any], language: str) -> str:
    source = _joined(cell.get("source"))
    if cell.get("cell_type") != "code":
        return source
    fence = _fence(source)
    parts = [f"{fence}{language}\n{source}\n{fence}"] if source.strip() else []
    output = "".join(_outputs(items(cell.get("outputs")))).rstrip()
    if len(output) > MOST_OUTPUT:
        output = f"{output[:MOST_OUTPUT]}\n[{len(output) - MOST_OUTPUT:,} more characters]"
    if output:
        fence = _fence(output)
        parts.append(f"Output:\n{fence}text\n{output}\n{fence}")
    return "\n\n".join(parts)


def _outputs(outputs: list[Any]) -> Iterator[str]:
    for output in map(mapping, outputs):
        data = mapping(output.get("data"))
        if output.get("output_type") == "error":
            yield f"{text(output.get('ename'))}: {text(output.get('evalue'), MOST_OUTPUT)}\n"
        elif "text" in output:
            yield _joined(output["text"])
        elif pictures := [name for name in data if str(name).startswith("image/")]:
            yield f"[{pictures[0]}]\n"
        elif "text/plain" in data:
            yield f"{_joined(data['text/plain'])}\n"


def _joined(source: Any) -> str:
    """Text of a notebook: one string, or a list of lines."""
    return source if isinstance(source, str) else "".join(filter(_is_text, items(source)))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _fence(text: str) -> str:
    """Longer than any in the text, so that the text cannot end it."""
    return "`" * max(3, 1 + max(map(len, _TICKS.findall(text)), default=0))
