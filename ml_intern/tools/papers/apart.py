"""Reading a file in a confined process: no network, no secrets, bounds of time and memory.

What the process answers is checked like anything from outside: a hostile file may have taken it
over, and then it can lie about its content, but not reach anything.
"""

import json
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ml_intern.errors import InputError
from ml_intern.sandbox.protocol import Access
from ml_intern.sandbox.run import Completed, run_confined
from ml_intern.tools.confinement import output_of
from ml_intern.tools.papers.document import Document
from ml_intern.tools.protocol import ToolContext

READ_S = 60.0
MEMORY_BYTES = 3 << 30
_ANSWER_BYTES = 64 << 20
_PROCESSES = 32
_PROGRAMS = {
    **dict.fromkeys(("latex", "html", "markdown", "citation"), "texts"),
    "recipe": "recipes",
}
"""By act, the module of `confined`; `pdfs` has all others."""
INSTALL_OCR = "Install what guesses text from pictures: pip install 'ml-intern[ocr]'"
_DOCUMENT = TypeAdapter(Document)
_PACKAGE = Path(__file__).resolve().parents[2]


class Apart:
    """One file in a folder of its own, which is gone afterwards."""

    def __init__(self, content: bytes, url: str, ctx: ToolContext) -> None:
        self._content, self._url, self._ctx = content, url, ctx
        self._is_whole = b"%%EOF" in content[-2048:]
        self._temporary = tempfile.TemporaryDirectory(prefix="ml-intern-paper-")
        self.folder = Path(self._temporary.name).resolve()

    def __enter__(self) -> "Apart":
        (self.folder / "paper").write_bytes(self._content)
        # Python lists a folder before it imports from it, and the one that our package lies in
        # may hold anything.
        (self.folder / "code").mkdir()
        (self.folder / "code" / _PACKAGE.name).symlink_to(_PACKAGE)
        return self

    def __exit__(self, *_: object) -> None:
        self._temporary.cleanup()

    def document(self, request: dict[str, Any], timeout_s: float = READ_S) -> Document:
        """What was read. Raises InputError for what cannot be, with what to do; SandboxError."""
        try:
            said = self.ask(request, timeout_s).get("document")
            return replace(_DOCUMENT.validate_python(said), url=self._url)
        except ValidationError as exc:
            raise InputError(f"What was read from {self._url} makes no sense.") from exc

    def ask(self, request: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        """The answer to the request; see `confined/request.py`. Raises InputError without one."""
        answer = self.folder / "answer.json"
        path = str(self.folder / "paper")
        whole = {**request, "path": path, "answer": str(answer), "is_whole": self._is_whole}
        program = _PROGRAMS.get(request["act"], "pdfs")
        completed = self._run(program, json.dumps(whole), timeout_s)
        if completed.timed_out:
            has_pages = program == "pdfs"
            fewer = " Ask for fewer pages with first_page, or" if has_pages else ""
            raise InputError(
                f"{self._url} was not read within {timeout_s:.0f} s.{fewer} "
                f"{'read' if has_pages else 'Read'} the paper in another form."
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
        """What the process has written. Raises InputError for a link, and for what is too large."""
        if path.is_symlink() or not path.is_file() or path.stat().st_size > _ANSWER_BYTES:
            raise InputError(f"What was read from {self._url} makes no sense.")
        return path.read_bytes()

    def _run(self, program: str, request: str, timeout_s: float) -> Completed:
        sandbox = self._ctx.place.sandbox
        return run_confined(
            sandbox,
            self._command(program, request),
            access=Access(
                write=(self.folder,),
                read=(_PACKAGE,),
                network=False,
                memory_bytes=MEMORY_BYTES,
                max_file_bytes=_ANSWER_BYTES,
                max_processes=_PROCESSES,
            ),
            cwd=self.folder,
            environment=sandbox.environment(self.folder / "home", _few_threads()),
            timeout_s=timeout_s,
            cancelled=self._ctx.cancelled,
            output=output_of(self._ctx),
        )

    def _command(self, program: str, request: str) -> list[str]:
        """Isolated: nothing of the folder that it runs in is imported."""
        lines = (
            "import sys; sys.path.insert(0, sys.argv[1]); "
            f"from ml_intern.tools.papers.confined.{program} import main; main()"
        )
        return [sys.executable, "-I", "-c", lines, str(self.folder / "code"), request]

    def _died(self, completed: Completed) -> str:
        if "MemoryError" in completed.text or "bad_alloc" in completed.text:
            return (
                f"{self._url} needs more memory to be read than the {MEMORY_BYTES >> 30} GiB that "
                "are allowed for it. Read the paper in another form."
            )
        last = (completed.text.strip().splitlines() or ["without a word"])[-1][:300]
        return (
            f"The reader of papers broke on {self._url} (exit code {completed.exit_code}: {last}). "
            "The file is damaged, or made to break readers; read the paper in another form."
        )

    def _refused(self, said: dict[str, Any]) -> str:
        pages = said.get("pages")
        error, url = said.get("error"), self._url
        if error == "encrypted":
            return (
                f"{url} is encrypted and needs a password. Ask the person for a copy without one."
            )
        if error == "said":
            return str(said.get("message"))[:1_000]
        if error == "no_page":
            return f"{url} has {pages} pages; there is no such page."
        if error == "scans":
            return (
                f"{url} has {pages} pages and no text: they are pictures (scans). {INSTALL_OCR}; "
                "or read the paper in another form."
            )
        if error == "empty":
            return f"There is no text on {pages} pages of {url}, and none to be guessed (OCR)."
        if not self._is_whole:
            return f"{url} is cut off: the end of the PDF is missing. Fetch it again."
        return f"{url} is a damaged PDF that cannot be read. Fetch it again."


def _few_threads() -> dict[str, str]:
    return {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "2")}
