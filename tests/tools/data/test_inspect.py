"""What `inspect_dataset` reports about files of texts."""

import json
import os
import resource
import threading
from collections.abc import Callable

import pytest

from ml_intern.tools.data.inspect import InspectArguments, InspectDataset
from tests.support.places import context_in
from tests.tools.data.conftest import Bench

Sentences = Callable[[int], list[tuple[str, str]]]


def test_a_second_column_of_text_is_named_as_left_out(bench: Bench, sentences: Sentences) -> None:
    asked, answered = sentences(80)[:40], sentences(80)[40:]
    rows = [(one, other, label) for (one, label), (other, _) in zip(asked, answered, strict=True)]
    report = bench.inspect(bench.csv("pairs.csv", ["question", "answer", "verdict"], rows))
    assert "Only column 'question' is read as text; 'answer' is left out." in report["problems"]


def test_a_plain_file_is_described(bench: Bench, sentences: Sentences) -> None:
    report = bench.inspect(bench.csv("reviews.csv", ["review", "verdict"], sentences(40)))
    assert report["source"] == str(bench.folder / "reviews.csv")
    assert (report["kind"], report["task"], report["recipe"]) == (
        "csv",
        "text-classification",
        "text_classification",
    )
    assert report["fingerprint"].startswith("sha256:")
    assert (report["rows"], report["splits"]) == (40, {})
    assert (report["encoding"], report["delimiter"]) == ("utf-8", ",")
    assert report["mapping"]["text"] == "review"
    assert report["mapping"]["label"] == "verdict"
    assert report["labels"] == {"good": 20, "bad": 20}
    assert report["columns"][1] == {
        "name": "verdict",
        "type": "string",
        "missing": 0,
        "distinct": 2,
        "mean_length": 3.5,
        "examples": ["good", "bad"],
    }
    assert (report["problems"], report["blocking"]) == ([], [])


def test_the_report_is_a_fact_for_later_tools(bench: Bench, sentences: Sentences) -> None:
    report = bench.inspect(bench.csv("a.csv", ["t", "l"], sentences(20)))
    (fact,) = bench.facts
    assert fact.kind == "dataset_inspected"
    assert fact.data == {
        "source": report["source"],
        "fingerprint": report["fingerprint"],
        "task": "text-classification",
        "report": report,
    }


def test_an_index_odd_names_and_missing_classes(bench: Bench, sentences: Sentences) -> None:
    rows = [
        (n, text, ("", "NA", "?", label, label)[n % 5])
        for n, (text, label) in enumerate(sentences(50))
    ]
    report = bench.inspect(bench.csv("a.csv", ["", "Was gesagt wurde", "§"], rows))
    assert report["columns"][0]["name"] == "Unnamed: 0"
    assert report["columns"][0]["index"] is True
    assert report["mapping"]["text"] == "Was gesagt wurde"
    assert report["mapping"]["label"] == "§"
    assert report["num_labels"] == 2
    missing = next(problem for problem in report["problems"] if "no class" in problem)
    assert "30 rows" in missing
    assert all(way in missing for way in ("empty x 10", "'NA' x 10", "'?' x 10"))


def test_json_lines_in_japanese(bench: Bench) -> None:
    records = [
        {
            "番号": n,
            "本文": f"この映画の{n}番目の場面はとても印象的でした",
            "評価": ("良い", "悪い")[n % 2],
        }
        for n in range(30)
    ]
    report = bench.inspect(bench.lines("eiga.jsonl", records))
    assert (report["kind"], report["task"]) == ("jsonl", "text-classification")
    assert (report["mapping"]["text"], report["mapping"]["label"]) == ("本文", "評価")
    assert report["labels"] == {"良い": 15, "悪い": 15}


