"""HTML as a paper: LaTeXML's, and other pages."""

import pytest

from ml_intern.errors import InputError
from ml_intern.tools.papers.document import Document
from ml_intern.tools.papers.html import MOST_BYTES, read_html

URL = "https://arxiv.org/html/2602.00001v1"
PAPER = """<!DOCTYPE html><html lang="en"><head><title>Small Steps</title>
<style>.ltx_secret{display:none} .ltx_big{font-size:120%}</style></head><body>
<nav class="ltx_page_navbar"><a href="#S1">1 Introduction</a></nav>
<article class="ltx_document">
<h1 class="ltx_title ltx_title_document">Small Steps</h1>
<div class="ltx_abstract"><h6 class="ltx_title ltx_title_abstract">Abstract</h6>
<p class="ltx_p">We use <math alttext="\\eta=3\\times 10^{-4}" display="inline"><semantics>
<mi>η</mi>
<annotation encoding="application/x-tex">\\eta=3\\times 10^{-4}</annotation></semantics></math>
here.</p></div>
<section id="S3" class="ltx_section"><h2 class="ltx_title ltx_title_section">
<span class="ltx_tag ltx_tag_section">3 </span>Method</h2>
<section id="S3.SS1" class="ltx_subsection"><h3 class="ltx_title ltx_title_subsection">
<span class="ltx_tag ltx_tag_subsection">3.1 </span>Optimiser</h3>
<div class="ltx_para"><p class="ltx_p">AdamW, see
<cite class="ltx_cite">[<a href="#bib.bib5">5</a>]</cite>
and <a href="https://github.com/example/steps">code</a>.</p>
<table class="ltx_equation ltx_eqn_table"><tr class="ltx_eqn_row"><td class="ltx_eqn_cell">
<math alttext="y=Wx" display="block"><mi>y</mi></math></td><td>(1)</td></tr></table>
<ul class="ltx_itemize"><li class="ltx_item"><span class="ltx_tag ltx_tag_item">•</span>
<div class="ltx_para"><p class="ltx_p">batch size 64</p></div></li></ul></div>
<figure class="ltx_table"><figcaption class="ltx_caption">
<span class="ltx_tag ltx_tag_table">Table 2:
</span>Results.</figcaption>
<table class="ltx_tabular"><thead class="ltx_thead"><tr class="ltx_tr">
<th class="ltx_td" rowspan="2">Model</th><th class="ltx_td" colspan="2">Accuracy</th></tr>
<tr class="ltx_tr"><th class="ltx_td">dev</th><th class="ltx_td">test</th></tr></thead><tbody>
<tr class="ltx_tr"><td class="ltx_td">Ours</td><td class="ltx_td">84.0</td>
<td class="ltx_td"><math alttext="83.1\\pm 0.2"><mn>83.1±0.2</mn></math></td></tr></tbody></table>
</figure>
<figure class="ltx_figure"><img src="x1.png" class="ltx_graphics" alt="Refer to caption">
<figcaption class="ltx_caption"><span class="ltx_tag ltx_tag_figure">Figure 1: </span>The loss.
</figcaption></figure></section></section>
<section class="ltx_appendix" id="A1"><h2 class="ltx_title ltx_title_appendix">
<span class="ltx_tag ltx_tag_appendix">Appendix A </span>Details</h2>
<p class="ltx_p">Fin.</p></section>
<section class="ltx_bibliography"><h2 class="ltx_title ltx_title_bibliography">References</h2>
<ul class="ltx_biblist"><li class="ltx_bibitem"><span class="ltx_tag ltx_tag_bibitem">[5]</span>
<span class="ltx_bibblock">Somebody. A paper.</span></li></ul></section>
</article></body></html>"""


def read(page: str = PAPER, url: str = URL) -> Document:
    return read_html(page.encode(), url, "arxiv_html", "utf-8")


def body(inner: str) -> Document:
    return read(f"<html><body><p>Seen.</p>{inner}</body></html>")


def test_latexml_has_title_sections_and_their_numbers() -> None:
    document = read()

    assert document.title == "Small Steps"
    assert [(each.number, each.title, each.level) for each in document.sections] == [
        ("", "Abstract", 1),
        ("3", "Method", 1),
        ("3.1", "Optimiser", 2),
        ("A", "Details", 1),
        ("", "References", 1),
    ]


def test_mathematics_are_latex_once() -> None:
    document = read()

    assert document.sections[0].text == "We use $\\eta=3\\times 10^{-4}$ here."
    assert "$$y=Wx$$ (1)" in " ".join(document.sections[2].text.split())


def test_words_links_and_items_stand_as_they_read() -> None:
    text = read().sections[2].text

    assert "AdamW, see [5] and code (https://github.com/example/steps)." in text
    assert "• batch size 64" in " ".join(text.split())
    assert "[5] Somebody. A paper." in read().sections[4].text


