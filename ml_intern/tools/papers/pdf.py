"""A PDF as a paper, read in a confined process of its own with bounds of time and memory.

What the process answers is checked like anything from outside: a hostile file may have taken it
over, and then it can lie about its content, but not reach anything.
"""

import importlib.util
import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

import ml_intern
from ml_intern.errors import InputError
from ml_intern.sandbox.protocol import Access
from ml_intern.sandbox.run import Completed, run_confined
from ml_intern.tools.confinement import output_of
from ml_intern.tools.papers.document import Box, Document
from ml_intern.tools.protocol import ToolContext

MOST_BYTES = 200 << 20
MOST_PAGES = 150
"""Of one call."""
MOST_OCR_PAGES = 12
"""Of one call: a page takes seconds."""
READ_S = 60.0
OCR_S = 300.0
_TABLES_S = 15.0
_MEMORY_BYTES = 3 << 30
_ANSWER_BYTES = 64 << 20
_PROCESSES = 32
_HEAD = 1024
"""Bytes among which a PDF says that it is one."""
INSTALL_OCR = "Install what guesses text from pictures: pip install 'ml-intern[ocr]'"
_DOCUMENT = TypeAdapter(Document)
_PICTURE_BEGINS = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Drawn:
    """A figure as PNG. `is_guessed`: nothing drawn was found beside its caption."""

    png: bytes
    is_guessed: bool


def read_pdf(content: bytes, url: str, ctx: ToolContext, *, first_page: int = 1) -> Document:
    """At most `MOST_PAGES` pages from `first_page` on, counted from 1.

    Raises InputError for what cannot be read, with what to do; SandboxError.
    """
    _refuse_others(content, url)
    ocr = importlib.util.find_spec("rapidocr_onnxruntime") is not None
    request = {
        "act": "read",
        "url": url,
        "first_page": first_page,
        "most_pages": MOST_PAGES,
        "most_ocr_pages": MOST_OCR_PAGES,
        "tables_s": _TABLES_S,
        "ocr": ocr,
    }
    with _Reading(content, url, ctx) as reading:
        answer = reading.ask(request, OCR_S if ocr else READ_S)
    try:
        return _DOCUMENT.validate_python(answer.get("document"))
    except ValidationError as exc:
        raise InputError(
            f"What was read from {url} makes no sense; nothing of it is used."
        ) from exc


def draw_figure(content: bytes, url: str, page: int, box: Box, ctx: ToolContext) -> Drawn:
    """The figure whose caption stands at `box`. Raises as `read_pdf` does."""
    return _drawn(content, url, {"act": "figure", "page": page, "box": box}, ctx)


def draw_first_page(content: bytes, url: str, ctx: ToolContext) -> Drawn:
    """The first page of a PDF that is a figure itself. Raises as `read_pdf` does."""
    return _drawn(content, url, {"act": "picture"}, ctx)


def _drawn(content: bytes, url: str, request: dict[str, Any], ctx: ToolContext) -> Drawn:
    _refuse_others(content, url)
    with _Reading(content, url, ctx) as reading:
        picture = reading.folder / "figure.png"
        answer = reading.ask({**request, "picture": str(picture)}, READ_S)
        png = reading.taken(picture)
    if not png.startswith(_PICTURE_BEGINS):
        raise InputError(f"The figure of {url} could not be drawn.")
    return Drawn(png, answer.get("is_guessed") is True)


def _refuse_others(content: bytes, url: str) -> None:
    if len(content) > MOST_BYTES:
        raise InputError(
            f"{url} has {len(content):,} bytes; PDFs of at most {MOST_BYTES:,} are read."
        )
    if b"%PDF-" not in content[:_HEAD]:
        is_page = b"<html" in content[:_HEAD].lower()
        what = "a page of HTML" if is_page else "empty" if not content else "something else"
        raise InputError(f"{url} is no PDF, it is {what}. Check the address, or read it as it is.")


