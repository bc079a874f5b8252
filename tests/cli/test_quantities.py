import math
from datetime import UTC, datetime, timedelta

import pytest

from ml_intern.cli.quantities import (
    clock_time,
    count,
    duration,
    line,
    number,
    percent,
    shown,
    size,
    sparkline,
)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.04, "0.0 s"),
        (4.21, "4.2 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (185, "3 min 05 s"),
        (3599.7, "1 h 00 min"),
        (7380, "2 h 03 min"),
        (93_600, "1 d 02 h"),
    ],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_a_time_of_another_day_has_its_date() -> None:
    at = datetime(2026, 1, 31, 12, 5, tzinfo=UTC)
    assert clock_time(at, at) == f"{at.astimezone():%H:%M:%S}"
    assert clock_time(at, at + timedelta(days=1)) == f"{at.astimezone():%Y-%m-%d %H:%M}"


def test_sizes_counts_and_shares() -> None:
    assert [size(512), size(1536), size(7.6 * 2**30), size(3 * 2**40)] == [
        "512 B",
        "1.5 KiB",
        "7.6 GiB",
        "3.0 TiB",
    ]
    assert [count(1, "row"), count(1797, "row")] == ["1 row", "1,797 rows"]
    assert [percent(0.9667), percent(math.nan)] == ["96.7 %", "not a number"]


def test_numbers_keep_four_figures() -> None:
    assert [number(2.30259), number(0.00001234), number(12345.6), number(math.inf)] == [
        "2.303",
        "1.234e-05",
        "1.235e+04",
        "not a number",
    ]


def test_sparkline_shows_the_course_in_the_width_that_there_is() -> None:
    assert sparkline([8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0], 8) == "█▇▆▅▄▃▂▁"
    assert len(sparkline([float(n) for n in range(1000)], 20)) == 20
    assert sparkline([1.0, 1.0], 8) == "▁▁"
    assert sparkline([math.nan], 8) == ""
    assert sparkline([], 8) == ""


def test_foreign_text_cannot_steer_the_terminal() -> None:
    assert shown("a\x1b[2Jb\rc\x07\u202ed\x9b1m") == "a[2Jbcd1m"
    assert shown("kept\nlines\tand ümlauts 漢字") == "kept\nlines   and ümlauts 漢字"


def test_a_line_is_one_line_and_bounded() -> None:
    assert line(" two\n  lines ") == "two lines"
    assert line("x" * 10**6, 20) == "x" * 19 + "…"