def test_a_bad_line_among_good_ones_is_left_out_and_named(
    bench: Bench, sentences: Sentences
) -> None:
    name = bench.lines("a.jsonl", [{"text": t, "label": c} for t, c in sentences(30)])
    path = bench.folder / name
    lines = path.read_text().splitlines()
    lines[6] = '{"text": "half'
    path.write_text("\n".join(lines))
    report = bench.inspect(name)
    assert report["ragged"] == {"rows": 1, "lines": [7]}
    assert "line 7: it is not JSON: Unterminated string" in report["problems"][0]


def test_a_file_without_one_good_line_is_refused(bench: Bench) -> None:
    words = bench.refusal(bench.bytes("a.jsonl", b'{\n "text": "a",\n "label": 1\n}\n'))
    assert "4 of 4 rows cannot be read, first line 1: it is not JSON" in words


def test_ragged_rows_are_counted_with_their_lines(bench: Bench, sentences: Sentences) -> None:
    rows: list[tuple[str, ...]] = list(sentences(30))
    rows[4], rows[9] = ("only one",), ("one", "two", "three")
    report = bench.inspect(bench.csv("a.csv", ["text", "label"], rows))
    assert report["ragged"] == {"rows": 2, "lines": [6, 11]}
    assert report["rows"] == 28


def test_repeats_contradictions_spellings_and_imbalance_are_said(bench: Bench) -> None:
    rows = [(f"different text number {n}", "Pos") for n in range(60)]
    rows += [("The SAME text twice", "Pos"), ("the same  text twice", "Pos")]
    rows += [("a text of two minds", "Pos"), ("a text of two minds", "neg")]
    rows += [
        (f"another text with number {n}", label) for n, label in enumerate(["pos", "pos", "neg"])
    ]
    report = bench.inspect(bench.csv("a.csv", ["text", "label"], rows))
    assert (report["duplicates"], report["conflicting_duplicates"]) == (1, 2)
    words = " ".join(report["problems"])
    assert "1 examples repeat another one" in words
    assert "2 examples occur with different classes" in words
    assert "'Pos', 'pos'" in words
    assert "Classes are unbalanced: 'Pos' has 63 examples" in words
    assert "fewer than 3 examples ('neg', 'pos')" in words or "('pos', 'neg')" in words


def test_blanks_around_a_class_make_no_other_class(bench: Bench, sentences: Sentences) -> None:
    rows = [(text, label + " " * (n % 3)) for n, (text, label) in enumerate(sentences(30))]
    assert bench.inspect(bench.csv("a.csv", ["text", "label"], rows))["num_labels"] == 2


def test_splits_of_a_folder_are_kept_and_leaks_found(bench: Bench, sentences: Sentences) -> None:
    rows = sentences(60)
    bench.csv("d/train.csv", ["text", "label"], rows[:40])
    bench.csv("d/dev.csv", ["text", "label"], rows[38:50])
    bench.csv("d/test.csv", ["text", "label"], rows[50:] + rows[:3])
    (bench.folder / "d" / "README.md").write_text("about")
    report = bench.inspect("d")
    assert report["splits"] == {"train": 40, "validation": 12, "test": 13}
    assert report["leaks"] == {"train/validation": 2, "train/test": 3}
    assert any("3 examples of train are also in test" in problem for problem in report["problems"])


def test_a_test_file_without_classes_is_not_used(bench: Bench, sentences: Sentences) -> None:
    bench.csv("d/train.csv", ["text", "label"], sentences(40))
    bench.csv("d/test.csv", ["text"], [(f"unknown text number {n}",) for n in range(9)])
    report = bench.inspect("d")
    assert "None of the 9 rows of test has a class; the split is not used." in report["problems"]


def test_several_tables_without_splits_are_a_question(bench: Bench, sentences: Sentences) -> None:
    bench.csv("d/one.csv", ["text", "label"], sentences(10))
    bench.csv("d/two.csv", ["text", "label"], sentences(10))
    assert "several tables: one.csv, two.csv" in bench.refusal("d")


