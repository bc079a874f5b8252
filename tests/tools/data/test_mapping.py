"""Which columns are taken for text and class."""

import random
from collections.abc import Sequence

import pytest

from ml_intern.tools.data.columns import profile
from ml_intern.tools.data.mapping import Mapping, choose
from ml_intern.tools.data.table import Row, Split

WORDS = ("slow", "music", "actors", "good", "enough", "stay", "this", "film", "plot", "were")


def mapping(
    header: Sequence[str], rows: Sequence[Sequence[object]], typed: bool = False
) -> Mapping:
    read: list[tuple[Split, Row]] = [
        ("all", Row(n, dict(zip(header, row, strict=True)))) for n, row in enumerate(rows)
    ]
    return choose(profile(read, typed))


def text(number: int, words: int = 12) -> str:
    chance = random.Random(number)
    return " ".join(chance.choice(WORDS) for _ in range(words)) + f" {number}"


def test_odd_names_and_an_index_column_do_not_matter() -> None:
    rows = [(str(n), text(n), ("ja", "nein", "egal")[n % 3]) for n in range(60)]
    found = mapping(["Unnamed: 0", "Äußerung_roh", "k7"], rows)
    assert (found.text, found.label) == ("Äußerung_roh", "k7")
    assert "'k7' is the class: 3 different values" in found.why


def test_order_of_columns_does_not_matter() -> None:
    rows = [(str(n % 2), text(n), f"id-{n:05d}") for n in range(60)]
    assert (mapping(["zz", "aa", "bb"], rows).text, mapping(["zz", "aa", "bb"], rows).label) == (
        "aa",
        "zz",
    )


@pytest.mark.parametrize(
    "sentence",
    [
        "映画はとても面白かったです{}",
        "كان الفيلم رائعا جدا {}",
        "这部电影非常好看{}",
        "영화 {} 재미있다",
    ],
)
def test_any_script_is_text(sentence: str) -> None:
    rows = [{"a": sentence.format(n), "b": n % 2 == 0, "c": n * 0.37} for n in range(40)]
    found = mapping(["a", "b", "c"], [list(row.values()) for row in rows], typed=True)
    assert (found.text, found.label) == ("a", "b")


def test_a_constant_column_is_never_the_class() -> None:
    rows = [(text(n), "same", str(n % 2)) for n in range(40)]
    assert mapping(["text", "label", "other"], rows).label == "other"


def test_a_measurement_is_not_a_class() -> None:
    rows = [(text(n), f"{n % 7 + 0.25}", str(n % 2)) for n in range(70)]
    assert mapping(["text", "score", "other"], rows).label == "other"
    assert mapping(["text", "score"], [row[:2] for row in rows]).labels == ()


def test_an_integral_float_may_be_a_class() -> None:
    rows = [(text(n), f"{n % 3}.0") for n in range(60)]
    assert mapping(["text", "z"], rows).label == "z"


def test_a_number_and_its_name_are_no_rivals() -> None:
    names = ("joy", "anger", "fear")
    rows = [(text(n), n % 3, names[n % 3]) for n in range(60)]
    assert mapping(["text", "label", "label_text"], rows, typed=True).label == "label_text"


def test_two_columns_with_equal_claims_are_left_to_a_person() -> None:
    rows = [(text(n), ("a", "b", "c")[n % 3], ("x", "y")[n % 7 % 2]) for n in range(70)]
    found = mapping(["words", "u", "v"], rows)
    assert found.label is None
    assert set(found.labels) == {"u", "v"}
    assert "More than one column can be the class" in found.problems[0]


def test_a_telling_name_decides_between_equals() -> None:
    rows = [(text(n), ("a", "b", "c")[n % 3], ("x", "y")[n % 7 % 2]) for n in range(70)]
    assert mapping(["words", "source", "sentiment"], rows).label == "sentiment"


def test_the_longer_text_is_taken_and_the_other_ranked() -> None:
    rows = [(text(n, 4), text(n + 1000, 80), str(n % 2)) for n in range(60)]
    found = mapping(["headline", "story", "y"], rows)
    assert (found.text, found.texts) == ("story", ("story", "headline"))


def test_two_texts_of_the_same_kind_are_left_to_a_person() -> None:
    rows = [(text(n, 12), text(n + 1000, 12), str(n % 2)) for n in range(60)]
    found = mapping(["uno", "due", "y"], rows)
    assert found.text is None
    assert "text_column" in found.problems[0]


def test_short_texts_such_as_names_are_text() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    rows = [(f"{letters[n % 26]}{letters[n // 26]}ski", ("pl", "cz")[n % 2]) for n in range(100)]
    assert mapping(["surname", "country"], rows).text == "surname"
    assert mapping(["surname", "country"], rows).label == "country"


def test_codes_are_not_text() -> None:
    rows = [(f"SKU-{n:06d}-{n * 7919 % 1000}", str(n % 2)) for n in range(60)]
    assert mapping(["item", "y"], rows).texts == ()


def test_texts_that_come_back_often_are_still_text() -> None:
    rows = [(text(n % 30), str(n % 2)) for n in range(120)]
    assert mapping(["q", "y"], rows).text == "q"


def test_a_column_of_splits_is_not_the_class() -> None:
    rows = [(text(n), ("train", "test")[n % 5 == 0], str(n % 2)) for n in range(60)]
    found = mapping(["text", "part", "k"], rows)
    assert found.label == "k"
    assert any("'part' names splits" in problem for problem in found.problems)


def test_numbers_alone_have_no_text() -> None:
    rows = [(f"{n * 0.1:.2f}", str(n), ("a", "b")[n % 2]) for n in range(60)]
    assert mapping(["x", "n", "species"], rows).texts == ()


def test_a_table_of_measurements_with_a_name_asks_what_is_meant() -> None:
    rows = [
        (n, n % 2, n % 3 + 1, text(n, 3), ("m", "f")[n % 5 % 2], f"{n * 0.7:.2f}", "SCQ"[n % 7 % 3])
        for n in range(90)
    ]
    found = mapping(["Nr", "Alive", "Deck", "Who", "G", "Fare", "Port"], rows)
    assert found.label is None
    assert {"Alive", "Deck", "Port"} <= set(found.labels)
