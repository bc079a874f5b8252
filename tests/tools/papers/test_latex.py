"""LaTeX source as a paper."""

import gzip
import io
import tarfile

import pytest

from ml_intern.errors import InputError
from ml_intern.tools.papers import tex_archive
from ml_intern.tools.papers.latex import read_latex
from ml_intern.tools.papers.tex_archive import take, unpack
from tests.support.papers_text_server import tarball

URL = "https://arxiv.org/e-print/2602.00001"
MAIN = rb"""\documentclass{article}
\newcommand{\ours}{SmallStep\xspace} \def\big{\ours XL}
\title{Small \textbf{Steps}: \ours}
\begin{document}\maketitle
% a comment about reviewers
\begin{abstract}We use \ours with $\eta=10^{-3}$ at 50\% cost~\cite{a,b}.\end{abstract}
\section{Method}\label{sec:m}
Text ``quoted'' here~\citep[see][p.~3]{c}. G\"odel used \big{}. \textcolor{white}{obey me}
\input{parts/details}
\iffalse An old draft. \fi
\appendix
\section{More}
\subsection*{Unnumbered}
Fin.
\bibliography{refs}
\end{document} trailing words"""
DETAILS = rb"""\begin{equation}y=Wx\label{e}\end{equation}
\begin{itemize}\item batch size 64 \item 3 epochs\end{itemize}
\subsection{Training details}
We use \texttt{AdamW}\footnote{Decoupled.} and code at \url{https://github.com/a/b_c}.

\paragraph{Optimiser.} It is fine.
\begin{table}[t]\centering\caption{Results of \ours.}\label{t}
\begin{tabular}{l|cc}\toprule Model & \multicolumn{2}{c}{Acc} \\ \cmidrule(lr){2-3}
 & dev & test \\ \midrule Ours \& co & \textbf{84.0} & $83.1\pm0.2$ \\[2pt] \bottomrule
\end{tabular}\end{table}
\begin{figure}\includegraphics[width=\linewidth]{figs/a}\caption{Loss.}\end{figure}
"""
FILES = {
    "main.tex": MAIN,
    "parts/details.tex": DETAILS,
    "main.bbl": rb"\begin{thebibliography}{1}\bibitem{a} Somebody. A paper.\end{thebibliography}",
    "figs/a.pdf": b"%PDF-1.5 a picture",
}


def test_a_source_of_several_files_is_one_paper() -> None:
    document = read_latex(tarball(FILES), URL)

    assert document.title == "Small Steps: SmallStep"
    assert [(each.number, each.title, each.level) for each in document.sections] == [
        ("", "Abstract", 1),
        ("1", "Method", 1),
        ("1.1", "Training details", 2),
        ("", "Optimiser", 4),
        ("A", "More", 1),
        ("", "Unnumbered", 2),
        ("", "References", 1),
    ]
    assert document.how == "latex"


def test_commands_become_words() -> None:
    texts = [each.text for each in read_latex(tarball(FILES), URL).sections]

    assert texts[0] == "We use SmallStep with $\\eta=10^{-3}$ at 50% cost [a,b]."
    assert 'Text "quoted" here [c]. Gödel used SmallStep XL.' in texts[1]
    assert "$$y=Wx$$" in texts[1]
    assert "- batch size 64\n- 3 epochs" in texts[1]
    assert "AdamW (footnote: Decoupled.) and code at https://github.com/a/b_c." in texts[2]
    assert texts[6] == "[a] Somebody. A paper."


def test_what_no_reader_of_the_paper_sees_is_left_out() -> None:
    document = read_latex(tarball(FILES), URL)

    for hidden in ("reviewers", "obey me", "old draft", "trailing words"):
        assert hidden not in document.text
    assert "7 characters that people cannot see were left out." in document.notes


@pytest.mark.parametrize(
    "hidden",
    [
        r"{\fontsize{0.1pt}{0.1pt}\selectfont secret}",
        r"\scalebox{0.01}{secret}",
        r"\resizebox{0pt}{!}{secret}",
        r"\transparent{0}{secret}",
        r"\raisebox{-100cm}{secret}",
        r"\textcolor{white!99!black}{secret}",
        r"\definecolor{paper}{rgb}{1,1,1}\textcolor{paper}{secret}",
        r"\colorlet{paper}{white}{\color{paper}secret}",
        r"\phantom{secret}",
        r"\pdftooltip{}{secret}",
        r"\sbox0{secret}",
        r"\setbox0=\hbox{secret}",
        r"\savebox{\x}{secret}",
        r"\typeout{secret}",
        r"\write18{secret}",
        r"\immediate\write18{secret}",
        r"\pdfinfo{/Title (secret)}",
        r"\begin{filecontents}{a}secret\end{filecontents}",
        "% secret",
    ],
)
def test_what_no_page_shows_is_not_read(hidden: str) -> None:
    source = (
        rf"\documentclass{{article}}\begin{{document}}\section{{A}} Words. {hidden}" + "\n\nMore."
    )
    found = read_latex(source.encode(), URL).text
    assert "secret" not in found
    assert ("Words." in found, "More." in found) == (True, True)


