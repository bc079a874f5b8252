"""What is counted of the columns of a table."""

import time

from ml_intern.tools.data.columns import MAX_COLUMNS, MAX_FEW, Column, Profile, profile
from ml_intern.tools.data.table import Row, in_sample


def column(values: list[object], typed: bool = False) -> Column:
    found = Column("x", 0, typed)
    found.add(values)
    return found


def test_types_are_told_from_all_values() -> None:
    assert column(["1", "-2", "3"]).kind == "integer"
    assert column(["1", "2.5", "1e3"]).kind == "number"
    assert column(["True", "false"]).kind == "boolean"
    assert column(["1", "x"]).kind == "string"
    assert column(["1", "2"], typed=True).kind == "string"
    assert column([[1], {"a": 1}], typed=True).kind == "nested"
    assert column([True, False], typed=True).kind == "boolean"


def test_what_stands_for_nothing_is_counted_by_its_form() -> None:
    found = column(["a", "", "NA", "  ", "None", "?", "none", "NaN", None, float("nan")])
    assert found.present == 2  # `a`, and `none`, which may well be a class
    assert found.blanks == {"": 2, "NA": 1, "None": 1, "?": 1, "NaN": 1, "null": 2}


def test_numbers_that_ascend_are_known() -> None:
    assert column(["0", "1", "5"]).ascending
    assert not column(["0", "1", "1"]).ascending
    assert not column(["a", "b"]).ascending


def test_agreement_is_one_value_for_one_value() -> None:
    numbers, names = column(["0", "1", "0", ""]), column(["no", "yes", "no", ""])
    assert numbers.agrees_with(names)
    assert not numbers.agrees_with(column(["no", "yes", "yes", ""]))


def test_a_column_with_many_values_forgets_which_was_where() -> None:
    found = column([str(n) for n in range(MAX_FEW + 10)])
    assert found.distinct == MAX_FEW + 10
    assert not found.counts()


def test_a_column_that_appears_late_was_missing_before() -> None:
    rows = [("all", Row(n, {"a": n})) for n in range(500)]
    rows += [("all", Row(n, {"a": n, "b": "x"})) for n in range(500, 600)]
    found = profile(rows, typed=True)
    assert found.missing(found.columns["b"]) == 500
    assert len(found.columns["b"].codes) == 600


def test_ten_thousand_columns_take_no_time() -> None:
    names = [f"c{n}" for n in range(10_000)]
    started = time.monotonic()
    found: Profile = profile(
        (("all", Row(n, dict.fromkeys(names, "0.5"))) for n in range(200)), typed=False
    )
    assert time.monotonic() - started < 5
    assert len(found.columns) == MAX_COLUMNS
    assert len(found.names) == 10_000
    assert found.total == 200


def test_a_sample_takes_the_beginning_and_some_of_all_the_rest() -> None:
    """A file that is sorted by class must not look as if it had one class only."""
    taken = [number for number in range(100_000) if in_sample(number, 1000)]
    assert taken[:1000] == list(range(1000))
    assert len(taken) < 2_500
    assert all(any(low <= n < low + 10_000 for n in taken) for low in range(0, 100_000, 10_000))


def test_rows_beyond_the_sample_are_counted() -> None:
    wide = {f"c{n}": "a" for n in range(MAX_COLUMNS)}
    rows = (("all", Row(n, {**wide, "c0": str(n // 15_000)})) for n in range(30_000))
    found = profile(rows, typed=False)
    assert (found.total, found.columns["c0"].distinct) == (30_000, 2)
    assert found.profiled < 15_000
