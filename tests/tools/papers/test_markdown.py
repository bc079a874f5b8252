"""Markdown as a paper."""

import pytest

from ml_intern.tools.papers.document import MOST_CHARACTERS, Document
from ml_intern.tools.papers.markdown import read_markdown

HUB = """Title: Small Steps: Training on a Laptop

URL Source: https://arxiv.org/html/2602.00001

Published Time: Mon, 02 Feb 2026 01:02:03 GMT

Markdown Content:
# Small Steps: Training on a Laptop

Report GitHub Issue

###### Abstract

We train with $\\eta=3\\times 10^{-4}$ and say so.

## 1 Introduction

As shown before[[5](https://arxiv.org/html/2602.00001#bib.bib5)], it works; see
[our code](https://github.com/example/steps).

![Image 1: Refer to caption](https://arxiv.org/html/2602.00001/x1.png)

Figure 1: The loss falls &amp; stays down.

## 3 Method

### 3.1 Optimiser

AdamW with a batch size of 64.

Table 2: Results on two sets.

| Model | Accuracy |
| --- | --- |
| Base | 81.2 |
| Ours \\| large | **84.0** |

### 3.2 Schedule

```
# not a heading
warm up for 500 steps
```

## Appendix A More

The end.
"""


def read(text: str = HUB, how: str = "hub_markdown") -> Document:
    return read_markdown(text, "https://huggingface.co/papers/2602.00001.md", how)


def test_the_hubs_markdown_has_title_and_numbered_sections_in_order() -> None:
    document = read()

    assert document.title == "Small Steps: Training on a Laptop"
    assert [(each.number, each.title, each.level) for each in document.sections] == [
        ("", "", 1),
        ("", "Abstract", 1),
        ("1", "Introduction", 1),
        ("3", "Method", 1),
        ("3.1", "Optimiser", 2),
        ("3.2", "Schedule", 2),
        ("A", "More", 1),
    ]


def test_a_table_keeps_its_caption_its_cells_and_its_place() -> None:
    (table,) = read().tables

    assert (table.label, table.caption) == ("Table 2", "Results on two sets.")
    assert table.rows == (("Model", "Accuracy"), ("Base", "81.2"), ("Ours | large", "**84.0**"))
    assert read().sections[table.section].number == "3.1"
    assert "| Base | 81.2 |" in read().sections[table.section].text


@pytest.mark.parametrize(
    "caption", ["*Table 3: Two numbers.*", "**Table 3**: Two numbers.", "_Table 3:_ Two numbers."]
)
def test_a_styled_caption_below_a_table_is_its_caption(caption: str) -> None:
    document = read_markdown(f"| A | B |\n|--|--|\n| 1 | 2 |\n\n{caption}", "paper.md")

    (table,) = document.tables
    assert (table.label, table.caption) == ("Table 3", "Two numbers.")


def test_a_table_in_html_is_one_too() -> None:
    rows = "<tr><th>Set</th><th>Train</th></tr>\n<tr><td>Owls</td><td>1,200</td></tr>"
    text = f"# T\n\n<table>\n<caption>Table 1. Sizes.</caption>\n{rows}\n</table>\n\nBelow it."
    document = read_markdown(text, "paper.md")

    (table,) = document.tables
    assert (table.label, table.caption) == ("Table 1", "Sizes.")
    assert table.rows == (("Set", "Train"), ("Owls", "1,200"))
    assert "Below it." in document.sections[-1].text


def test_a_figure_has_its_caption_and_where_its_picture_lies() -> None:
    (figure,) = read().figures

    assert (figure.label, figure.caption) == ("Figure 1", "The loss falls & stays down.")
    assert figure.picture == "https://arxiv.org/html/2602.00001/x1.png"


def test_a_link_into_the_paper_is_words_and_one_to_code_keeps_its_address() -> None:
    text = read().sections[2].text

    assert "As shown before[5], it works" in text
    assert "our code (https://github.com/example/steps)" in text


def test_a_number_sign_in_code_is_no_heading() -> None:
    assert "# not a heading\nwarm up" in read().sections[5].text


def test_what_is_quoted_is_found_across_line_breaks_and_what_is_not_there_is_not() -> None:
    document = read()

    assert document.holds("it works; see our code")
    assert document.holds("The loss falls & stays down.")
    assert not document.holds("a batch size of 65")
    assert not document.holds("  ")


def test_underlined_headings_and_front_matter_are_read() -> None:
    text = "---\ntitle: 'A card'\n---\nA card\n======\n\nOne\n---\n\nText.\n\nTwo\n---\nMore."

    document = read(text)

    assert document.title == "A card"
    assert [(each.title, each.text) for each in document.sections] == [
        ("One", "Text."),
        ("Two", "More."),
    ]


def test_hidden_comments_and_tags_are_not_read() -> None:
    hidden = "<span style='display:none'>nor\n\nthis</span>"
    text = f"Seen. <!-- not\nthis --> <b>Bold.</b>\n\n{hidden} End."

    document = read(f"{text} <p hidden>nothing")

    assert document.text == "Seen.  Bold.\n\nEnd."
    assert document.notes == ("16 characters that people cannot see were left out.",)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "|",
        "| a |\n| - |",
        "```",
        "#" * 100_000,
        "[" * 50_000,
        "![" * 50_000,
        "\0\ud800",
    ],
)
def test_odd_text_is_a_document_all_the_same(text: str) -> None:
    assert isinstance(read(text), Document)


def test_a_huge_text_is_cut_and_says_so() -> None:
    document = read("word " * 1_000 + "\n\n" + "\n\n".join(["x" * 100_000] * 50))

    assert len(document.text) <= MOST_CHARACTERS + 1_000
    assert "the rest was left out" in document.notes[0]


def test_an_address_in_angle_brackets_is_kept() -> None:
    found = read_markdown("Code: <https://github.com/example/steps> (MIT).", "paper.md")
    assert "https://github.com/example/steps" in found.text


def test_a_caption_in_capitals_needs_no_sign_behind_its_label() -> None:
    found = read_markdown("TABLE IV\nMean errors\n\n| a | b |\n|---|---|\n| 1 | 2 |", "paper.md")
    assert [(each.label, each.caption) for each in found.tables] == [("Table IV", "Mean errors")]
