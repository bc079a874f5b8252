"""Which entries of several indexes are one paper, and what is then said of it."""

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_intern.tools.papers.merge import combined, merged
from ml_intern.tools.papers.paper import Paper


def a_paper(index: str = "arXiv", **facts: Any) -> Paper:
    return Paper(**{"title": "A Title of a Paper", "known_to": (index,), **facts})


def known_to(papers: list[Paper]) -> list[tuple[str, ...]]:
    return [paper.known_to for paper in papers]


def test_an_arxiv_id_or_a_doi_in_common_makes_two_entries_one() -> None:
    for name in ("arxiv", "doi"):
        one = a_paper("arXiv", **{name: "x"})
        other = a_paper("Hub", title="Written otherwise", published="1999", **{name: "x"})
        assert known_to(merged([[one], [other]])) == [("arXiv", "Hub")]


def test_an_entry_that_knows_both_ids_joins_two_that_know_one_each() -> None:
    entries = {
        "a": a_paper("a", title="One", arxiv="1"),
        "b": a_paper("b", title="Two", doi="2"),
        "c": a_paper("c", title="Three", arxiv="1", doi="2"),
        "d": a_paper("d", title="Four", doi="2"),
    }
    for order in permutations(entries.values()):
        (only,) = merged([[each] for each in order])
        assert set(only.known_to) == {"a", "b", "c", "d"}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({}, {}, True),
        ({"arxiv": "1"}, {"doi": "2"}, True),
        ({"arxiv": "1"}, {"arxiv": "2"}, False),
        ({"doi": "1"}, {"doi": "2"}, False),
        ({"title": "A {T}itle of a P\\'aper"}, {"title": "a title of a paper."}, True),
        ({"title": "Another Title"}, {}, False),
        ({"published": "2020-12-31"}, {"published": "2021"}, True),
        ({"published": "2019-12-31"}, {"published": "2021-01-01"}, False),
        ({"authors": ("Tim Dettmers",)}, {"authors": ("T. Dettmers", "A. Holtzman")}, True),
        ({"authors": ("Émile Borel",)}, {"authors": ("Borel E",)}, True),
        ({"authors": ("Tim Dettmers",)}, {"authors": ("Edward Hu",)}, False),
        ({"authors": ("Tim Dettmers",)}, {}, True),
        ({"authors": ("",)}, {"authors": ("Edward Hu",)}, True),
    ],
)
def test_a_title_in_common_is_enough_where_nothing_else_differs(
    one: dict[str, Any], other: dict[str, Any], same: bool
) -> None:
    for first, second in ((one, other), (other, one)):
        found = merged([[a_paper(**first)], [a_paper("Hub", **second)]])
        assert len(found) == (1 if same else 2)


def test_an_index_that_lists_a_paper_twice_does_not_list_it_twice_here() -> None:
    assert len(merged([[a_paper(arxiv="1"), a_paper(arxiv="1", title="v2")]])) == 1


def test_what_several_indexes_put_far_up_comes_first() -> None:
    papers = [a_paper(title=f"Paper {number}", arxiv=str(number)) for number in range(4)]
    order = merged([[papers[0], papers[1]], [papers[2], papers[1]], [papers[3]]])
    assert [each.arxiv for each in order] == ["1", "0", "2", "3"]
    assert merged([]) == merged([[], []]) == []


def test_of_each_fact_the_first_that_says_it_counts() -> None:
    said = combined(
        [
            a_paper("a", published="2023", citations=0, venue=""),
            a_paper("b", title="Other", published="2023-05-23", citations=7, venue="V"),
            a_paper("a", published="2022-01-01", authors=("A",)),
        ]
    )
    assert said == a_paper(
        known_to=("a", "b"), published="2023-05-23", citations=0, venue="V", authors=("A",)
    )


def test_papers_of_one_title_stay_apart_however_many_there_are() -> None:
    papers = [a_paper(authors=(f"Author {name}",)) for name in ("Adams", "Baker", "Clark")]
    found = merged([papers, [a_paper("Hub", authors=("A. Baker",), arxiv="1")]])
    assert len(found) == 3
    assert [each.arxiv for each in found if each.authors == ("Author Baker",)] == ["1"]


@given(st.lists(st.lists(st.tuples(*[st.sampled_from(["", "1", "2", "3"])] * 3), max_size=5)))
@settings(max_examples=60, deadline=None)
def test_no_entry_is_lost_and_none_counts_twice(answers: list[list[tuple]]) -> None:
    entries = [
        [
            a_paper(f"{place}-{row}", arxiv=arxiv, doi=doi, title=f"T {title}")
            for row, (arxiv, doi, title) in enumerate(answer)
        ]
        for place, answer in enumerate(answers)
    ]
    found = merged(entries)
    said = [name for paper in found for name in paper.known_to]
    assert sorted(said) == sorted(name for each in entries for p in each for name in p.known_to)
