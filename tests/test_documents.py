"""What the documents name exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = (
    *("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "traces/README.md"),
    *("docs/operations.md", "deploy/systemd/README.md", "examples/README.md"),
)
NAMED = re.compile(
    r"`((?:ml_intern|docs|traces|tests|benchmarks|deploy|examples)/[\w./-]*)`|\]\(([\w./-]+)\)"
)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_file_that_a_document_names_exists(name):
    document = ROOT / name
    found = [first or second for first, second in NAMED.findall(document.read_text())]
    missing = [
        path
        for path in found
        if not (ROOT / path).exists() and not (document.parent / path).exists()
    ]
    assert missing == []


def test_the_architecture_names_the_whole_path_of_an_op():
    text = (ROOT / "ARCHITECTURE.md").read_text()
    for part in ("queue/store", "session/handlers", "session/turn", "tools/router"):
        assert f"`ml_intern/{part}.py`" in text


def test_decisions_are_numbered_without_gaps():
    numbers = sorted(int(path.name[:4]) for path in (ROOT / "docs/decisions").glob("*.md"))
    assert numbers == list(range(1, len(numbers) + 1))
