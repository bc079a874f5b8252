"""The process that reads papers which are text: LaTeX, HTML, Markdown. See `request.py`."""

from dataclasses import asdict
from pathlib import Path

from ml_intern.errors import InputError
from ml_intern.tools.papers.citation import citation
from ml_intern.tools.papers.confined.request import Request, Said, answer, whole
from ml_intern.tools.papers.document import Document
from ml_intern.tools.papers.html import read_html
from ml_intern.tools.papers.latex import read_latex
from ml_intern.tools.papers.markdown import read_markdown


def main() -> None:
    answer(_answer)


def _answer(request: Request) -> Said:
    content = Path(request["path"]).read_bytes()
    if request["act"] == "citation":
        return {"citation": asdict(citation(content, request["url"], request["charset"]))}
    try:
        return whole(_read(content, request))
    except InputError as exc:
        return {"error": "said", "message": str(exc)}


def _read(content: bytes, request: Request) -> Document:
    match request["act"]:
        case "latex":
            return read_latex(content, request["url"])
        case "html":
            return read_html(content, request["url"], request["how"], request["charset"])
        case _:
            text = content.decode(request["charset"], "replace")
            return read_markdown(text, request["url"], request["how"])
