"""Notebooks that were made by hand, to be more than a reader can bear."""

import json
from typing import Any

import pytest

from ml_intern.tools.github.notebook import as_markdown
from ml_intern.tools.rendered import as_shown


def notebook(*cells: Any) -> bytes:
    return json.dumps({"cells": cells, "metadata": {"language_info": {"name": []}}}).encode()


def code(source: Any, *outputs: Any) -> dict[str, Any]:
    return {"cell_type": "code", "source": source, "outputs": outputs}


def nested(depth: int) -> Any:
    found: Any = []
    for _ in range(depth):
        found = [found]
    return found


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "cell",
    [
        code("`" * 1_000_000),
        code("a", {"output_type": "stream", "text": "``` " * 400_000}),
        {"cell_type": "markdown", "source": ["<a " * 200_000]},
    ],
    ids=["ticks", "fences", "tags"],
)
def test_a_cell_of_one_piece_is_read_in_the_time_of_its_length(cell: dict[str, Any]) -> None:
    found = as_markdown(notebook(cell))
    assert found is not None
    assert len(as_shown(found).text) <= len(found)


@pytest.mark.parametrize(
    "cell",
    [
        None,
        [],
        code(nested(200)),
        code({"a": 1}, None, "x", {"output_type": "error", "ename": nested(200), "evalue": 1}),
        code("x", {"data": {"image/png": 1, "text/plain": nested(100)}}, {"text": 3}),
        {"cell_type": ["code"], "source": "x"},
    ],
)
def test_cells_may_be_anything(cell: Any) -> None:
    found = as_markdown(notebook(cell, {"cell_type": "markdown", "source": "the rest"}))
    assert found is not None
    assert found.endswith("the rest")
    assert len(found) < 200


@pytest.mark.parametrize(
    "content", [b"", b"[", b"[]", b"{}", b"[" * 100_000, b'{"cells": {}}', b"\xff\xfe", b"NaN"]
)
def test_what_is_no_notebook_is_none(content: bytes) -> None:
    assert as_markdown(content) is None


def test_no_cell_ends_its_own_fence() -> None:
    found = as_markdown(notebook(code("```\n# Heading\n````", {"text": "`````"})))
    assert found == "`````python\n```\n# Heading\n````\n`````\n\nOutput:\n``````text\n`````\n``````"