def test_one_class_only_makes_training_impossible(bench: Bench, sentences: Sentences) -> None:
    rows = [(text, "yes") for text, _ in sentences(20)]
    report = bench.inspect(bench.csv("a.csv", ["text", "label"], rows))
    assert report["mapping"]["label"] is None
    assert report["recipe"] is None
    assert "'label' has one class only, 'yes'" in report["blocking"][0]


def test_a_header_without_rows_is_said_so(bench: Bench) -> None:
    report = bench.inspect(bench.csv("a.csv", ["text", "label"], []))
    assert report["blocking"] == ["There is a header, but not one row."]


def test_numbers_only_are_for_no_recipe(bench: Bench) -> None:
    rows = [(n * 0.5, n * 0.25, ("a", "b")[n % 2]) for n in range(30)]
    report = bench.inspect(bench.csv("a.csv", ["x", "y1", "species"], rows))
    assert (report["task"], report["recipe"]) == (None, None)
    assert "No column holds text" in report["blocking"][0]


def test_numbers_beside_a_text_are_said_to_be_unused(bench: Bench, sentences: Sentences) -> None:
    rows = [(*row, n * 0.5, n * 0.25, -n) for n, row in enumerate(sentences(30))]
    report = bench.inspect(bench.csv("a.csv", ["text", "label", "p", "q", "r"], rows))
    assert "3 columns of numbers ('p', 'q', 'r') are not used." in report["problems"]


def test_lists_as_classes_are_not_chosen(bench: Bench, sentences: Sentences) -> None:
    records = [{"text": text, "label": [label]} for text, label in sentences(20)]
    report = bench.inspect(bench.lines("a.jsonl", records))
    assert report["columns"][1]["type"] == "nested"
    assert report["mapping"]["label"] is None


def test_ten_thousand_columns_are_reported_in_part(bench: Bench) -> None:
    rows = [[f"{n}.5"] * 10_000 for n in range(20)]
    outcome = bench.inspect_outcome(bench.csv("wide.csv", [f"c{n}" for n in range(10_000)], rows))
    report = json.loads(outcome.output)
    assert len(report["columns"]) + report["more_columns"] == 10_000
    assert len(report["columns"]) <= 50
    assert (
        "No column holds text (of 10000 columns, among them 200 x number)" in report["blocking"][0]
    )
    assert len(outcome.output.encode()) < 12_000


def test_answers_stay_short_whatever_the_names_and_cells(bench: Bench) -> None:
    names = [f"col {n} " + "ü" * 300 for n in range(60)]
    rows = [[f"long cell {r} {n} " * 500 + "é" * 900 for n in range(60)] for r in range(30)]
    for number, row in enumerate(rows):
        row[0] = f"class {number % 15} " + "ß" * 180
    outcome = bench.inspect_outcome(bench.csv("a.csv", names, rows))
    assert outcome.ok
    assert len(outcome.output.encode()) < 12_000
    assert outcome.output.count("long cell") < 200


def test_a_huge_cell_is_shown_by_its_beginning(bench: Bench, sentences: Sentences) -> None:
    rows = [("many words " * 1_000_000, "good"), *sentences(30)]
    outcome = bench.inspect_outcome(bench.csv("a.csv", ["text", "label"], rows))
    assert json.loads(outcome.output)["labels"] == {"good": 16, "bad": 15}
    assert len(outcome.output) < 3_000


def test_many_rows_need_little_memory(bench: Bench) -> None:
    path = bench.folder / "big.csv"
    filler = "so many words that the file becomes large " * 20
    with path.open("w") as file:
        file.write("text,label\n")
        file.writelines(f"{n} {filler},{n % 3}\n" for n in range(60_000))
    assert path.stat().st_size > 50_000_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    report = bench.inspect("big.csv")
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert report["labels"] == {"0": 20_000, "1": 20_000, "2": 20_000}
    assert grown < 60_000  # kilobytes


def test_a_missing_file_names_its_neighbours(bench: Bench, sentences: Sentences) -> None:
    bench.csv("reviews.csv", ["text", "label"], sentences(5))
    bench.csv("other.csv", ["text", "label"], sentences(5))
    words = bench.refusal("review.csv")
    assert "does not exist" in words
    assert "there are: reviews.csv" in words


