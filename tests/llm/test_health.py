"""The circuits of models: when one is left alone, for how long, and who asks first afterwards."""

import random
import threading
from typing import get_args

import pytest

from ml_intern.errors import ContextOverflow, ModelError, Refused, Retryable, Trouble
from ml_intern.llm.health import (
    FAILURES,
    JITTER,
    LONG_S,
    MOST_S,
    PROBE_S,
    REFUSED_S,
    WAITS_S,
    Health,
)
from tests.queue.given import HandClock

M = "claude-opus-4-8"
AWAY = Retryable("it is out of reach")
RATE = Retryable("it limits us", trouble="rate")
SAYS_NOTHING = ("content", "context", "effort", "thinking", "request")


class Even(random.Random):
    """Chance that is always in the middle."""

    def random(self) -> float:
        return 0.5


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def health(clock: HandClock) -> Health:
    return Health(clock, Even())


def fail(health: Health, exc: ModelError = AWAY, times: int = FAILURES) -> None:
    for _ in range(times):
        health.failed(M, exc)


def pass_s(clock: HandClock, seconds: float) -> None:
    clock.passed_s += seconds


def test_a_model_that_was_never_asked_may_be_asked(health):
    assert (health.take(M), health.wait_s(M), health.why(M)) == (True, 0.0, "")


@pytest.mark.parametrize("exc", [AWAY, RATE], ids=["away", "rate"])
def test_the_third_failure_in_a_row_opens_the_circuit(health, exc):
    fail(health, exc, FAILURES - 1)
    assert (health.take(M), health.wait_s(M), health.why(M)) == (True, 0.0, str(exc))
    fail(health, exc, 1)
    assert (health.take(M), health.wait_s(M), health.why(M)) == (False, WAITS_S[0], str(exc))


def test_an_answer_between_failures_begins_the_row_anew(health):
    fail(health, times=FAILURES - 1)
    health.worked(M)
    assert health.why(M) == ""
    fail(health, times=FAILURES - 1)
    assert health.take(M)


@pytest.mark.parametrize("trouble", ["authentication", "billing", "model"])
def test_what_a_person_has_to_mend_opens_it_at_once(health, clock, trouble):
    fail(health, Refused("no", trouble=trouble), 1)
    assert health.wait_s(M) == REFUSED_S
    pass_s(clock, REFUSED_S)
    assert health.take(M)


@pytest.mark.parametrize("trouble", SAYS_NOTHING)
def test_a_refusal_of_what_was_asked_is_an_answer(health, trouble):
    fail(health, times=FAILURES - 1)
    fail(health, Refused("no", trouble=trouble), 5)
    assert (health.take(M), health.why(M)) == (True, "")
    fail(health, times=FAILURES - 1)
    assert health.take(M)


def test_a_refusal_for_length_closes_the_circuit_that_a_probe_found_open(health, clock):
    fail(health)
    pass_s(clock, WAITS_S[0])
    assert health.take(M)
    health.failed(M, ContextOverflow("too long"))
    assert (health.take(M), health.take(M)) == (True, True)


@pytest.mark.parametrize("trouble", get_args(Trouble))
def test_every_trouble_has_its_treatment(health, trouble):
    fail(health, Retryable("no", trouble=trouble))
    assert health.take(M) is (trouble in SAYS_NOTHING)


@pytest.mark.parametrize("trouble", ["rate", "away"])
def test_who_says_when_to_come_back_is_left_alone_at_once_for_so_long(health, clock, trouble):
    fail(health, Retryable("slow down", trouble=trouble, retry_after_s=17.5), 1)
    assert (health.wait_s(M), health.why(M)) == (17.5, "slow down")
    assert health.trouble(M) == trouble
    pass_s(clock, 17.4)
    assert not health.take(M)
    pass_s(clock, 0.2)
    assert health.take(M)


def test_who_wants_a_moment_only_is_waited_for(health):
    fail(health, Retryable("slow down", trouble="rate", retry_after_s=LONG_S), FAILURES - 1)
    assert health.take(M)


def test_an_answer_to_who_asked_all_the_same_closes_it(health):
    fail(health, Refused("no money", trouble="billing"), 1)
    health.ask_all_the_same(M)
    assert not health.take(M)
    health.worked(M)
    assert (health.take(M), health.why(M), health.trouble(M)) == (True, "", None)


def test_a_number_of_nought_is_none(health):
    fail(health, Retryable("slow down", trouble="rate", retry_after_s=0.0), FAILURES - 1)
    assert health.take(M)


def test_a_wait_is_never_shorter_than_the_provider_says_nor_than_ours(health):
    fail(health, AWAY, FAILURES - 1)
    fail(health, Retryable("away", retry_after_s=100.0), 1)
    assert health.wait_s(M) == 100.0
    for _ in range(FAILURES):
        health.failed("other", Retryable("away", retry_after_s=2.0))
    assert health.wait_s("other") == WAITS_S[0]


def test_a_model_is_tried_once_a_day_whatever_its_provider_says(health):
    fail(health, Retryable("slow down", trouble="rate", retry_after_s=1e300), 1)
    assert health.wait_s(M) == MOST_S


def test_one_asks_first_and_the_others_wait_until_it_is_heard_of(health, clock):
    fail(health)
    pass_s(clock, WAITS_S[0])
    assert health.wait_s(M) == 0.0
    assert [health.take(M), health.take(M)] == [True, False]
    assert health.wait_s(M) == PROBE_S
    health.worked(M)
    assert [health.take(M), health.take(M)] == [True, True]


