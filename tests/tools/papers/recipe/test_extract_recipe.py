"""The tool, from a file to its answer, and what whoever has read the paper may correct."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ml_intern.errors import InputError
from ml_intern.tools.papers.recipe.extract_recipe import (
    ALL_SHOWN_CHARS,
    ExtractRecipe,
    Quotes,
)
from ml_intern.tools.papers.recipe.words import VALUES, Found, Recipe
from ml_intern.tools.protocol import ToolContext, ToolOutcome
from tests.scenario.world import ROOT
from tests.support.outside import Given
from tests.support.papers_text_server import PAPER as ID
from tests.support.papers_text_server import sites
from tests.support.pdfs import BOLD, PdfPage, pdf, running_text
from tests.support.places import confined_place, context_in
from tests.tools.papers.recipe.corpus import OWN

PAPER = (OWN / "tiny_owl.md").read_text()
QUOTE = "With a learning rate of 1e-3 training diverges."


@pytest.fixture
def ctx(tmp_path: Path) -> ToolContext:
    place = confined_place(tmp_path)
    (place.started_in / "owl.md").write_text(PAPER)
    return context_in(place)


def run(ctx: ToolContext, paper: str = "owl.md", **given: Any) -> ToolOutcome:
    tool = ExtractRecipe()
    return tool.run(tool.arguments(paper=paper, **given), ctx)


def answer(ctx: ToolContext, paper: str = "owl.md", **given: Any) -> dict[str, Any]:
    return json.loads(run(ctx, paper, **given).output)


def test_every_value_names_its_sentence_and_what_is_not_found_is_null(ctx: ToolContext) -> None:
    said = answer(ctx)
    assert set(VALUES) <= said.keys()
    assert said["momentum"] is None
    assert said["batch_size"] == {
        "value": 64,
        "unit": "examples",
        "from": said["epochs"]["from"],
    }
    assert said["sentences"][str(said["epochs"]["from"])] == {
        "section": "4.2 Implementation details",
        "text": "We train for 20 epochs with a batch size of 64.",
    }
    assert said["metrics"][0]["dataset"] == "BANKING77"


def test_the_answer_is_short_and_the_fact_holds_all(ctx: ToolContext) -> None:
    outcome = run(ctx)
    assert len(outcome.output) < 6_000
    (fact,) = outcome.facts
    assert fact.kind == "recipe_extracted"
    assert fact.data["paper"] == "owl.md"
    assert Recipe.model_validate(fact.data["recipe"]).epochs is not None
    assert outcome.sources == ()


@pytest.mark.parametrize("count", [1, 40, 41, 100])
def test_the_more_sentences_there_are_the_less_of_each_is_shown(count: int) -> None:
    quotes = Quotes()
    for number in range(count):
        quotes.shown(Found(value=1, sentence=f"{number} {'long ' * 400}", section="3 Training"))
    said = quotes.sentences()
    assert len(said) == count
    assert sum(len(each["text"]) for each in said.values()) <= ALL_SHOWN_CHARS
    assert min(len(each["text"]) for each in said.values()) >= min(300, ALL_SHOWN_CHARS // count)


def test_a_correction_is_taken_with_its_sentence(ctx: ToolContext) -> None:
    said = answer(
        ctx,
        corrections=[
            {"name": "learning_rate", "value": 1e-3, "sentence": QUOTE},
            {"name": "dropout", "value": None},
            {"name": "data.BANKING77.test", "value": 3080, "unit": "examples",
             "sentence": "We use the BANKING77 dataset, which contains 9,003 training, 1,000 "
             "validation and 3,080 test examples."},
            {"name": "metrics.BANKING77.accuracy", "value": 92.1,
             "sentence": "| BERT-base | 92.1 | 110M |"},
        ],
    )  # fmt: skip
    assert said["learning_rate"]["value"] == 1e-3
    assert said["sentences"][str(said["learning_rate"]["from"])] == {
        "section": "4.3 Ablation",
        "text": QUOTE,
    }
    assert said["dropout"] is None
    assert said["metrics"][0]["value"] == 92.1


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"name": "learning_rate", "value": 1e-3, "sentence": "We use 1e-3."}, "does not occur"),
        ({"name": "learning_rate", "value": 1e-3, "sentence": ""}, "does not occur"),
        ({"name": "learning_rate", "value": 2e-3, "sentence": QUOTE}, "does not hold the number"),
        ({"name": "speed", "value": 1e-3, "sentence": QUOTE}, "there is no such value"),
        ({"name": "data", "value": "x", "sentence": QUOTE}, "there is no such value"),
    ],
)
def test_a_correction_that_the_paper_does_not_bear_is_refused(
    ctx: ToolContext, wrong: dict[str, Any], words: str
) -> None:
    right = {"name": "steps", "value": None}
    with pytest.raises(InputError, match=words) as refusal:
        run(ctx, corrections=[right, wrong])
    assert str(refusal.value).startswith("1 of 2 corrections were refused, and none was taken.")
    assert wrong["name"] in str(refusal.value)


def test_a_correction_settles_what_was_ambiguous(ctx: ToolContext) -> None:
    (ctx.place.started_in / "birds.md").write_text((OWN / "bird_song.md").read_text())
    assert answer(ctx, "birds.md")["ambiguous"].keys() == {"learning_rate", "batch_size"}
    row = "| Learning rate | 1e-4 | 2e-5 |"
    said = answer(
        ctx,
        "birds.md",
        corrections=[{"name": "learning_rate", "value": 2e-5, "sentence": row}],
    )
    assert said["ambiguous"].keys() == {"batch_size"}
    assert said["learning_rate"]["value"] == 2e-5


def test_a_file_that_is_not_there_is_named(ctx: ToolContext) -> None:
    with pytest.raises(InputError, match="no file gone"):
        run(ctx, "gone.md")


def test_a_file_that_nobody_named_is_not_read(ctx: ToolContext, tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text(PAPER)
    with pytest.raises(InputError, match="nobody named it"):
        run(ctx, str(tmp_path / "secret.md"))


def test_a_pdf_is_read_as_well(tmp_path: Path) -> None:
    page = PdfPage().text(150, 730, "Small Steps in Training", 18, BOLD)
    page.text(54, 650, "2 Method", 12, BOLD).lines(
        54, 632, ["We train for 3 epochs with a fine-", "tuned model, a learning rate of"]
    )
    page.lines(54, 608, ["0.001 and a bat-", "ch size of 64."])
    page.text(54, 560, "3 Results", 12, BOLD).lines(54, 542, running_text(20, 55))
    ctx = context_in(confined_place(tmp_path))
    (ctx.place.started_in / "steps.pdf").write_bytes(pdf([page]))
    said = answer(ctx, "steps.pdf")
    assert (said["learning_rate"]["value"], said["epochs"]["value"]) == (0.001, 3)
    assert said["read_from"] == "pdf"


def test_a_paper_of_the_hub_names_where_it_was_read(tmp_path: Path) -> None:
    path = f"/papers/{ID}.md"
    text = PAPER + "\n\n## 6 More\n\n" + "Nothing more is said here. " * 200
    with sites(tmp_path, hub={path: Given(content=text, content_type="text/markdown")}) as there:
        ctx = context_in(confined_place(tmp_path, web=there.web))
        outcome = run(ctx, ID)
        assert outcome.sources == (there.hub.url + path,)
    assert json.loads(outcome.output)["epochs"]["value"] == 20
    assert ExtractRecipe.reads_outside


def test_the_example_paper_says_what_the_documents_tell_of_it(ctx: ToolContext) -> None:
    (ctx.place.started_in / "owl.md").write_text((ROOT / "examples/small-paper.md").read_text())
    said = answer(ctx)
    told = (ROOT / "docs/recipes-from-papers.md").read_text()
    lines = re.findall(r"^- (.+?): paper (\S+) .*\[(\d)\]$", told, re.MULTILINE)
    quotes = dict(re.findall(r"^\[(\d)\] “(.+)” \(", told, re.MULTILINE))
    names = {"learning rate": "learning_rate", "batch size": "batch_size"}
    stated = {what: said.get(names.get(what, what)) for what, _, _ in lines}
    assert len([what for what in stated if stated[what]]) == 4
    for what, value, number in lines:
        if found := stated[what]:
            assert value.rstrip(",") == f"{found['value']:g}"
            assert said["sentences"][str(found["from"])]["text"] == quotes[number]