class _Reading:
    """One file in a folder of its own, which is gone afterwards."""

    def __init__(self, content: bytes, url: str, ctx: ToolContext) -> None:
        self._content, self._url, self._ctx = content, url, ctx
        self._is_whole = b"%%EOF" in content[-2048:]
        self._temporary = tempfile.TemporaryDirectory(prefix="ml-intern-pdf-")
        self.folder = Path(self._temporary.name).resolve()

    def __enter__(self) -> "_Reading":
        (self.folder / "paper.pdf").write_bytes(self._content)
        return self

    def __exit__(self, *_: object) -> None:
        self._temporary.cleanup()

    def ask(self, request: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        """The answer of the confined process. Raises InputError where it has none."""
        answer = self.folder / "answer.json"
        path = str(self.folder / "paper.pdf")
        whole = {**request, "path": path, "answer": str(answer), "is_whole": self._is_whole}
        completed = self._run(json.dumps(whole), timeout_s)
        if completed.timed_out:
            raise InputError(
                f"{self._url} was not read within {timeout_s:.0f} s. Ask for fewer pages with "
                "first_page, or read the paper in another form."
            )
        if completed.cancelled:
            raise InputError(f"Reading {self._url} was stopped.")
        if not completed.ok or not answer.is_file():
            raise InputError(self._died(completed))
        try:
            said = json.loads(self.taken(answer))
        except (ValueError, RecursionError) as exc:
            raise InputError(f"What was read from {self._url} makes no sense.") from exc
        if not isinstance(said, dict) or "error" in said:
            raise InputError(self._refused(said if isinstance(said, dict) else {}))
        return said

    def taken(self, path: Path) -> bytes:
        """What the process has written, bounded; it may have put a link there."""
        if path.is_symlink() or not path.is_file() or path.stat().st_size > _ANSWER_BYTES:
            raise InputError(f"What was read from {self._url} makes no sense.")
        return path.read_bytes()

    def _run(self, request: str, timeout_s: float) -> Completed:
        root = Path(ml_intern.__file__).resolve().parent
        program = (
            "import sys; sys.path.insert(0, sys.argv[1]); "
            "from ml_intern.tools.papers.pdf_side.main import main; main()"
        )
        sandbox = self._ctx.place.sandbox
        return run_confined(
            sandbox,
            [sys.executable, "-I", "-c", program, str(root.parent), request],
            access=Access(
                write=(self.folder,),
                read=(root,),
                network=False,
                memory_bytes=_MEMORY_BYTES,
                max_file_bytes=_ANSWER_BYTES,
                max_processes=_PROCESSES,
            ),
            cwd=self.folder,
            environment=sandbox.environment(self.folder / "home", _few_threads()),
            timeout_s=timeout_s,
            cancelled=self._ctx.cancelled,
            output=output_of(self._ctx),
        )

    def _died(self, completed: Completed) -> str:
        if "MemoryError" in completed.text or "bad_alloc" in completed.text:
            return (
                f"{self._url} needs more memory to be read than the {_MEMORY_BYTES >> 30} GiB that "
                "are allowed for it. Ask for its HTML or source."
            )
        last = (completed.text.strip().splitlines() or ["without a word"])[-1][:300]
        return (
            f"The reader of PDFs broke on {self._url} (exit code {completed.exit_code}: {last}). "
            "The file is damaged, or made to break readers; read the paper in another form."
        )

    def _refused(self, said: dict[str, Any]) -> str:
        pages = said.get("pages")
        error, url = said.get("error"), self._url
        if error == "encrypted":
            return (
                f"{url} is encrypted and needs a password. Ask the person for a copy without one."
            )
        if error == "no_page":
            return f"{url} has {pages} pages; there is no such page."
        if error == "scans":
            return (
                f"{url} has {pages} pages and no text: they are pictures (scans). {INSTALL_OCR}; "
                "or read the paper in another form."
            )
        if not self._is_whole:
            return f"{url} is cut off: the end of the PDF is missing. Fetch it again."
        return f"{url} is a damaged PDF that cannot be read. Fetch it again."


def _few_threads() -> dict[str, str]:
    return {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "2")}
