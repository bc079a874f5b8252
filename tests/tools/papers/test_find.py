"""Searching within a paper."""

from ml_intern.tools.papers.document import Document, Section
from ml_intern.tools.papers.find import find

FILLER = " ".join(f"Models are trained in many ways, the {n}th of which is old." for n in range(60))


def paper(*texts: str) -> Document:
    sections = tuple(
        Section(number=str(place), title=f"Part {place}", text=text, level=1)
        for place, text in enumerate(texts)
    )
    return Document(title="", sections=sections, figures=(), tables=(), url="u", how="pdf")


def test_the_passage_with_the_rare_words_comes_first() -> None:
    document = paper(FILLER, "The learning rate is warmed up for 500 steps.", FILLER)

    best = find(document, "warmup steps of the learning rate", 3)[0]

    assert best.section == 1
    assert "warmed up for 500 steps" in best.text


def test_endings_and_case_do_not_matter() -> None:
    document = paper(FILLER, "Two OPTIMIZERS were compared.")

    assert find(document, "optimizer", 1)[0].section == 1


def test_a_long_paragraph_is_cut_between_sentences() -> None:
    passages = find(paper(FILLER), "trained", 50)

    assert len(passages) > 3
    assert all(len(each.text) < 1_100 for each in passages)
    assert all(each.text.endswith("old.") for each in passages)


def test_words_that_do_not_occur_find_nothing() -> None:
    assert find(paper(FILLER), "quaternion", 5) == []
    assert find(paper(), "anything", 5) == []
    assert find(paper(FILLER), "?!", 5) == []
