"""What `prepare_dataset` writes, keeps, drops and refuses."""

import json
import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ml_intern.errors import InputError
from ml_intern.tools.data.layout import Layout
from ml_intern.tools.data.prepare import PrepareArguments, PrepareDataset
from ml_intern.tools.training.dataset import prepared
from tests.support.places import context_in
from tests.tools.data.conftest import Bench

Sentences = Callable[[int], list[tuple[str, str]]]


def error(outcome: Any) -> str:
    assert not outcome.ok, outcome.output
    return json.loads(outcome.output)["error"]


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_texts_are_divided_and_laid_out(bench: Bench, sentences: Sentences) -> None:
    answer = bench.prepare(bench.csv("a.csv", ["review", "verdict"], sentences(100)))
    assert answer["rows"] == {"train": 80, "validation": 10, "test": 10}
    assert answer["train"] == "data/data/train.jsonl"
    assert answer["validation"] == "data/data/validation.jsonl"
    assert answer["test"] == "held out"
    assert answer["labels"] == ["bad", "good"]
    assert answer["class_counts"] == {"good": 50, "bad": 50}
    written = [row for split in ("train", "validation", "test") for row in bench.rows(split)]
    assert sorted((row["text"], row["label"]) for row in written) == sorted(sentences(100))
    assert [row["label"] for row in bench.rows("test")].count("good") == 5


def test_the_test_split_never_comes_below_the_workspace(bench: Bench, sentences: Sentences) -> None:
    bench.prepare(bench.csv("a.csv", ["review", "verdict"], sentences(100)))
    held = {row["text"] for row in bench.rows("test")}
    inside = b"".join(tree(bench.place.workspace).values()).decode()
    assert held
    assert not any(text in inside for text in held)
    assert tree(bench.place.workspace).keys() == {
        "data/data/dataset.json",
        "data/data/train.jsonl",
        "data/data/validation.jsonl",
    }


def test_the_fact_says_where_everything_is(bench: Bench, sentences: Sentences) -> None:
    bench.prepare(bench.csv("a.csv", ["review", "verdict"], sentences(50)), name="mine")
    fact = bench.facts[-1]
    assert fact.kind == "dataset_prepared"
    assert fact.data == {
        "source": str(bench.folder / "a.csv"),
        "fingerprint": bench.facts[0].data["fingerprint"],
        "task": "text-classification",
        "train": "data/mine/train.jsonl",
        "validation": "data/mine/validation.jsonl",
        "test": "mine",
        "labels": ["bad", "good"],
        "rows": {"train": 40, "validation": 5, "test": 5},
    }


def test_the_record_says_how_it_was_made(bench: Bench, sentences: Sentences) -> None:
    name = bench.csv("a.csv", ["review", "verdict"], sentences(50))
    bench.prepare(name, seed=7, test_fraction=0.2)
    record = json.loads((bench.place.workspace / "data/data/dataset.json").read_text())
    assert record["fingerprint"] == bench.facts[0].data["fingerprint"]
    assert (record["seed"], record["fractions"]) == (7, {"validation": 0.1, "test": 0.2})
    assert record["rows"] == {"train": 35, "validation": 5, "test": 10}
    assert record["columns"] == {"text": "review", "label": "verdict"}


def test_many_classes_are_all_named_while_their_names_are_short(bench: Bench) -> None:
    rows = [
        (f"text {word} number {n}", f"c{n % 120}") for n in range(600) for word in ("one", "two")
    ]
    answer = bench.prepare(bench.csv("a.csv", ["text", "label"], rows))
    assert answer["labels"] == sorted(f"c{n}" for n in range(120))
    assert answer["num_labels"] == 120
    assert len(answer["class_counts"]) == 50


def test_a_changed_split_can_be_told_from_the_record(bench: Bench, sentences: Sentences) -> None:
    bench.prepare(bench.csv("a.csv", ["review", "verdict"], sentences(50)))
    dataset = prepared(context_in(bench.place, *bench.facts))
    assert dataset is not None
    for split in ("validation", "test"):
        dataset.check_unchanged(bench.place, split)
    with (bench.place.workspace / "data/data/validation.jsonl").open("a") as file:
        file.write('{"text": "easy", "label": "good"}\n')
    with pytest.raises(InputError, match="changed after it was prepared"):
        dataset.check_unchanged(bench.place, "validation")


def test_the_same_arguments_give_the_same_bytes(bench: Bench, sentences: Sentences) -> None:
    name = bench.csv("a.csv", ["review", "verdict"], sentences(60))
    bench.prepare(name)
    first = tree(bench.place.workspace) | tree(bench.place.held_out)
    bench.prepare(name)
    assert tree(bench.place.workspace) | tree(bench.place.held_out) == first


