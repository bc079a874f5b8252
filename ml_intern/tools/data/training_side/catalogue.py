"""Lists the datasets that installed packages carry, without importing any of them.

Usage: python -I catalogue.py OUTPUT.json
A package carries datasets when it has `datasets/descr/*.rst`. A dataset is `shipped` when the
package also has `load_NAME` and a data file of that name; else it would have to be downloaded.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

MAX_DESCRIPTION = 2000
_LOADER = re.compile(r"^def load_(\w+)\(", re.MULTILINE)
_TITLE = re.compile(r"^(\S.*)\n([-=~^*])\2{2,}\s*$", re.MULTILINE)


def packaged() -> Iterator[dict[str, object]]:
    """Every described dataset on this interpreter's path."""
    for folder in map(Path, sys.path):
        for description in sorted(folder.glob("*/datasets/descr/*.rst")):
            yield entry(description)


def entry(description: Path) -> dict[str, object]:
    """What is known of one dataset from its description and the files around it."""
    datasets = description.parent.parent
    text = description.read_text(encoding="utf-8", errors="replace")
    title = _TITLE.search(text)
    loader = next((name for name in loaders(datasets) if belongs(description.stem, name)), None)
    data = [path.name for path in (datasets / "data").glob("*") if path.is_file()]
    return {
        "package": datasets.parent.name,
        "name": loader or description.stem,
        "title": title.group(1).strip() if title else description.stem,
        "description": text[title.end() if title else 0 :].strip()[:MAX_DESCRIPTION],
        "shipped": loader is not None and any(belongs(name.split(".")[0], loader) for name in data),
        "pictures": loader is not None and gives_pictures(datasets, loader),
    }


def loaders(datasets: Path) -> list[str]:
    """The NAMEs of all `load_NAME` functions, longest first."""
    sources = (path.read_text(encoding="utf-8", errors="replace") for path in datasets.glob("*.py"))
    names = {name for source in sources for name in _LOADER.findall(source)}
    return sorted(names, key=lambda name: (-len(name), name))


def gives_pictures(datasets: Path, name: str) -> bool:
    """Whether the text of `load_NAME` gives its answer `images`."""
    sources = (path.read_text(encoding="utf-8", errors="replace") for path in datasets.glob("*.py"))
    body = re.compile(rf"^def load_{name}\(.*?(?=^(?:def|class|@)|\Z)", re.MULTILINE | re.DOTALL)
    found = (match for source in sources if (match := body.search(source)))
    return any(re.search(r"\bimages=", match[0]) for match in found)


def belongs(stem: str, name: str) -> bool:
    """Whether a file called `stem` is about the dataset `name`."""
    return stem == name or stem.startswith(f"{name}_")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(list(packaged())), encoding="utf-8")
