"""Which paper is to be done again."""

import pytest

from ml_intern.llm.autopilot.reading import read

PAPERS: list[tuple[str, str | None]] = [
    ("Reproduce paper.pdf, scaled down. Data: owls", "paper.pdf"),
    ("Reproduce the paper ./papers/small.html.", "./papers/small.html"),
    ("Please replicate /home/ada/My-paper.md on owls.csv", "/home/ada/My-paper.md"),
    ('Reproduce "my papers/the owls.pdf" on owls.csv', "my papers/the owls.pdf"),
    ("Reproduce arXiv:2305.14314v2, scaled down", "arXiv:2305.14314v2"),
    ("Reproduce 2305.14314 on owls/", "2305.14314"),
    ("Re-implement https://arxiv.org/abs/2305.14314, please", "https://arxiv.org/abs/2305.14314"),
    ("I want to recreate https://huggingface.co/papers/2305.14314.", "https://huggingface.co/papers/2305.14314"),
    ("reproduce hep-th/9901001", "hep-th/9901001"),
    ("Reproduce doi:10.1145/2939672.2939785.", "doi:10.1145/2939672.2939785"),
    ("Reproduce 10.1145/2939672.2939785 (small)", "10.1145/2939672.2939785"),
    ('Reproduce the paper "Small Owls See Far" on owls/', "Small Owls See Far"),
    ("Train on owls.csv as in paper.pdf", None),
    ("Train reproducibly on owls.csv, seed 7", None),
    ("Reproduce the run of yesterday on owls.csv", None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "paper"), PAPERS)
def test_the_paper_is_named_as_read_paper_takes_it(text: str, paper: str | None) -> None:
    assert read(text).paper == paper


def test_the_paper_is_neither_data_nor_a_model_nor_a_number_to_reach() -> None:
    said = read("Reproduce papers/0.95/small.html, scaled down. Data: /srv/owls.csv. 3 epochs.")
    assert (said.source, said.model, said.target) == ("/srv/owls.csv", None, None)
    assert said.asked == {"num_train_epochs": 3}
    assert said.small
    assert said.training


def test_the_data_may_be_words_behind_their_key() -> None:
    said = read("Reproduce paper.md, scaled down. Data: the handwritten digits. Do not publish.")
    assert said.source == "handwritten digits"


def test_a_paper_alone_is_a_task() -> None:
    said = read("Reproduce 2305.14314")
    assert said.training
    assert (said.source, said.beyond, said.unread) == (None, None, ())