def test_the_order_of_the_rows_does_not_change_the_splits(
    bench: Bench, sentences: Sentences
) -> None:
    rows = [*sentences(60), *((f"Film  number {n}", "good") for n in range(5))]
    rows += [(f"film number {n}", "good") for n in range(5)]
    mixed = random.Random(3).sample(rows, len(rows))
    bench.prepare(bench.csv("a.csv", ["review", "verdict"], rows), name="a")
    bench.prepare(bench.csv("b.csv", ["review", "verdict"], mixed), name="b")
    for split in ("train", "validation", "test"):
        first, second = ({row["text"] for row in bench.rows(split, name)} for name in "ab")
        assert first == second


def test_another_seed_gives_other_splits(bench: Bench, sentences: Sentences) -> None:
    name = bench.csv("a.csv", ["review", "verdict"], sentences(60))
    bench.prepare(name, name="a", seed=1)
    bench.prepare(name, name="b", seed=2)
    assert bench.rows("test", "a") != bench.rows("test", "b")


def test_what_is_left_out_is_counted(bench: Bench, sentences: Sentences) -> None:
    rows: list[tuple[str, ...]] = list(sentences(50))
    rows += [("no class", ""), ("none either", "NA"), ("", "good"), ("ragged",)]
    rows += [("A text  said twice", "good"), ("a text said twice", "good")]
    rows += [("two minds about it", "good"), ("Two minds about it", "bad")]
    answer = bench.prepare(bench.csv("a.csv", ["review", "verdict"], rows))
    assert answer["dropped"] == {
        "missing_label": 2,
        "missing_text": 1,
        "duplicate": 1,
        "conflicting": 2,
        "leaked": 0,
        "ragged": 1,
        "unreadable": 0,
        "unseen_class": 0,
    }
    assert sum(answer["rows"].values()) == 51


def test_own_splits_stay_and_leaks_leave_training(bench: Bench, sentences: Sentences) -> None:
    rows = sentences(60)
    bench.csv("d/train.csv", ["text", "label"], rows[:40])
    bench.csv("d/validation.csv", ["text", "label"], rows[38:50])
    bench.csv("d/test.csv", ["text", "label"], rows[50:] + rows[:3])
    answer = bench.prepare("d")
    assert answer["rows"] == {"train": 35, "validation": 12, "test": 13}
    assert answer["dropped"]["leaked"] == 5
    assert [row["text"] for row in bench.rows("test")] == [t for t, _ in rows[50:] + rows[:3]]


def test_a_text_that_was_taken_for_no_label_is_named(bench: Bench, sentences: Sentences) -> None:
    rows = [(text, ("good", "bad", "n/a")[n % 3]) for n, (text, _) in enumerate(sentences(90))]
    rows += [(f"one more of them {n}", "") for n in range(3)]
    answer = bench.prepare(bench.csv("data.csv", ["text", "label"], rows))
    assert answer["taken_for_no_label"] == {"n/a": 30}
    assert answer["dropped"]["missing_label"] == 33
    said = "'n/a' stands in 30 of 93 rows (32%) where the class should be."
    assert any(note.startswith(said) for note in answer["notes"])
    assert any(problem.startswith(said) for problem in bench.inspect("data.csv")["problems"])


def test_a_few_texts_that_were_taken_for_no_label_are_no_problem(
    bench: Bench, sentences: Sentences
) -> None:
    rows = [*sentences(90), ("one more of them", "NA")]
    answer = bench.prepare(bench.csv("data.csv", ["text", "label"], rows))
    assert answer["taken_for_no_label"] == {"NA": 1}
    assert not any("'NA'" in note for note in answer["notes"])


def test_only_the_missing_split_is_made(bench: Bench, sentences: Sentences) -> None:
    rows = sentences(60)
    bench.csv("d/train.csv", ["text", "label"], rows[:40])
    bench.csv("d/test.csv", ["text", "label"], rows[40:])
    assert bench.prepare("d")["rows"] == {"train": 36, "validation": 4, "test": 20}


def test_a_test_file_without_classes_is_replaced(bench: Bench, sentences: Sentences) -> None:
    bench.csv("d/train.csv", ["text", "label"], sentences(40))
    bench.csv("d/test.csv", ["text"], [(f"unknown text number {n}",) for n in range(9)])
    assert bench.prepare("d")["rows"] == {"train": 32, "validation": 4, "test": 4}


def test_a_class_that_training_lacks_is_left_out(bench: Bench, sentences: Sentences) -> None:
    bench.csv("d/train.csv", ["text", "label"], sentences(40))
    extra = [("a text of its own", "strange")]
    bench.csv("d/test.csv", ["text", "label"], [*sentences(50)[40:], *extra])
    answer = bench.prepare("d")
    assert answer["dropped"]["unseen_class"] == 1
    assert answer["labels"] == ["bad", "good"]
    assert any(
        "Classes of test that training does not have: 'strange'" in n for n in answer["notes"]
    )


