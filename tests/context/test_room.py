"""The sharing out of a window, for every window from 2k to a million."""

from hypothesis import given
from hypothesis import strategies as st

from ml_intern.context.room import LEAST_FREE, longest_answer, most_for_tools, share, threshold

windows = st.integers(2_000, 1_000_000)


@given(window=windows, wanted=st.none() | st.integers(1, 200_000), ratio=st.floats(0.9, 4))
def test_a_request_and_its_answer_fit_into_the_window(
    window: int, wanted: int | None, ratio: float
) -> None:
    answer = longest_answer(window, wanted)
    most = threshold(window, answer, ratio=ratio)
    assert most * ratio + answer <= window
    assert most * ratio <= 170_000
    assert answer >= 1


@given(most=st.integers(0, 170_000), fixed=st.integers(0, 170_000))
def test_after_a_compaction_there_is_room_to_go_on(most: int, fixed: int) -> None:
    room = share(most, fixed)
    assert room.is_enough is (most - fixed >= LEAST_FREE)
    if room.is_enough:
        growth = room.threshold - fixed - room.newest - room.summary
        assert growth >= 0.3 * room.free - 1


@given(window=windows)
def test_tools_leave_most_of_a_window(window: int) -> None:
    assert most_for_tools(window) <= 0.3 * window


def test_the_mission_compacts_at_170k() -> None:
    assert threshold(200_000, 8_000) == 170_000
    assert threshold(1_000_000, 64_000) == 170_000
    assert threshold(128_000, 16_000) == 100_800
    assert threshold(8_192, 2_048) == 5_529
    assert threshold(200_000, 8_000, compact_at=50_000) == 50_000


def test_a_short_answer_leaves_more_room() -> None:
    assert longest_answer(8_192, None) == 2_048
    assert longest_answer(8_192, 500) == 500
    assert longest_answer(8_192, 64_000) == 2_048
