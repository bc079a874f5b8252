"""Every way in which people name a paper, and what names none."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_intern.errors import InputError
from ml_intern.tools.papers.identify import MOST_CHARS, PaperId, identify
from ml_intern.tools.papers.titles import plain_title, title_key
from ml_intern.tools.papers.withdrawn import withdrawal

QLORA = PaperId(arxiv="2305.14314")
SECOND = PaperId(arxiv="2305.14314", version=2)
OLD = PaperId(arxiv="hep-th/9901001")
SHA = "32ac52069e562d4f900afee70bdca63f53461481"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2305.14314", QLORA),
        (" 2305.14314v2\n", SECOND),
        ("arXiv:2305.14314", QLORA),
        ("arxiv: 2305.14314v2", SECOND),
        ("ARXIV:2305.14314", QLORA),
        ("[2305.14314]", QLORA),
        ("2305.14314v2.pdf", SECOND),
        ("arXiv:2305.14314v2 [cs.LG] 23 May 2023", SECOND),
        ("\uff12\uff13\uff10\uff15.\uff11\uff14\uff13\uff11\uff14", QLORA),
        ("2305\u200b.14314\ufeff", QLORA),
        ("0704.0001", PaperId(arxiv="0704.0001")),
        ("1412.6980v9", PaperId(arxiv="1412.6980", version=9)),
        ("hep-th/9901001", OLD),
        ("hep\u2010th/9901001", OLD),
        ("arXiv:hep-th/9901001v3", PaperId(arxiv="hep-th/9901001", version=3)),
        ("cs.CL/0108005", PaperId(arxiv="cs/0108005")),
        ("math.GT/0309136v1", PaperId(arxiv="math/0309136", version=1)),
        ("cond-mat.mes-hall/0312345", PaperId(arxiv="cond-mat/0312345")),
        ("math-ph/0001001", PaperId(arxiv="math-ph/0001001")),
    ],
)
def test_ids_of_arxiv_new_and_old(text: str, expected: PaperId) -> None:
    assert identify(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.48550/arXiv.2305.14314", QLORA),
        ("https://doi.org/10.48550/arXiv.2305.14314", QLORA),
        ("doi:10.48550/ARXIV.hep-th/9901001", OLD),
        ("10.1145/3292500.3330701", PaperId(doi="10.1145/3292500.3330701")),
        ("DOI: 10.18653/v1/2020.ACL-main.1.", PaperId(doi="10.18653/v1/2020.acl-main.1")),
        (
            "https://dx.doi.org/10.1016%2FS0022-2836(05)80360-2",
            PaperId(doi="10.1016/s0022-2836(05)80360-2"),
        ),
        (
            "10.1002/(SICI)1097-4571(199806)49:8<693::AID-ASI4>3.0.CO;2-O",
            PaperId(doi="10.1002/(sici)1097-4571(199806)49:8<693::aid-asi4>3.0.co;2-o"),
        ),
    ],
)
def test_dois(text: str, expected: PaperId) -> None:
    assert identify(text) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://arxiv.org/abs/2305.14314", QLORA),
        ("http://www.arxiv.org/abs/2305.14314v2?context=cs", SECOND),
        ("https://arxiv.org/pdf/2305.14314", QLORA),
        ("https://arxiv.org/pdf/2305.14314v2.pdf", SECOND),
        ("https://export.arxiv.org/abs/hep-th/9901001", OLD),
        ("https://arxiv.org/pdf/hep-th/9901001v3", PaperId(arxiv="hep-th/9901001", version=3)),
        ("https://arxiv.org/html/2305.14314v2#S3", SECOND),
        ("https://arxiv.org/html/2305.14314v2/x1.png", SECOND),
        ("https://arxiv.org/src/2305.14314", QLORA),
        ("https://arxiv.org/e-print/2305.14314", QLORA),
        ("https://ar5iv.labs.arxiv.org/html/2305.14314", QLORA),
        ("https://ar5iv.org/abs/2305.14314", QLORA),
        ("https://www.alphaxiv.org/overview/2305.14314v2", SECOND),
        ("arxiv.org/abs/2305.14314", QLORA),
        ("<https://arxiv.org/abs/2305.14314>", QLORA),
        ("https://huggingface.co/papers/2305.14314", QLORA),
        ("https://huggingface.co/papers/2305.14314.md", QLORA),
        ("hf.co/papers/2305.14314", QLORA),
        (
            f"https://www.semanticscholar.org/paper/QLoRA%3A-Efficient/{SHA}",
            PaperId(semantic_scholar=SHA),
        ),
        (f"https://api.semanticscholar.org/graph/v1/paper/{SHA}", PaperId(semantic_scholar=SHA)),
        (f"semanticscholar.org/paper/{SHA}/figure/3", PaperId(semantic_scholar=SHA)),
        (
            "https://api.semanticscholar.org/CorpusID:258841328",
            PaperId(semantic_scholar="CorpusId:258841328"),
        ),
        ("https://www.semanticscholar.org/arxiv/2305.14314", QLORA),
        ("https://dl.acm.org/doi/10.1145/3292500.3330701", PaperId(doi="10.1145/3292500.3330701")),
        (
            "https://www.biorxiv.org/content/10.1101/2022.12.21.521521v2.full.pdf",
            PaperId(doi="10.1101/2022.12.21.521521"),
        ),
        (
            "https://aclanthology.org/2020.acl-main.1.pdf",
            PaperId(semantic_scholar="ACL:2020.acl-main.1"),
        ),
        ("URL:https://arxiv.org/abs/2305.14314", QLORA),
    ],
)
def test_addresses(url: str, expected: PaperId) -> None:
    assert identify(url) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SHA.upper(), PaperId(semantic_scholar=SHA)),
        ("CorpusID: 258841328", PaperId(semantic_scholar="CorpusId:258841328")),
        ("acl:W12-3903", PaperId(semantic_scholar="ACL:W12-3903")),
        ("PMID:19872477", PaperId(semantic_scholar="PMID:19872477")),
    ],
)
def test_ids_of_semantic_scholar(text: str, expected: PaperId) -> None:
    assert identify(text) == expected
    assert identify(text).for_semantic_scholar == expected.semantic_scholar


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dettmers et al. QLoRA. arXiv preprint arXiv:2305.14314, 2023.", QLORA),
        ("QLoRA (2305.14314v2)", SECOND),
        ("see https://arxiv.org/abs/2305.14314.", QLORA),
        ("[QLoRA](https://arxiv.org/abs/2305.14314v2)", SECOND),
        ("@misc{d, title={QLoRA}, eprint={2305.14314}, archivePrefix={arXiv}}", QLORA),
        ("arXiv:2305.14314, https://doi.org/10.1145/3292500.3330701", QLORA),
        ("https://github.com/artidoro/qlora, arXiv:2305.14314", QLORA),
        ("(doi: 10.1016/S0022-2836(05)80360-2)", PaperId(doi="10.1016/s0022-2836(05)80360-2")),
    ],
)
def test_an_id_inside_a_citation_is_found(text: str, expected: PaperId) -> None:
    assert identify(text) == expected


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Attention Is All You Need", "Attention Is All You Need"),
        ("“{QLoRA}: Efficient\nFinetuning”", "QLoRA: Efficient Finetuning"),
        ("Learning in $\\mathcal{O}(n\\log n)$", "Learning in O(n log n)"),
        ("Erd\\H{o}s--R\\'enyi and \\emph{deep} nets", "Erdős--Rényi and deep nets"),
        ("1,000 layers", "1,000 layers"),
        ("注意力机制", "注意力机制"),
    ],
)
def test_anything_else_is_a_title(text: str, title: str) -> None:
    found = identify(text)
    assert found == PaperId(title=title)
    assert (found.for_semantic_scholar, found.url) == ("", "")


@pytest.mark.parametrize(
    "text",
    [
        "", " \u200b ", "x" * (MOST_CHARS + 1), "x" * 401, "12.5", "…", "2305.1431", "2313.00001",
        "2300.00001", "0703.0001", "1412.69801", "2305.14314v0", "2305.143141", "hep-th/9913001",
        "made-up/9901001", "https://example.org/paper", "https://arxiv.org/list/cs.LG/recent",
        "https://huggingface.co/meta-llama/Llama-2-7b", "http://[", "2305.14314 and 2106.09685",
        "https://arxiv.org/abs/../../etc/passwd", "https://doi.org/", "10.1234/../../x",
        "10.48550/arXiv.2313.00001",
    ],
)  # fmt: skip
def test_what_names_no_paper_is_refused_with_what_would(text: str) -> None:
    with pytest.raises(InputError) as raised:
        identify(text)
    assert len(str(raised.value)) < 500


def test_a_name_says_where_people_find_the_paper() -> None:
    assert (SECOND.url, str(SECOND)) == ("https://arxiv.org/abs/2305.14314v2", "arXiv:2305.14314v2")
    assert SECOND.for_semantic_scholar == "ARXIV:2305.14314"
    assert identify("10.1145/1.2#x").url == "https://doi.org/10.1145/1.2%23x"
    for name in (QLORA, SECOND, OLD, PaperId(doi="10.1145/3292500.3330701")):
        assert identify(name.url) == identify(str(name)) == name


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (
            'G\\"odel, Poincar{\\\'e}, {\\o}re, \\c{c}a, na{\\"\\i}ve',
            "Gödel, Poincaré, øre, ça, naïve",
        ),
        ("$\\alpha$-R\\'enyi \\& 50\\% of $\\Lambda$", "\u03b1-Rényi & 50% of Λ"),
        ("A~B \\textbf{C}  \\\\ D", "A B C D"),
        ("It costs $5 or $6", "It costs 5 or 6"),
        ("It costs $5", "It costs $5"),
        ("a \\ b \\unknown{x} \\", "a b x \\"),
    ],
)
def test_latex_becomes_what_people_read(text: str, plain: str) -> None:
    assert plain_title(text) == plain


def test_two_spellings_of_a_title_have_one_key() -> None:
    keys = {
        title_key("$\\beta$-VAE: Learning Basic Visual Concepts"),
        title_key("beta-VAE: Learning basic   visual concepts."),
        title_key("β-VAE — Learning Basic Visual Concepts"),
    }
    assert keys == {"beta vae learning basic visual concepts"}
    assert title_key("Poincaré") == title_key("Poincar\\'e") == "poincare"
    assert title_key("注意力") != title_key("机制")


@pytest.mark.parametrize(
    ("comment", "abstract", "said"),
    [
        ("This paper has been withdrawn by the author due to a sign error in eq. 1", "", True),
        ("12 pages. This paper has been withdrawn. Sorry.", "", True),
        ("Withdrawn", "", True),
        ("paper withdrawn", "", True),
        ("This submission has been withdrawn by arXiv administrators", "", True),
        ("", "This article has been temporarily withdrawn by the authors.", True),
        ("withdrawn from arXiv by the authors", "", True),
        ("Withdrawn from ICLR 2023", "", False),
        ("An earlier version was withdrawn from a journal", "", False),
        ("9 pages, 4 figures", "We study drugs that were withdrawn from the market.", False),
        ("", "x" * 400 + " This paper has been withdrawn.", False),
    ],
)
def test_a_withdrawn_paper_says_so(comment: str, abstract: str, said: bool) -> None:
    assert bool(withdrawal(comment, abstract)) is said


def test_only_the_sentence_that_says_it_is_given() -> None:
    assert withdrawal("12 pages. This paper has been withdrawn. Sorry.") == (
        "This paper has been withdrawn."
    )


@given(st.text(max_size=200) | st.text("\\{}$'\"arxivdoi:/.0123456789v()<> ", max_size=80))
@settings(max_examples=60, deadline=None)
def test_any_text_is_a_paper_or_an_error_for_people(text: str) -> None:
    try:
        found = identify(text)
    except InputError:
        return
    assert sum(map(bool, (found.arxiv, found.doi, found.semantic_scholar, found.title))) == 1
    assert title_key(plain_title(text)).isprintable()