def test_a_rare_class_stays_in_training(bench: Bench, sentences: Sentences) -> None:
    rows = [*sentences(50), ("one of a kind", "rare"), ("another of a kind", "rare")]
    bench.prepare(bench.csv("a.csv", ["text", "label"], rows))
    assert [row["label"] for row in bench.rows("train")].count("rare") == 2


def test_named_columns_win_over_the_report(bench: Bench, sentences: Sentences) -> None:
    rows = [
        (text, label, f"title {n} of it", n % 3) for n, (text, label) in enumerate(sentences(60))
    ]
    name = bench.csv("a.csv", ["text", "label", "title", "k"], rows)
    answer = bench.prepare(name, text_column="title", label_column="k")
    assert answer["labels"] == ["0", "1", "2"]
    assert all(row["text"].startswith("title") for row in bench.rows("train"))


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({"text_column": "txet"}, "There is no column 'txet'. Columns are 'text'"),
        ({"label_column": "text"}, "cannot be both"),
        ({"label_column": "number"}, "are not classes"),
        ({"label_column": "same"}, "one class only, 'x'"),
    ],
)
def test_columns_that_cannot_be_meant_are_refused(
    bench: Bench, sentences: Sentences, arguments: dict[str, str], what: str
) -> None:
    rows = [(*row, n * 1.5, "x") for n, row in enumerate(sentences(1100))]
    name = bench.csv("a.csv", ["text", "label", "number", "same"], rows)
    bench.inspect(name)
    assert what in error(bench.prepare_outcome(name, **arguments))
    assert not list(bench.place.workspace.rglob("*.jsonl"))


def test_an_open_question_is_asked(bench: Bench, sentences: Sentences) -> None:
    rows = [(t, "abc"[n % 3], "xy"[n % 7 % 2]) for n, (t, _) in enumerate(sentences(70))]
    name = bench.csv("a.csv", ["words", "u", "v"], rows)
    bench.inspect(name)
    assert "Name label_column" in error(bench.prepare_outcome(name))
    assert bench.prepare_outcome(name, label_column="u").ok


def test_a_dataset_that_nobody_looked_at_is_refused(bench: Bench, sentences: Sentences) -> None:
    name = bench.csv("a.csv", ["text", "label"], sentences(50))
    assert "was not inspected" in error(bench.prepare_outcome(name))


def test_a_dataset_that_changed_since_is_refused(bench: Bench, sentences: Sentences) -> None:
    name = bench.csv("a.csv", ["text", "label"], sentences(50))
    bench.inspect(name)
    bench.csv("a.csv", ["text", "label"], sentences(51))
    assert "has changed since it was inspected" in error(bench.prepare_outcome(name))


def test_what_blocks_training_blocks_preparing(bench: Bench) -> None:
    name = bench.csv("a.csv", ["x", "kind"], [(n * 0.5, "ab"[n % 2]) for n in range(30)])
    bench.inspect(name)
    assert "No column holds text" in error(bench.prepare_outcome(name))


def test_a_folder_that_is_not_ours_is_not_overwritten(bench: Bench, sentences: Sentences) -> None:
    own = bench.place.workspace / "data" / "data"
    own.mkdir(parents=True)
    (own / "notes.txt").write_text("mine")
    name = bench.csv("a.csv", ["text", "label"], sentences(50))
    bench.inspect(name)
    assert "was not made by prepare_dataset" in error(bench.prepare_outcome(name))
    assert (own / "notes.txt").read_text() == "mine"


def test_a_link_in_the_workspace_leads_no_writing_out(bench: Bench, sentences: Sentences) -> None:
    target = bench.folder / "precious"
    target.mkdir()
    (bench.place.workspace / "data").symlink_to(target)
    name = bench.csv("a.csv", ["text", "label"], sentences(50))
    bench.inspect(name)
    assert "outside the workspace" in error(bench.prepare_outcome(name))
    assert not list(target.iterdir())