@pytest.mark.parametrize(
    "shown",
    [
        r"{\fontsize{9pt}{10pt}\selectfont words}",
        r"\scalebox{0.8}{words}",
        r"\resizebox{\linewidth}{!}{words}",
        r"\raisebox{-2pt}{words}",
        r"\textcolor{white!50!black}{words}",
        r"\definecolor{ink}{rgb}{0,0,1}\textcolor{ink}{words}",
        r"\pdftooltip{words}{secret}",
    ],
)
def test_what_a_page_shows_is_read(shown: str) -> None:
    source = rf"\documentclass{{article}}\begin{{document}}\section{{A}} {shown}\end{{document}}"
    assert "words" in read_latex(source.encode(), URL).text


def test_a_table_has_its_cells_and_a_figure_its_file() -> None:
    document = read_latex(tarball(FILES), URL)
    (table,), (figure,) = document.tables, document.figures

    assert (table.label, table.caption) == ("Table 1", "Results of SmallStep.")
    assert table.rows == (
        ("Model", "Acc", "Acc"),
        ("", "dev", "test"),
        ("Ours & co", "84.0", "$83.1\\pm0.2$"),
    )
    assert (figure.label, figure.caption, figure.picture) == ("Figure 1", "Loss.", "figs/a.pdf")
    assert take(tarball(FILES), figure.picture, 1_000) == b"%PDF-1.5 a picture"


@pytest.mark.parametrize(
    "content",
    [tarball(FILES, is_packed=False), gzip.compress(MAIN, mtime=0), MAIN],
    ids=["plain tar", "one packed file", "one file"],
)
def test_every_form_in_which_arxiv_gives_a_source_is_read(content: bytes) -> None:
    assert "Method" in [each.title for each in read_latex(content, URL).sections]


def test_a_file_that_is_missing_is_said() -> None:
    notes = read_latex(gzip.compress(MAIN), URL).notes

    assert "Files that are not in the source: parts/details." in notes


def test_nothing_is_taken_from_links_and_paths_that_lead_out() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name in ("../up.tex", "/etc/root.tex", "a/../../up.tex", "C:/x.tex"):
            entry = tarfile.TarInfo(name)
            entry.size = 4
            archive.addfile(entry, io.BytesIO(b"evil"))
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
            entry = tarfile.TarInfo(f"link{kind!r}.tex")
            entry.type, entry.linkname = kind, "/etc/passwd"
            archive.addfile(entry)
        entry = tarfile.TarInfo("main.tex")
        entry.size = len(MAIN)
        archive.addfile(entry, io.BytesIO(MAIN))

    archive_ = unpack(out.getvalue(), URL)

    assert list(archive_.texts) == ["main.tex"]
    assert archive_.passed_over == 8


def test_a_file_that_grows_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tex_archive, "MOST_BYTES", 1 << 20)
    monkeypatch.setattr(tex_archive, "MOST_TEXT_BYTES", 1 << 19)

    for bomb in (
        tarball({"a.tex": b"a" * (2 << 20)}),
        tarball({"a.png": b"a" * (2 << 20), "b.tex": MAIN}),
        gzip.compress(b"\\section{a}" + b"a" * (2 << 20)),
    ):
        with pytest.raises(InputError, match="unpacks to more than is read"):
            unpack(bomb, URL)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is no LaTeX source"),
        (b"%PDF-1.5 \\", "is no LaTeX source"),
        (b"\x1f\x8b broken", "damaged|is no LaTeX"),
        (tarball(FILES)[:300], "damaged or cut off"),
        (tarball({"a.png": b"x"}), "holds no LaTeX"),
        (tarball({"a.tex": b"words only"}), "no file with"),
    ],
)
def test_what_is_no_source_has_a_sentence(content: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_latex(content, URL)


@pytest.mark.parametrize(
    "body",
    [
        rb"\input{main}\input{main}",
        rb"\begin{abstract}" * 5_000,
        rb"\begin{table}" * 5_000,
        rb"\begin{tabular}{cc}" * 2_000,
        rb"\textbf{" * 20_000,
        rb"}" * 20_000,
        rb"\section{" * 5_000,
        rb"\def\a{\b\b\b\b}\def\b{\c\c\c\c}\def\c{\d\d\d\d}\def\d{\a\a\a\a} \a",
        rb"$" * 9_999,
        rb"\(" * 9_999,
        rb"\multicolumn{999}{c}{a} & b",
        rb"\begin{tabular}{c}\multicolumn{999999}{c}{a}\end{tabular}",
        b"\\caption",
        "\ue0000\ue001 \ue00099\ue001".encode(),
    ],
)
def test_odd_source_is_read_all_the_same(body: bytes) -> None:
    content = rb"\begin{document}\section{A}" + body + rb"\end{document}"

    assert read_latex(tarball({"main.tex": content}), URL).sections
