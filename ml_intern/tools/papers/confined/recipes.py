"""The process that takes the recipe out of a paper that was read. See `request.py`."""

from pathlib import Path

from pydantic import TypeAdapter

from ml_intern.tools.papers.confined.request import Request, Said, answer
from ml_intern.tools.papers.document import Document
from ml_intern.tools.papers.recipe.extract import extract
from ml_intern.tools.papers.recipe.words import Extracted


def main() -> None:
    answer(_answer)


def _answer(request: Request) -> Said:
    document = TypeAdapter(Document).validate_json(Path(request["path"]).read_bytes())
    found = extract(document)
    return {"extracted": TypeAdapter(Extracted).dump_python(found, mode="json")}