def test_who_asked_first_and_is_not_heard_of_is_followed_by_another(health, clock):
    fail(health)
    pass_s(clock, WAITS_S[0])
    assert health.take(M)
    pass_s(clock, PROBE_S - 1)
    assert not health.take(M)
    pass_s(clock, 1)
    assert [health.take(M), health.take(M)] == [True, False]


def test_a_slow_first_answer_counts_though_another_asked_meanwhile(health, clock):
    fail(health)
    pass_s(clock, WAITS_S[0])
    assert health.take(M)
    pass_s(clock, PROBE_S)
    health.worked(M)
    assert (health.wait_s(M), health.why(M)) == (0.0, "")
    assert [health.take(M), health.take(M)] == [True, True]


def test_of_several_threads_one_asks_first(clock):
    for number in range(50):
        health = Health(clock, random.Random(number))
        fail(health)
        pass_s(clock, 2 * WAITS_S[0])
        together, got = threading.Barrier(8), []

        def take(
            health: Health = health,
            together: threading.Barrier = together,
            got: list[bool] = got,
        ) -> None:
            together.wait()
            got.append(health.take(M))

        threads = [threading.Thread(target=take) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(got) == [False] * 7 + [True]


def test_failures_of_several_threads_are_all_counted(clock):
    """One is lost where two read the same number: then the circuit stays closed."""
    for number in range(50):
        health = Health(clock, random.Random(number))
        together = threading.Barrier(FAILURES)

        def break_off(health: Health = health, together: threading.Barrier = together) -> None:
            together.wait()
            health.failed(M, AWAY)

        threads = [threading.Thread(target=break_off) for _ in range(FAILURES)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not health.take(M)


def test_waits_grow_while_nobody_gets_an_answer_and_begin_anew_after_one(health, clock):
    fail(health)
    seen = []
    for _ in range(len(WAITS_S) + 2):
        seen.append(health.wait_s(M))
        pass_s(clock, seen[-1])
        assert health.take(M)
        fail(health, times=1)
    assert seen == [*WAITS_S, WAITS_S[-1], WAITS_S[-1]]
    pass_s(clock, health.wait_s(M))
    assert health.take(M)
    health.worked(M)
    fail(health)
    assert health.wait_s(M) == WAITS_S[0]


def test_waits_differ_by_chance_within_their_bounds(clock):
    health = Health(clock, random.Random(7))
    seen = []
    for number in range(300):
        name = f"model-{number}"
        for _ in range(FAILURES):
            health.failed(name, AWAY)
        seen.append(health.wait_s(name) / WAITS_S[0])
    assert 1 - JITTER <= min(seen) < 1 - 0.9 * JITTER
    assert 1 + 0.9 * JITTER < max(seen) <= 1 + JITTER


def test_who_had_asked_before_does_not_make_the_next_wait_longer(health, clock):
    """Twelve sessions ask, the provider goes away: that is one time, not four."""
    fail(health)
    pass_s(clock, 10)
    fail(health, times=9)
    assert health.wait_s(M) == WAITS_S[0] - 10
    pass_s(clock, WAITS_S[0])
    assert health.take(M)
    fail(health, times=1)
    assert health.wait_s(M) == WAITS_S[1]


def test_who_had_asked_before_may_bring_a_longer_wait_of_the_provider(health, clock):
    fail(health)
    fail(health, Retryable("until noon", trouble="rate", retry_after_s=300.0), 1)
    assert (health.wait_s(M), health.why(M)) == (300.0, "until noon")
    fail(health, Retryable("soon", trouble="rate", retry_after_s=1.0), 1)
    assert health.wait_s(M) == 300.0
    fail(health, Refused("no money", trouble="billing"), 1)
    assert health.wait_s(M) == REFUSED_S


def test_an_answer_to_who_had_asked_before_closes_it_only_when_its_time_is_over(health, clock):
    fail(health, Refused("no money", trouble="billing"), 1)
    health.worked(M)
    assert (health.take(M), health.why(M)) == (False, "no money")
    pass_s(clock, REFUSED_S)
    health.worked(M)
    assert ([health.take(M), health.take(M)], health.why(M)) == ([True, True], "")


def test_a_turn_that_is_given_back_is_the_next_ones_at_once(health, clock):
    fail(health)
    pass_s(clock, WAITS_S[0])
    assert health.take(M)
    health.give_back(M)
    assert (health.wait_s(M), health.why(M)) == (0.0, str(AWAY))
    assert [health.take(M), health.take(M)] == [True, False]
    fail(health, times=1)
    assert health.wait_s(M) == WAITS_S[1]


def test_nothing_is_given_back_by_who_had_no_turn(health, clock):
    health.give_back(M)
    assert [health.take(M), health.take(M)] == [True, True]
    fail(health)
    health.give_back(M)
    assert (health.take(M), health.wait_s(M)) == (False, WAITS_S[0])


def test_after_a_long_time_one_answer_makes_it_as_new(health, clock):
    fail(health)
    for wait_s in WAITS_S:
        pass_s(clock, wait_s)
        assert health.take(M)
        fail(health, times=1)
    clock.slept_s += 8 * 3600
    assert health.wait_s(M) == 0.0
    assert [health.take(M), health.take(M)] == [True, False]
    health.worked(M)
    fail(health, times=FAILURES - 1)
    assert health.take(M)
    fail(health, times=1)
    assert health.wait_s(M) == WAITS_S[0]


def test_each_model_has_its_own_circuit(health):
    fail(health)
    assert (health.take("other"), health.wait_s("other"), health.why("other")) == (True, 0.0, "")