def test_a_long_list_of_neighbours_begins_with_data_and_says_how_many_are_left(
    bench: Bench, sentences: Sentences
) -> None:
    bench.csv("zz.csv", ["text", "label"], sentences(5))
    bench.csv("pictures/train.csv", ["text", "label"], sentences(5))
    for number in range(10):
        (bench.folder / f"a{number}.md").write_text("x")
    words = bench.refusal("nothing-like-that/x.csv")
    assert "there are: zz.csv, pictures, a0.md, " in words
    assert words.endswith("a7.md and 2 more.")


def test_a_missing_folder_names_its_neighbours(bench: Bench, sentences: Sentences) -> None:
    bench.csv("dataset/train.csv", ["text", "label"], sentences(5))
    assert "there are: dataset." in bench.refusal("datasets/train.csv")


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("https://example.org/a.csv", "is an address"),
        ("  ", "Say which dataset"),
        ("x" * 5000 + "/a.csv", "cannot be read"),
        ("a\0b/c.csv", "cannot be read"),
    ],
)
def test_what_is_no_path_is_refused(bench: Bench, source: str, what: str) -> None:
    assert what in bench.refusal(source)


def test_latin_1_is_refused_with_the_command_that_converts_it(bench: Bench) -> None:
    words = bench.refusal(bench.bytes("a.csv", "text,label\nschön,1\n".encode("latin-1")))
    assert "offset 14" in words
    assert "iconv -f WINDOWS-1252 -t UTF-8" in words


def test_a_binary_file_is_named_for_what_it_looks_like(bench: Bench) -> None:
    assert "Parquet" in bench.refusal(bench.bytes("a.csv", b"PAR1\0\0\0\0"))


def test_a_folder_without_data_says_what_it_holds(bench: Bench) -> None:
    (bench.folder / "notes").mkdir()
    bench.bytes("notes/a.md", b"text")
    assert "There is no dataset in" in bench.refusal("notes")


def test_the_records_of_the_session_are_out_of_reach(bench: Bench) -> None:
    secret = bench.place.held_out / "data"
    secret.mkdir()
    (secret / "test.jsonl").write_text('{"text": "secret", "label": "1"}\n')
    assert "out of reach" in bench.refusal(str(secret / "test.jsonl"))


@pytest.mark.parametrize("where", ["file", "folder"])
def test_a_link_made_in_the_workspace_opens_nothing(bench: Bench, where: str) -> None:
    secret = bench.place.held_out / "data"
    secret.mkdir()
    (secret / "test.jsonl").write_text('{"text": "secret words", "label": "1"}\n')
    inside = bench.place.workspace / "d"
    if where == "file":
        inside.mkdir()
        (inside / "train.jsonl").symlink_to(secret / "test.jsonl")
    else:
        inside.symlink_to(secret)
    assert "out of reach" in bench.refusal("d")


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
def test_a_file_that_may_not_be_read_is_said_so(bench: Bench, sentences: Sentences) -> None:
    name = bench.csv("a.csv", ["text", "label"], sentences(5))
    (bench.folder / name).chmod(0)
    assert "Permission denied" in bench.refusal(name)


def test_an_error_of_the_system_is_an_answer(bench: Bench) -> None:
    loop = bench.folder / "a.csv"
    loop.symlink_to(loop)
    assert "a.csv" in bench.refusal("a.csv")


def test_it_stops_when_the_call_is_cancelled(bench: Bench, sentences: Sentences) -> None:
    name = bench.csv("a.csv", ["text", "label"], sentences(5))
    cancelled = threading.Event()
    cancelled.set()
    outcome = InspectDataset().run(
        InspectArguments(source=name), context_in(bench.place, cancelled=cancelled)
    )
    assert not outcome.ok
    assert "Stopped" in outcome.output
