"""Folders of pictures: inspected and prepared."""

import json
import os
from pathlib import Path

import pytest
from PIL import Image

from tests.tools.data.conftest import Bench


def picture(path: Path, seed: int, mode: str = "RGB", size: tuple[int, int] = (8, 8)) -> None:
    """A small picture that no other seed gives."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", size, (seed % 256, seed // 256, 77))
    image.putpixel((0, 0), (255, seed % 256, 0))
    image.convert(mode).save(path)


def classes(folder: Path, count: int, start: int = 0, mode: str = "RGB") -> None:
    """`count` pictures in each of two subfolders."""
    for number, name in enumerate(("cat", "dog")):
        for n in range(count):
            picture(folder / name / f"{n}.png", start + 2 * n + number, mode)


def test_subfolders_are_classes(bench: Bench) -> None:
    classes(bench.folder / "pets", 20)
    report = bench.inspect("pets")
    assert (report["kind"], report["task"], report["recipe"]) == (
        "image_folder",
        "image-classification",
        "image_classification",
    )
    assert report["labels"] == {"cat": 20, "dog": 20}
    assert report["mapping"]["image"] == "image"
    assert report["mapping"]["label"] == "label"
    assert report["images"] == {
        "width": 8,
        "height": 8,
        "mode": "RGB",
        "sizes": 1,
        "unreadable": [],
        "unreadable_count": 0,
    }
    assert (report["problems"], report["blocking"]) == ([], [])


def test_prepared_pictures_have_the_layout_of_the_hub(bench: Bench) -> None:
    classes(bench.folder / "pets", 20)
    answer = bench.prepare("pets")
    assert answer["rows"] == {"train": 32, "validation": 4, "test": 4}
    assert (answer["train"], answer["validation"]) == ("data/data/train", "data/data/validation")
    assert answer["test"] == "held out"
    seen = set()
    for split in ("train", "validation", "test"):
        for record in bench.pictures(split):
            file = bench.split_folder(split) / split / record["file_name"]
            assert Image.open(file).size == (8, 8)
            assert record["label"] in ("cat", "dog")
            seen.add(record["file_name"])
    assert len(seen) == 40
    assert not list(bench.place.workspace.rglob("*test*"))


def test_a_broken_picture_is_named_and_left_out(bench: Bench) -> None:
    classes(bench.folder / "pets", 20)
    (bench.folder / "pets" / "cat" / "broken.jpg").write_bytes(b"nothing")
    report = bench.inspect("pets")
    assert report["images"]["unreadable_count"] == 1
    assert report["images"]["unreadable"][0].startswith("cat/broken.jpg (")
    assert bench.prepare("pets")["dropped"]["unreadable"] == 1


def test_own_splits_are_kept(bench: Bench) -> None:
    classes(bench.folder / "pets" / "Train", 10)
    classes(bench.folder / "pets" / "val", 3, start=100)
    classes(bench.folder / "pets" / "test", 4, start=200)
    assert bench.inspect("pets")["splits"] == {"train": 20, "validation": 6, "test": 8}
    assert bench.prepare("pets")["rows"] == {"train": 20, "validation": 6, "test": 8}


def test_a_missing_validation_split_is_made_from_training(bench: Bench) -> None:
    classes(bench.folder / "pets" / "train", 20)
    classes(bench.folder / "pets" / "test", 4, start=200)
    assert bench.prepare("pets")["rows"] == {"train": 36, "validation": 4, "test": 8}


def test_leaks_are_found_and_taken_out_of_training(bench: Bench) -> None:
    classes(bench.folder / "pets" / "train", 10)
    classes(bench.folder / "pets" / "test", 2)
    assert bench.inspect("pets")["leaks"] == {"train/test": 4}
    answer = bench.prepare("pets")
    assert answer["dropped"]["leaked"] == 4
    assert answer["rows"]["test"] == 4
    assert answer["rows"]["train"] + answer["rows"]["validation"] == 16


def test_an_outer_folder_is_seen_through(bench: Bench) -> None:
    classes(bench.folder / "download" / "pets-v2" / "train", 5)
    classes(bench.folder / "download" / "pets-v2" / "test", 5, start=50)
    assert bench.inspect("download")["splits"] == {"train": 10, "test": 10}


def test_mixed_modes_become_one(bench: Bench) -> None:
    classes(bench.folder / "pets", 10)
    picture(bench.folder / "pets" / "cat" / "grey.png", 900, "L")
    picture(bench.folder / "pets" / "cat" / "alpha.png", 901, "RGBA")
    picture(bench.folder / "pets" / "dog" / "palette.gif", 902, "P")
    report = bench.inspect("pets")
    assert report["images"]["mode"] == "RGB"
    assert any("different modes" in problem for problem in report["problems"])
    bench.prepare("pets")
    for split in ("train", "validation", "test"):
        for record in bench.pictures(split):
            image = Image.open(bench.split_folder(split) / split / record["file_name"])
            assert image.mode == "RGB"


def test_grey_pictures_stay_grey(bench: Bench) -> None:
    classes(bench.folder / "pets", 10, mode="L")
    picture(bench.folder / "pets" / "cat" / "alpha.png", 901, "LA")
    report = bench.inspect("pets")
    assert report["images"]["mode"] == "L"


def test_mixed_sizes_are_said(bench: Bench) -> None:
    classes(bench.folder / "pets", 5)
    picture(bench.folder / "pets" / "cat" / "large.png", 1, size=(64, 32))
    report = bench.inspect("pets")
    assert report["images"]["sizes"] == 2
    assert any("from 8x8 to 64x32" in problem for problem in report["problems"])


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_metadata_file_names_the_classes(bench: Bench, form: str) -> None:
    rows = [(f"p{n}.png", ("sunny", "rainy")[n % 2], n * 0.5) for n in range(30)]
    for n, (name, _, _) in enumerate(rows):
        picture(bench.folder / "sky" / name, n)
    if form == "csv":
        bench.csv("sky/metadata.csv", ["file_name", "weather", "height"], rows)
    else:
        keys = ("file_name", "weather", "height")
        bench.lines("sky/metadata.jsonl", [dict(zip(keys, row, strict=True)) for row in rows])
    report = bench.inspect("sky")
    assert report["mapping"]["label"] == "weather"
    assert report["labels"] == {"sunny": 15, "rainy": 15}
    assert bench.prepare("sky")["rows"] == {"train": 24, "validation": 3, "test": 3}


def test_two_possible_classes_in_the_metadata_are_a_question(bench: Bench) -> None:
    rows = [(f"p{n}.png", ("a", "b")[n % 2], ("x", "y")[n % 3 % 2]) for n in range(30)]
    for n, (name, _, _) in enumerate(rows):
        picture(bench.folder / "sky" / name, n)
    bench.csv("sky/metadata.csv", ["file_name", "u", "v"], rows)
    report = bench.inspect("sky")
    assert report["mapping"]["label"] is None
    assert sorted(report["alternatives"]["label"]) == ["u", "v"]
    outcome = bench.prepare_outcome("sky")
    assert "Name label_column" in json.loads(outcome.output)["error"]
    assert bench.prepare_outcome("sky", label_column="v").ok


def test_metadata_cannot_reach_outside(bench: Bench) -> None:
    picture(bench.folder / "sky" / "a.png", 1)
    picture(bench.folder / "b.png", 2)
    bench.csv("sky/metadata.csv", ["file_name", "label"], [("a.png", "x"), ("../b.png", "y")])
    assert "../b.png lies outside the folder" in bench.refusal("sky")


def test_metadata_names_pictures_that_are_gone(bench: Bench) -> None:
    rows = [(f"p{n}.png", ("a", "b")[n % 2]) for n in range(10)]
    for n, (name, _) in enumerate(rows[:8]):
        picture(bench.folder / "sky" / name, n)
    bench.csv("sky/metadata.csv", ["file_name", "label"], rows)
    report = bench.inspect("sky")
    assert report["rows"] == 8
    assert "2 files that the metadata names do not exist, e.g. p8.png." in report["problems"]


def test_pictures_behind_a_link_in_the_workspace_are_out_of_reach(bench: Bench) -> None:
    picture(bench.place.held_out / "test" / "a.png", 1)
    folder = bench.place.workspace / "pets" / "cat"
    folder.mkdir(parents=True)
    (folder / "a.png").symlink_to(bench.place.held_out / "test" / "a.png")
    assert "out of reach" in bench.refusal("pets")


def test_pictures_without_classes_are_blocking(bench: Bench) -> None:
    for n in range(5):
        picture(bench.folder / "flat" / f"{n}.png", n)
    report = bench.inspect("flat")
    assert "put them in one subfolder per class" in report["blocking"][0]


def test_one_class_is_blocking(bench: Bench) -> None:
    for n in range(5):
        picture(bench.folder / "pets" / "cat" / f"{n}.png", n)
    assert "one class only, 'cat'" in bench.inspect("pets")["blocking"][0]


def test_a_class_may_have_subfolders(bench: Bench) -> None:
    classes(bench.folder / "pets", 5)
    picture(bench.folder / "pets" / "cat" / "more" / "x.png", 500)
    assert bench.inspect("pets")["labels"] == {"cat": 6, "dog": 5}


def test_a_class_whose_name_is_not_utf8_is_to_be_renamed(bench: Bench) -> None:
    for name in (b"caf\xe9", b"tea"):
        for n in range(10):
            picture(bench.folder / "shops" / os.fsdecode(name) / f"{n}.png", 2 * n + len(name))
    refusal = bench.refusal("shops")
    assert r"caf\xe9" in refusal
    assert refusal.endswith("is not UTF-8, so it cannot name a class; rename it.")
