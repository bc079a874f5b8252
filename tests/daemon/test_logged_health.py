import logging
import random

import pytest

from ml_intern.daemon.logged_health import LoggedHealth
from ml_intern.errors import Refused, Retryable
from tests.queue.given import HandClock

AWAY = Retryable("it is out of reach", retry_after_s=300.0)
NO_KEY = Refused("the key is wrong", trouble="authentication")


def test_an_outage_is_logged_when_it_begins_and_when_it_is_over(caplog):
    caplog.set_level(logging.INFO)
    clock = HandClock()
    health = LoggedHealth(clock, random.Random(1))
    for _ in range(3):
        health.failed("m", AWAY)
    clock.passed_s += 301
    assert health.take("m")
    health.failed("m", AWAY)
    clock.passed_s += 301
    assert health.take("m")
    health.worked("m")
    health.worked("m")
    begun, over = caplog.records
    assert (begun.levelname, begun.message) == ("WARNING", "model_left_alone")
    assert (begun.model, begun.trouble, begun.for_s) == ("m", "away", 300)
    assert begun.error == "it is out of reach"
    assert (over.levelname, over.message) == ("INFO", "model_well_again")
    assert (over.model, over.after_s) == ("m", 602)


@pytest.mark.parametrize("failures", [[Retryable("busy")], [Refused("no", trouble="content")]])
def test_what_leaves_a_model_in_use_is_not_logged(caplog, failures):
    caplog.set_level(logging.INFO)
    health = LoggedHealth(HandClock(), random.Random(1))
    for exc in failures:
        health.failed("m", exc)
    health.worked("m")
    assert caplog.records == []


def test_an_answer_to_an_older_request_ends_no_outage(caplog):
    caplog.set_level(logging.INFO)
    health = LoggedHealth(HandClock(), random.Random(1))
    health.failed("m", NO_KEY)
    health.worked("m")
    assert [one.message for one in caplog.records] == ["model_left_alone"]
