"""Datasets that packages carry; read in the real training environment, confined."""

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from ml_intern.errors import InputError
from ml_intern.tools.data.packaged import Packaged, choose
from ml_intern.tools.data.training_side import catalogue
from tests.support.places import confined_place, real_place
from tests.tools.data.conftest import Bench

ENTRIES = [
    Packaged("pkg", "stars", "Spectra of near stars", "Light of 400 stars in 5 classes.", True),
    Packaged(
        "pkg", "leaves", "Pictures of plant leaves", "Scans of leaves of 12 kinds.", True, True
    ),
    Packaged("pkg", "leaf_shapes", "Shapes of leaves", "Measures of leaves.", True),
    Packaged("pkg", "post", "Zip code pictures", "Written numbers on letters.", False),
]


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("pkg:leaves", "leaves"),
        ("stars", "stars"),
        ("the star spectra of my package", "stars"),
        ("pictures of plant leaves", "leaves"),
        ("leaf shapes", "leaf_shapes"),
        ("zip codes", "post"),
    ],
)
def test_words_find_the_one_that_they_speak_of(words: str, name: str) -> None:
    assert choose(words, ENTRIES).name == name


def test_words_that_fit_several_get_a_list() -> None:
    measures = [replace(entry, pictures=False) for entry in ENTRIES]
    with pytest.raises(InputError, match=r"more than one .* pkg:leaf_shapes .*; pkg:leaves"):
        choose("a few leaves", measures)


def test_of_several_only_those_are_offered_that_can_be_trained_on() -> None:
    with pytest.raises(
        InputError, match=r"or one of these: pkg:leaves \(Pictures of plant leaves\)"
    ):
        choose("a few leaves", ENTRIES)


def test_words_that_fit_none_get_a_list() -> None:
    with pytest.raises(InputError, match="Nothing here is called 'movie reviews'") as caught:
        choose("movie reviews", ENTRIES)
    assert "pkg:leaves (Pictures of plant leaves)" in str(caught.value)
    assert "pkg:stars" not in str(caught.value)
    assert "pkg:post" not in str(caught.value)


def test_the_catalogue_reads_any_package_without_importing_it(tmp_path: Path) -> None:
    folder = tmp_path / "somepkg" / "datasets"
    for name in ("descr", "data"):
        (folder / name).mkdir(parents=True)
    (tmp_path / "somepkg" / "__init__.py").write_text("raise RuntimeError('imported')")
    (folder / "_base.py").write_text(
        "def load_moon(*, x=1):\n    return A(\n        images=x)\ndef load_mo():\n    ...\n"
    )
    (folder / "data" / "moon_a.csv.gz").write_bytes(b"")
    (folder / "descr" / "moon_data.rst").write_text(
        ".. _x:\n\nPhases of the moon\n-----\n\nText.\n"
    )
    (folder / "descr" / "sun.rst").write_text("The sun\n=======\n")
    entries = [catalogue.entry(path) for path in sorted((folder / "descr").glob("*.rst"))]
    assert entries == [
        {
            "package": "somepkg",
            "name": "moon",
            "title": "Phases of the moon",
            "description": "Text.",
            "shipped": True,
            "pictures": True,
        },
        {
            "package": "somepkg",
            "name": "sun",
            "title": "The sun",
            "description": "",
            "shipped": False,
            "pictures": False,
        },
    ]


needs_sklearn = pytest.mark.skipif(
    importlib.util.find_spec("sklearn") is None, reason="scikit-learn is not installed"
)


@pytest.fixture
def confined(tmp_path: Path) -> Bench:
    return Bench(confined_place(tmp_path))


@needs_sklearn
def test_pictures_of_a_package_are_found_by_words_and_prepared(confined: Bench) -> None:
    report = confined.inspect("handwritten digits that scikit-learn carries")
    assert report["source"] == "sklearn:digits"
    assert (report["kind"], report["recipe"]) == ("packaged", "image_classification")
    assert "Optical recognition of handwritten digits" in report["title"]
    assert (report["rows"], report["num_labels"]) == (1797, 10)
    assert {key: report["images"][key] for key in ("width", "height", "mode")} == {
        "width": 8,
        "height": 8,
        "mode": "L",
    }
    outcome = confined.prepare_outcome("sklearn:digits")
    answer = json.loads(outcome.output)
    assert outcome.ok, answer
    assert answer["labels"] == [str(digit) for digit in range(10)]
    assert sum(answer["rows"].values()) == 1797
    assert _all_pixels(confined) == _pixels_of_the_package()


def _all_pixels(bench: Bench) -> list[tuple[str, bytes]]:
    found = []
    for split in ("train", "validation", "test"):
        for record in bench.pictures(split):
            with Image.open(bench.split_folder(split) / split / record["file_name"]) as image:
                found.append((record["label"], image.tobytes()))
    return sorted(found)


def _pixels_of_the_package() -> list[tuple[str, bytes]]:
    """Sixteen shades, each in proportion."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return sorted(
        (str(label), bytes(round(value * 255 / 16) for value in image.ravel()))
        for image, label in zip(bunch.images, bunch.target, strict=True)
    )


@needs_sklearn
def test_measurements_of_a_package_are_reported_but_for_no_recipe(confined: Bench) -> None:
    report = confined.inspect("iris plants")
    assert report["source"] == "sklearn:iris"
    assert (report["kind"], report["task"], report["recipe"]) == ("packaged", None, None)
    assert report["rows"] == 150
    assert [column["name"] for column in report["columns"]][-1] == "target"
    assert "No column holds text" in report["blocking"][0]


@needs_sklearn
def test_a_dataset_that_would_be_downloaded_is_refused(confined: Bench) -> None:
    assert "does not carry its data" in confined.refusal("20 newsgroups")


@needs_sklearn
def test_words_about_nothing_offer_what_there_is(confined: Bench) -> None:
    confined.csv("moviereviews.csv", ["text", "label"], [("a", "b")])
    words = confined.refusal("moviereview")
    assert "one of these: sklearn:digits (" in words
    assert "sklearn:iris" not in words
    assert "moviereviews.csv" in words


@needs_sklearn
def test_words_are_found_where_the_folder_itself_is_closed(tmp_path: Path) -> None:
    own = tmp_path / "state" / "slack"
    own.mkdir(parents=True)
    (own / "notes").write_text("of the product")
    place = confined_place(tmp_path, started_in=own, records=(tmp_path / "state",))
    bench = Bench(place)
    assert bench.inspect("handwritten digits")["source"] == "sklearn:digits"
    assert "kept out of reach" in bench.refusal("notes")
    assert "kept out of reach" in bench.refusal("rows.csv")


def test_a_training_environment_that_does_not_start_is_an_answer(tmp_path: Path) -> None:
    place = confined_place(tmp_path, training_python=tmp_path / "no-python")
    assert Bench(place).refusal("some digits")


def test_a_path_is_preferred_to_words(tmp_path: Path) -> None:
    bench = Bench(real_place(tmp_path))
    bench.csv(
        "digits/train.csv", ["text", "label"], [(f"word number {n}", n % 2) for n in range(9)]
    )
    assert bench.inspect("digits")["kind"] == "csv"