def test_a_table_has_a_cell_for_each_row_and_column_that_it_spans() -> None:
    (table,) = read().tables

    assert (table.label, table.caption) == ("Table 2", "Results.")
    assert table.rows == (
        ("Model", "Accuracy", "Accuracy"),
        ("Model", "dev", "test"),
        ("Ours", "84.0", "$83.1\\pm 0.2$"),
    )


def test_a_figure_has_the_address_of_its_picture_below_the_paper() -> None:
    (figure,) = read().figures

    assert (figure.label, figure.caption) == ("Figure 1", "The loss.")
    assert figure.picture == "https://arxiv.org/html/2602.00001v1/x1.png"


def test_navigation_and_scripts_are_not_read() -> None:
    document = body("<nav>menu</nav><script>let a = 'code'</script><footer>foot</footer>")

    assert document.text == "Seen."


@pytest.mark.parametrize(
    "hidden",
    [
        "<p style='display:none'>secret</p>",
        "<p style='DISPLAY : none !important'>secret</p>",
        "<span hidden>secret</span>",
        "<p style='visibility:hidden'>secret</p>",
        "<p style='font-size:0'>secret</p>",
        "<p style='font-size:0.1px'>secret</p>",
        "<p style='opacity:0.0'>secret</p>",
        "<p style='color:#fff'>secret</p>",
        "<p style='color: white'>secret</p>",
        "<p style='color:rgb(255, 255, 255)'>secret</p>",
        "<p style='color:transparent'>secret</p>",
        "<font color='#FFFFFF'>secret</font>",
        "<p style='position:absolute;left:-9999px'>secret</p>",
        "<p style='text-indent:-9999px'>secret</p>",
        "<div style='height:0;overflow:hidden'>secret</div>",
        "<style>.x { display: none }</style><p class='x'>secret</p>",
        "<style>/* */ #y, .z {font-size:0px}</style><p id='y'>secret</p>",
        "<div style='display:none'><div style='display:block'>secret</div></div>",
        "<!-- secret -->",
        "<template>secret</template>",
        "<math alttext='secret'></math>",
        "<table><tr><td style='display:none'>secret</td><td>1</td></tr></table>",
        "<figure><figcaption style='display:none'>secret</figcaption></figure>",
        "<h2 style='color:white'>secret</h2>",
    ],
)
def test_what_people_cannot_see_is_not_read(hidden: str) -> None:
    assert "secret" not in repr(body(hidden))


@pytest.mark.parametrize(
    "shown",
    [
        "<p style='background:#000;color:#fff'>words</p>",
        "<div style='background-color:black'><p style='color:white'>words</p></div>",
        "<p style='color:#fffa00'>words</p>",
        "<p style='font-size:10px'>words</p>",
        "<p style='opacity:0.5'>words</p>",
        "<p style='margin-left:-10px'>words</p>",
        "<p style='height:0'>words</p>",
    ],
)
def test_what_people_can_see_is_read(shown: str) -> None:
    assert "words" in body(shown).text


def test_that_something_was_hidden_is_said() -> None:
    notes = body("<p hidden>secret</p>").notes

    assert notes == ("6 characters that people cannot see were left out.",)


@pytest.mark.parametrize("tag", ["div", "span", "table><tr><td", "figure", "ul><li", "b", "h2"])
def test_very_deep_nesting_is_read_as_far_as_it_goes_and_said(tag: str) -> None:
    document = body(f"<{tag}>" * 50_000 + "x")

    assert "Seen." in document.text
    assert any("nested too deep" in note for note in document.notes)


@pytest.mark.parametrize(
    "page",
    [
        "<",
        "plain words",
        "<table>",
        "<table><tr><td colspan='999999999999'>a</td></tr></table>",
        "<table><tr><td rowspan='-1' colspan='x'>a</td></tr></table>",
        "<img src='data:image/png;base64,AAAA' class='ltx_graphics'>",
        "<base href='javascript:x'><img src='a.png' class='ltx_graphics'>",
        "<base href='http://[bad'><img src='a.png' class='ltx_graphics'>",
    ],
)
def test_odd_pages_are_documents_all_the_same(page: str) -> None:
    assert isinstance(read(page), Document)


def test_nothing_and_too_much_are_refused_in_words() -> None:
    with pytest.raises(InputError, match="no HTML that can be read"):
        read("")
    with pytest.raises(InputError, match=r"Look for its PDF"):
        read(" " * (MOST_BYTES + 1))


def test_a_footnote_stands_below_its_paragraph() -> None:
    note = (
        '<span class="ltx_note ltx_role_footnote"><sup class="ltx_note_mark">1</sup>'
        '<span class="ltx_note_outer"><span class="ltx_note_content">'
        '<sup class="ltx_note_mark">1</sup><span class="ltx_tag ltx_tag_note">1</span>'
        "Once it was 0.3.</span></span></span>"
    )
    found = body(f"<p>Dropout is 0.1 everywhere.{note} We train.</p>")
    assert found.sections[0].text == (
        "Seen.\n\nDropout is 0.1 everywhere. We train.\n\nOnce it was 0.3."
    )
