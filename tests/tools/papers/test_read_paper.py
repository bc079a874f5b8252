"""The tool `read_paper`, against real servers and files."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ml_intern.errors import InputError, MLInternError, OutsideError
from ml_intern.tools.papers import local
from ml_intern.tools.papers.read_paper import ReadPaper, ReadPaperArguments
from ml_intern.tools.protocol import ToolContext, ToolOutcome
from tests.support.outside import Given
from tests.support.papers_server import QLORA, papers_server
from tests.support.papers_text_server import LONG, PAPER, Sites, latexml, markdown, sites, tarball
from tests.support.pdfs import PdfPage, pdf, running_text
from tests.support.places import confined_place, context_in

TEX = rb"\documentclass{article}\title{From TeX}\begin{document}\section{Method}Adam.\end{document}"
SCRIPT = PdfPage().text(54, 700, "From a PDF", 18).lines(54, 660, running_text(20, 90))
HUB, HTML = f"/papers/{PAPER}.md", f"/html/{PAPER}"
SOURCE, FILE = f"/e-print/{PAPER}", f"/pdf/{PAPER}"


@contextmanager
def at(folder: Path, **answers: Any) -> Iterator[tuple[ToolContext, Sites]]:
    with sites(folder, **answers) as there:
        yield context_in(confined_place(folder, web=there.web)), there


def call(ctx: ToolContext, paper: str = PAPER, **arguments: Any) -> ToolOutcome:
    outcome = ReadPaper().run(ReadPaperArguments(paper=paper, **arguments), ctx)
    assert isinstance(outcome, ToolOutcome)
    return outcome


def answer(ctx: ToolContext, paper: str = PAPER, **arguments: Any) -> dict[str, Any]:
    outcome = call(ctx, paper, **arguments)
    assert outcome.ok
    found: dict[str, Any] = json.loads(outcome.output)
    return found


def refusal(ctx: ToolContext, paper: str = PAPER, **arguments: Any) -> str:
    with pytest.raises(MLInternError) as raised:
        call(ctx, paper, **arguments)
    return str(raised.value)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[tuple[ToolContext, Sites]]:
    with at(tmp_path, hub={HUB: markdown()}) as there:
        yield there


def test_the_outline_is_short_and_says_where_it_is_from(hub: tuple[ToolContext, Sites]) -> None:
    ctx, there = hub

    outcome = call(ctx)
    outline = json.loads(outcome.output)

    assert outline["title"] == "Small Steps"
    assert outline["read_from"] == "hub_markdown"
    assert outline["url"] == there.hub.url + HUB
    assert outcome.sources == (there.hub.url + HUB,)
    assert outline["abstract"] == "We train small models."
    assert [each["section"] for each in outline["sections"]] == [
        "Abstract",
        "1 Introduction",
        "2 Method",
        "  2.1 Optimiser",
        "3 Results",
    ]
    assert (outline["tables"], outline["figures"]) == (1, 1)
    assert "note" not in outline


def test_a_section_is_read_in_parts_that_say_how_to_go_on(hub: tuple[ToolContext, Sites]) -> None:
    ctx, _ = hub
    whole, offset = "", 0

    for _part in range(30):
        part = answer(ctx, operation="section", section="1", limit=400, offset=offset)
        whole = f"{whole} {part['text']}".strip()
        assert len(part["text"]) <= 400
        if "read_on" not in part:
            break
        offset = int(part["read_on"].rpartition("=")[2])

    assert whole == answer(ctx, operation="section", section="1", limit=20_000)["text"]
    assert "offset 99999 is behind its end" in refusal(
        ctx, operation="section", section="1", offset=99_999
    )


def test_a_section_holds_its_subsections(hub: tuple[ToolContext, Sites]) -> None:
    part = answer(hub[0], operation="section", section="Method")

    assert part["section"] == "2 Method"
    assert "cross entropy" in part["text"]
    assert "## 2.1 Optimiser" in part["text"]


def test_passages_are_found(hub: tuple[ToolContext, Sites]) -> None:
    passages = answer(hub[0], operation="find", query="batch size")["passages"]

    assert passages[0]["section"] == "2.1 Optimiser"
    assert "a batch size of 64" in passages[0]["text"]


def test_tables_and_figures_are_listed_and_shown(hub: tuple[ToolContext, Sites]) -> None:
    ctx, _ = hub

    assert answer(ctx, operation="tables")["tables"] == [
        {"table": "Table 1", "caption": "Results.", "section": "2.1 Optimiser", "rows": 2}
    ]
    assert "| Ours | 84.0 |" in answer(ctx, operation="tables", label="table 1")["text"]
    assert answer(ctx, operation="figures")["figures"] == [
        {
            "figure": "Figure 1",
            "caption": "The loss falls.",
            "section": "2.1 Optimiser",
            "picture": "https://example.org/x1.png",
        }
    ]
    assert "There is no Table 7. There are: Table 1" in refusal(
        ctx, operation="tables", label="Table 7"
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"operation": "section"}, "operation=section needs `section`"),
        ({"operation": "find"}, "operation=find needs `query`"),
        ({"operation": "picture"}, "operation=picture needs `label`"),
        ({"operation": "section", "section": "9"}, "There is no section '9'"),
        ({"operation": "find", "query": "quaternion"}, "No word of 'quaternion' occurs"),
    ],
)
def test_what_is_missing_is_said(
    arguments: dict[str, Any], words: str, hub: tuple[ToolContext, Sites]
) -> None:
    assert words in refusal(hub[0], **arguments)


# One form after the other

PLACES = {
    "hub_markdown": ("hub", {HUB: markdown()}),
    "arxiv_html": ("arxiv", {HTML: latexml()}),
    "latex": ("arxiv", {SOURCE: Given(content=tarball({"main.tex": TEX}))}),
    "pdf": ("arxiv", {FILE: Given(content=pdf([SCRIPT]), content_type="application/pdf")}),
}


@pytest.mark.parametrize("how", PLACES)
def test_each_form_is_read_when_those_before_it_are_not_there(how: str, tmp_path: Path) -> None:
    site, answers = PLACES[how]
    with at(tmp_path, **{site: answers}) as (ctx, there):
        outline = answer(ctx)

        assert outline["read_from"] == how
        assert next(iter(answers)) in there.asked
        if how == "hub_markdown":
            assert "note" not in outline
        else:
            assert ", because it is not there as hub" in outline["note"]


def test_ar5iv_has_the_html_that_arxiv_has_not(tmp_path: Path) -> None:
    with at(tmp_path, ar5iv={HTML: latexml()}) as (ctx, there):
        assert answer(ctx)["url"] == there.ar5iv.url + HTML


def test_a_version_is_read_where_versions_are(tmp_path: Path) -> None:
    with at(tmp_path, hub={HUB: markdown()}, arxiv={f"{HTML}v2": latexml()}) as (ctx, there):
        assert answer(ctx, f"{PAPER}v2")["title"] == "Small Steps as HTML"
        assert there.hub.asked == []
        assert "The Hub has no versions" in refusal(ctx, f"{PAPER}v2", form="hub")


@pytest.mark.parametrize("form", ["hub", "html", "latex", "pdf"])
def test_a_form_that_was_asked_for_is_never_exchanged(form: str, tmp_path: Path) -> None:
    others = {name: PLACES[name] for name in PLACES if not name.endswith(form.replace("hub", "n"))}
    answers: dict[str, dict[str, Given]] = {"hub": {}, "arxiv": {}}
    for name, (site, given) in others.items():
        if name != {"hub": "hub_markdown", "html": "arxiv_html"}.get(form, form):
            answers[site].update(given)
    with at(tmp_path, **answers) as (ctx, _):
        assert f"{form}: There is nothing at" in refusal(ctx, form=form)


@pytest.mark.parametrize(
    "given",
    [
        Given(content="<html><body>Abstract only</body></html>", content_type="text/html"),
        Given(content="# Title\n\nShort.", content_type="text/markdown"),
        Given(content="", content_type="text/markdown"),
        Given(content="no", status=403),
        Given(content="no", status=404),
    ],
    ids=["html", "abstract", "nothing", "forbidden", "missing"],
)
def test_what_the_hub_has_instead_of_a_paper_is_passed_over(given: Given, tmp_path: Path) -> None:
    with at(tmp_path, hub={HUB: given}, arxiv={HTML: latexml()}) as (ctx, _):
        outline = answer(ctx)

        assert outline["read_from"] == "arxiv_html"
        assert re.search(r"as hub\.$|hub: ", outline["note"])


def test_a_page_that_says_there_is_no_html_is_passed_over(tmp_path: Path) -> None:
    page = Given(content="<html>No HTML for this paper.</html>", content_type="text/html")
    with at(tmp_path, arxiv={HTML: page, **PLACES["latex"][1]}) as (ctx, _):
        assert answer(ctx)["title"] == "From TeX"


def test_a_paper_that_is_nowhere_may_be_withdrawn(tmp_path: Path) -> None:
    with at(tmp_path) as (ctx, _):
        assert "It may be withdrawn, or there is no such paper" in refusal(ctx)


def test_a_limit_of_the_service_is_said_with_its_time(tmp_path: Path) -> None:
    busy = Given(status=429, headers={"Retry-After": "120"})
    with at(tmp_path, arxiv={HTML: busy, SOURCE: busy, FILE: busy}) as (ctx, _):
        with pytest.raises(OutsideError) as raised:
            call(ctx)

        assert raised.value.trouble == "limited"
        assert "120 s" in str(raised.value)


def test_what_was_read_before_is_read_while_the_service_is_away(tmp_path: Path) -> None:
    with at(tmp_path, hub={HUB: markdown()}) as (ctx, there):
        answer(ctx)
        asked = len(there.asked)

        answer(ctx, operation="section", section="2")

        assert len(there.asked) == asked


def test_a_title_is_looked_up_and_read_as_the_paper_that_has_it(tmp_path: Path) -> None:
    with (
        papers_server() as indexes,
        at(tmp_path, hub={f"/papers/{QLORA.arxiv}.md": markdown()}, indexes=indexes.url) as there,
    ):
        outcome = call(there[0], QLORA.title)

        assert json.loads(outcome.output)["read_from"] == "hub_markdown"
        assert len(outcome.sources) > 1
        assert "No paper is exactly" in refusal(there[0], "QLoRA: Efficient Finetuning")


def test_a_doi_is_read_from_arxiv_where_the_paper_is_there(tmp_path: Path) -> None:
    with (
        papers_server() as indexes,
        at(tmp_path, hub={f"/papers/{QLORA.arxiv}.md": markdown()}, indexes=indexes.url) as there,
    ):
        assert answer(there[0], f"10.48550/arXiv.{QLORA.arxiv}")["title"] == "Small Steps"
        assert answer(there[0], f"CorpusId:{QLORA.corpus}")["title"] == "Small Steps"


# Other papers than arXiv's


@pytest.mark.parametrize(
    ("name", "content", "how"),
    [
        ("paper.pdf", pdf([SCRIPT]), "pdf"),
        ("without ending", pdf([SCRIPT]), "pdf"),
        ("paper.html", str(latexml().content).encode(), "html"),
        ("paper.tex", TEX, "latex"),
        ("source.tar.gz", tarball({"main.tex": TEX}), "latex"),
        ("notes.md", b"# Notes\n\n## One\n\nText.", "markdown"),
        ("notes.txt", b"Only words.", "text"),
    ],
)
def test_a_file_of_the_workspace_is_read(
    name: str, content: bytes, how: str, tmp_path: Path
) -> None:
    with at(tmp_path) as (ctx, there):
        (ctx.place.workspace / name).write_bytes(content)

        outcome = call(ctx, f"./{name}", operation="outline")

        assert json.loads(outcome.output)["read_from"] == how
        assert outcome.sources == ()
        assert there.asked == []


def test_an_address_is_read_by_what_it_holds(tmp_path: Path) -> None:
    mislabelled = Given(content=pdf([SCRIPT]), content_type="text/html")
    with at(tmp_path, ar5iv={"/a/paper": mislabelled}) as (ctx, there):
        outcome = call(ctx, f"{there.ar5iv.url}/a/paper")

        assert json.loads(outcome.output)["read_from"] == "pdf"
        assert outcome.sources == (f"{there.ar5iv.url}/a/paper",)


# A publisher's page


def landing(pdf_url: str, body: str = "<p>An abstract.</p>") -> Given:
    page = (
        '<html><head><META name="Citation_Title" content="Small Steps, Printed">'
        f'<meta name="citation_pdf_url" content="{pdf_url}">'
        f"<title>Publisher</title></head><body><h1>Small Steps</h1>{body}</body></html>"
    )
    return Given(content=page, content_type="text/html")


PRINTED = Given(content=pdf([SCRIPT]), content_type="application/pdf")


def test_of_a_page_about_a_paper_its_pdf_is_read(tmp_path: Path) -> None:
    pages = {"/doi/1": landing("/content/1.pdf?download=true"), "/content/1.pdf": PRINTED}
    with at(tmp_path, ar5iv=pages) as (ctx, there):
        outcome = call(ctx, f"{there.ar5iv.url}/doi/1")
        found = json.loads(outcome.output)
        assert (found["read_from"], found["title"]) == ("pdf", "Small Steps, Printed")
        assert found["note"].endswith(f"The PDF that {there.ar5iv.url}/doi/1 names.")
        urls = [f"{there.ar5iv.url}/doi/1", f"{there.ar5iv.url}/content/1.pdf?download=true"]
        assert list(outcome.sources) == urls


@pytest.mark.parametrize(
    ("pdf_url", "answer_of_pdf", "words"),
    [
        ("/content/1.pdf", Given(status=403), "does not let us see"),
        ("/content/1.pdf", Given(content="<html>Sign in", content_type="text/html"), "is no PDF"),
        ("/gone.pdf", PRINTED, "There is nothing at"),
        ("http://169.254.169.254/1.pdf", PRINTED, "nothing was asked there"),
        ("http://127.0.0.1:9/1.pdf", PRINTED, "nothing was asked there"),
    ],
)
def test_a_pdf_that_cannot_be_had_leaves_the_page_which_says_so(
    tmp_path: Path, pdf_url: str, answer_of_pdf: Given, words: str
) -> None:
    pages = {"/doi/1": landing(pdf_url), "/content/1.pdf": answer_of_pdf}
    with at(tmp_path, ar5iv=pages) as (ctx, there):
        found = answer(ctx, f"{there.ar5iv.url}/doi/1")
        assert found["read_from"] == "html"
        assert (
            "This is the page about the paper, not the paper: its PDF was not read."
            in found["note"]
        )
        assert words in found["note"]


@pytest.mark.parametrize("pdf_url", ["", "javascript:alert(1)", "file:///etc/passwd"])
def test_a_page_that_names_no_pdf_is_read_as_it_is(tmp_path: Path, pdf_url: str) -> None:
    with at(tmp_path, ar5iv={"/doi/1": landing(pdf_url)}) as (ctx, there):
        found = answer(ctx, f"{there.ar5iv.url}/doi/1")
        assert (found["read_from"], "note" in found) == ("html", False)
        assert there.asked == ["/doi/1"]


def test_a_page_that_holds_the_whole_paper_is_read_itself(tmp_path: Path) -> None:
    body = "".join(
        f"<h2>{name}</h2><p>{LONG}</p>"
        for name in ("Introduction", "Methods", "Results", "Discussion")
    )
    pages = {"/doi/1": landing("/content/1.pdf", body), "/content/1.pdf": PRINTED}
    with at(tmp_path, ar5iv=pages) as (ctx, there):
        assert answer(ctx, f"{there.ar5iv.url}/doi/1")["read_from"] == "html"
        assert there.asked == ["/doi/1"]


@pytest.mark.parametrize(
    ("paper", "words"),
    [
        ("./missing.pdf", "There is no file ./missing.pdf"),
        ("/etc/shadow.pdf", "nobody named it"),
        ("../held_out/test.md", "nobody named it"),
        ("Attention is all you need", "No index has a paper called"),
        ("http://127.0.0.1:9/paper.html", "nothing was asked there"),
        ("http://169.254.169.254/latest", "nothing was asked there"),
        ("2602.99999999", "2602.99999999"),
    ],
)
def test_what_cannot_be_read_is_said_with_what_to_do(
    paper: str, words: str, tmp_path: Path
) -> None:
    with at(tmp_path) as (ctx, _):
        assert words in refusal(ctx, paper)


def test_what_a_file_cannot_give_is_not_left_out_in_silence(tmp_path: Path) -> None:
    with at(tmp_path) as (ctx, _):
        (ctx.place.workspace / "notes.md").write_text("# Notes\n\nText.")

        assert "leave out form" in refusal(ctx, "./notes.md", form="pdf")
        assert "has no pages" in refusal(ctx, "./notes.md", first_page=2)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    with at(tmp_path) as (ctx, _):
        with (ctx.place.workspace / "huge.pdf").open("wb") as file:
            file.truncate(5 << 30)

        words = refusal(ctx, "./huge.pdf")

    assert f"has {5 << 30:,} bytes; at most {local.MOST_BYTES:,} are read" in words


@pytest.mark.parametrize("name", ["intents.csv", "loss.png", "runs/log.jsonl"])
def test_a_file_that_is_no_paper_is_not_looked_for_outside(tmp_path: Path, name: str) -> None:
    with at(tmp_path) as (ctx, there):
        file = ctx.place.started_in / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("text,label\na,b\n")
        assert refusal(ctx, name).startswith(f"{name} lies here, but is no paper")
        assert there.asked == []


def test_where_nothing_can_be_reached_a_file_is_offered(tmp_path: Path) -> None:
    with at(tmp_path, hub={}, arxiv={}, ar5iv={}) as (ctx, there):
        for site in (there.hub, there.arxiv, there.ar5iv):
            site.answer = lambda _: Given(status=500)
        assert refusal(ctx).endswith("is read without a network.")


# Pictures

PNG = b"\x89PNG\r\n\x1a\n and more"


def test_the_picture_of_a_page_is_put_into_the_workspace(tmp_path: Path) -> None:
    page = str(latexml().content).replace(
        "</section></article>",
        '<figure class="ltx_figure"><img src="x1.png"><figcaption>Figure 3: All.</figcaption>'
        "</figure></section></article>",
    )
    answers = {
        HTML: Given(content=page, content_type="text/html"),
        f"{HTML}/x1.png": Given(content=PNG),
    }
    with at(tmp_path, arxiv=answers) as (ctx, _):
        found = answer(ctx, operation="picture", label="Figure 3")

        assert Path(found["path"]).is_relative_to(ctx.place.workspace.resolve() / "papers")
        assert Path(found["path"]).read_bytes() == PNG
        assert found["caption"] == "All."


@pytest.mark.parametrize("folder", ["workspace", "started_in"])
@pytest.mark.parametrize(
    ("paper", "text"),
    [
        ("a.html", '<figure><img src="my%20files/x1.png?2"><figcaption>Figure 3: All.'),
        ("a.md", "![All](my%20files/x1.png)\n\nFigure 3: All."),
    ],
)
def test_the_picture_beside_a_file_is_found(
    tmp_path: Path, folder: str, paper: str, text: str
) -> None:
    with at(tmp_path) as (ctx, there):
        here: Path = getattr(ctx.place, folder)
        (here / "my files").mkdir()
        (here / "my files/x1.png").write_bytes(PNG)
        (here / paper).write_text(f"<html><h1>A</h1>{text}" if paper == "a.html" else text)
        found = answer(ctx, paper, operation="picture", label="Figure 3")
        assert Path(found["path"]).read_bytes() == PNG
        assert there.asked == []


@pytest.mark.parametrize(
    "address", ["../x1.png", "/etc/hostname", "file:///etc/hostname", "a/../../x1.png", "data:x"]
)
def test_a_picture_is_looked_for_below_the_file_only(tmp_path: Path, address: str) -> None:
    with at(tmp_path) as (ctx, _):
        (ctx.place.started_in / "x1.png").write_bytes(PNG)
        below = ctx.place.started_in / "papers"
        below.mkdir()
        (below / "a.html").write_text(
            f"<html><h1>A</h1><figure><img src='{address}'><figcaption>Figure 3: All."
        )
        said = refusal(ctx, "papers/a.html", operation="picture", label="3")
        assert said.endswith("has no picture of its own here; a PDF of the paper would have it.")


def test_the_picture_of_a_pdf_is_drawn(tmp_path: Path) -> None:
    page = PdfPage().lines(54, 740, running_text(10, 90)).box(100, 300, 400, 500)
    page.text(100, 280, "Figure 2: A box.")
    with at(tmp_path) as (ctx, _):
        (ctx.place.workspace / "a.pdf").write_bytes(pdf([page]))

        found = answer(ctx, "./a.pdf", operation="picture", label="2")

        assert Path(found["path"]).read_bytes().startswith(b"\x89PNG")


def test_the_picture_of_a_source_is_taken_from_it(tmp_path: Path) -> None:
    tex = TEX.replace(b"Adam.", rb"\begin{figure}\includegraphics{f/a}\caption{All.}\end{figure}")
    content = tarball({"main.tex": tex, "f/a.pdf": pdf([PdfPage().box(10, 10, 90, 90)])})
    with at(tmp_path) as (ctx, _):
        (ctx.place.workspace / "a.tar.gz").write_bytes(content)

        found = answer(ctx, "./a.tar.gz", operation="picture", label="Figure 1")

        assert Path(found["path"]).read_bytes().startswith(b"\x89PNG")


def test_what_is_no_picture_is_not_kept(tmp_path: Path) -> None:
    page = str(latexml().content).replace(
        "</section></article>",
        '<figure><img src="x1.png"><figcaption>Figure 3: All.</figcaption></figure>'
        "</section></article>",
    )
    html = Given(content="<html>", content_type="image/png")
    with at(tmp_path, arxiv={HTML: Given(content=page), f"{HTML}/x1.png": html}) as (ctx, _):
        assert "is no picture that is known" in refusal(ctx, operation="picture", label="3")
        assert not (ctx.place.workspace / "papers").exists()


def test_a_name_of_a_paper_leads_nowhere_else(tmp_path: Path) -> None:
    with at(tmp_path) as (ctx, _), pytest.raises(InputError):
        call(ctx, "arxiv:../../admin")