@pytest.mark.parametrize("name", ["../x", "", ".hidden", "a/b", "x" * 65])
def test_a_name_is_one_plain_word(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        PrepareArguments(source="a.csv", name=name)


def test_a_cancelled_call_leaves_nothing_behind(bench: Bench, sentences: Sentences) -> None:
    name = bench.csv("a.csv", ["text", "label"], sentences(50))
    bench.inspect(name)
    cancelled = threading.Event()
    cancelled.set()
    ctx = context_in(bench.place, *bench.facts, cancelled=cancelled)
    assert "Stopped" in error(PrepareDataset().run(PrepareArguments(source=name), ctx))
    assert not list(bench.place.held_out.iterdir())
    assert not list(bench.place.workspace.iterdir())


def test_recovery_answers_what_was_finished(bench: Bench, sentences: Sentences) -> None:
    name = bench.csv("a.csv", ["text", "label"], sentences(50))
    bench.inspect(name)
    done = bench.prepare_outcome(name)
    before = (bench.place.workspace / "data/data/train.jsonl").stat().st_ino
    (bench.place.held_out / ".data.building").mkdir()  # it ended before it could clear up
    ctx = context_in(bench.place, *bench.facts[:1])
    assert PrepareDataset().recover(PrepareArguments(source=name), ctx) == done
    assert [path.name for path in bench.place.held_out.iterdir()] == ["data"]
    assert (bench.place.workspace / "data/data/train.jsonl").stat().st_ino == before


@pytest.mark.parametrize("lost", ["visible", "hidden", "building"])
def test_recovery_does_again_what_was_cut_short(
    bench: Bench, sentences: Sentences, lost: str
) -> None:
    """A crash leaves the old state, or one of the two folders in place, or both half built."""
    name = bench.csv("a.csv", ["text", "label"], sentences(50))
    bench.inspect(name)
    done = bench.prepare_outcome(name)
    whole = tree(bench.place.workspace)
    layout = Layout(bench.place, "data")
    if lost == "visible":
        (bench.place.workspace / "data" / "data").rename(bench.folder / "gone")
    elif lost == "hidden":
        (bench.place.held_out / "data").rename(bench.folder / "gone")
        (bench.place.workspace / "data" / "data").rename(bench.folder / "gone too")
    else:
        layout.begin()
        (bench.place.workspace / "data" / "data").rename(bench.folder / "gone")
    ctx = context_in(bench.place, *bench.facts[:1])
    assert PrepareDataset().recover(PrepareArguments(source=name), ctx) == done
    assert tree(bench.place.workspace) == whole
    assert [path.name for path in bench.place.held_out.iterdir()] == ["data"]


def test_recovery_does_not_take_an_earlier_preparation_for_the_one_that_was_cut_short(
    bench: Bench, sentences: Sentences
) -> None:
    """The source had changed since, and was inspected anew."""
    name = bench.csv("a.csv", ["text", "label"], sentences(50))
    before = bench.prepare(name)
    bench.csv(name, ["text", "label"], sentences(100))
    bench.inspect(name)
    ctx = context_in(bench.place, *bench.facts)
    recovered = PrepareDataset().recover(PrepareArguments(source=name), ctx)
    assert json.loads(recovered.output)["rows"]["train"] == 80 != before["rows"]["train"]


def test_an_earlier_preparation_goes_away_at_once(
    bench: Bench, sentences: Sentences, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash while its files are removed leaves nothing that looks finished."""
    name = bench.csv("a.csv", ["text", "label"], sentences(50))
    bench.prepare(name)

    def crash(path: Path) -> None:
        for file in path.rglob("*.jsonl"):
            file.unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("ml_intern.tools.data.layout.shutil.rmtree", crash)
        layout = Layout(bench.place, "data")
        for folder in (layout.folder_for("train"), layout.folder_for("test")):
            folder.mkdir(parents=True)
        with pytest.raises(KeyboardInterrupt):
            layout.finish({})
    assert Layout(bench.place, "data").finished() is None


def test_a_forged_record_in_the_workspace_recovers_nothing(
    bench: Bench, sentences: Sentences
) -> None:
    name = bench.csv("a.csv", ["text", "label"], sentences(50))
    bench.inspect(name)
    forged = bench.place.workspace / "data" / "data"
    forged.mkdir(parents=True)
    (forged / "dataset.json").write_text(json.dumps({"arguments": {"source": name}}))
    ctx = context_in(bench.place, *bench.facts)
    assert not PrepareDataset().recover(PrepareArguments(source=name), ctx).ok


def test_a_text_keeps_every_character(bench: Bench) -> None:
    texts = [f'line one {n}\nline "two" \\ é 映画 \u2028 end  ' for n in range(30)]
    bench.prepare(bench.csv("a.csv", ["t", "l"], [(t, "ab"[n % 2]) for n, t in enumerate(texts)]))
    written = [
        row["text"] for split in ("train", "validation", "test") for row in lines(bench, split)
    ]
    assert sorted(written) == sorted(texts)


def lines(bench: Bench, split: str) -> list[dict[str, str]]:
    """By newlines only, as programs read JSON Lines."""
    path = bench.split_folder(split) / f"{split}.jsonl"
    return [json.loads(line) for line in path.read_bytes().decode().split("\n") if line]
