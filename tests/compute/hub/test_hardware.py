"""The Hub's prices: read over HTTP, kept with their date, and used when there are no newer ones."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from ml_intern.compute.hub import HubHardware, PriceList
from ml_intern.compute.hub.hardware import AGAIN_S, FRESH_S, MOST_AGAIN_S
from ml_intern.errors import InputError
from tests.queue.given import HandClock
from tests.support.hub import HubServer, a_machine
from tests.support.waiting import wait_until

ROUTE = "/api/jobs/hardware"


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        yield server


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_test_token")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "hub_hardware.json"


@pytest.fixture
def hardware(hub: HubServer, clock: HandClock, cache: Path) -> HubHardware:
    return HubHardware(cache, clock, endpoint=hub.url)


def test_the_list_is_read_once_and_kept_with_its_date(hub, hardware, clock, cache):
    found = hardware.prices()
    assert (found.read_at, found.trouble) == (clock.now(), "")
    assert found.named("a10g-large").micro_usd_per_minute == 25_000
    assert hardware.prices() is found
    assert HubHardware(cache, clock, endpoint=hub.url).prices() == found
    assert hub.asked(ROUTE) == 1
    assert hub.requests[-1].token == "hf_test_token"
    assert json.loads(cache.read_text())["read_at"] == "2026-01-31T12:00:00.000Z"


def test_an_old_list_is_read_anew(hub, hardware, clock):
    hardware.prices()
    hub.jobs.hardware = [a_machine("a10g-large", 30_000, 1)]
    clock.passed_s += FRESH_S - 1
    assert hardware.prices().named("a10g-large").micro_usd_per_minute == 25_000
    clock.passed_s += 1
    assert hardware.prices().named("a10g-large").micro_usd_per_minute == 30_000
    assert hardware.prices().read_at == clock.now()


def test_a_list_from_the_future_is_read_anew(hub, hardware, clock, cache):
    hardware.prices()
    clock.passed_s -= 3600
    HubHardware(cache, clock, endpoint=hub.url).prices()
    assert hub.asked(ROUTE) == 2


def worn(hardware: HubHardware, clock: HandClock) -> PriceList:
    """Read, and three days older."""
    found = hardware.prices()
    clock.passed_s += 3 * FRESH_S
    return found


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (lambda hub: hub.faults.refuse(401), "does not accept the token (status 401)"),
        (lambda hub: hub.faults.refuse(500), "answered with status 500"),
        (lambda hub: hub.faults.limit_rate(55), "limits our requests (status 429)"),
        (lambda hub: hub.faults.page(), "cannot be read (JSONDecodeError)"),
        (lambda hub: hub.faults.cut(), "cannot be reached"),
        (lambda hub: hub.down(), "cannot be reached (ConnectError)"),
    ],
)
def test_an_old_list_counts_where_there_is_no_newer_one_and_says_its_age(
    hub, hardware, clock, fault, words
):
    old = worn(hardware, clock)
    fault(hub)
    found = hardware.prices()
    assert found.flavors == old.flavors
    assert words in found.trouble
    worst = hardware.worst("a10g-large", 3600)
    assert worst.micro_usd == 25_000 * 65
    assert "read on 2026-01-31, 3 days ago; no newer one: " in worst.basis
    assert words in worst.basis


@pytest.mark.parametrize(
    "listed",
    [
        {"error": "no list"},
        ["a10g-large"],
        [{"name": "half an entry"}],
        [None],
        None,
        [],
        [{**a_machine("odd", 5), "accelerator": {"type": "gpu"}}],
    ],
)
def test_what_is_no_list_is_said_to_be_none(hub, hardware, listed):
    hub.jobs.hardware = listed
    worst = hardware.worst("a10g-large", 3600)
    assert worst.micro_usd is None
    assert "was never read: its list" in worst.basis


def test_after_a_failure_the_hub_is_left_alone_for_a_while(hub, hardware, clock):
    hub.faults.refuse(500)
    hardware.prices()
    clock.passed_s += AGAIN_S - 1
    assert "status 500" in hardware.prices().trouble
    assert hub.asked(ROUTE) == 1
    clock.passed_s += 1
    assert hardware.prices().trouble == ""


def test_the_hub_says_itself_how_long_it_wants_to_be_left_alone(hub, hardware, clock):
    hub.faults.limit_rate(600)
    hardware.prices()
    clock.passed_s += 599
    hardware.prices()
    assert hub.asked(ROUTE) == 1
    clock.passed_s += 1
    assert hardware.prices().trouble == ""


def test_a_hub_that_hangs_is_waited_for_once_and_its_late_answer_counts(hub, clock, cache):
    hub.faults.hang()
    hardware = HubHardware(cache, clock, endpoint=hub.url, wait_s=0.2)
    found = hardware.worst("a10g-large", 60)
    assert found.micro_usd is None
    assert "has not answered in 0.2 s" in found.basis
    clock.passed_s += 0.2
    assert hardware.prices().trouble == "it has not answered in 0.2 s"
    assert hub.asked(ROUTE) == 1
    hub.release()
    wait_until(lambda: hardware.prices().trouble == "")
    assert hub.asked(ROUTE) == 1


def test_a_hub_that_hangs_is_asked_again_after_an_hour(hub, clock, cache):
    hub.faults.hang()
    hardware = HubHardware(cache, clock, endpoint=hub.url, wait_s=0.2)
    hardware.prices()
    clock.passed_s += MOST_AGAIN_S
    assert "has not answered" in hardware.prices().trouble
    clock.passed_s += 1
    assert hardware.prices().trouble == ""
    assert hub.asked(ROUTE) == 2


def test_many_who_need_it_at_once_ask_once(hub, hardware):
    gate, found = threading.Barrier(8), []

    def need() -> None:
        gate.wait()
        found.append(hardware.worst("h200", 60).micro_usd)

    threads = [threading.Thread(target=need) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [83_333 * 6] * 8
    assert hub.asked(ROUTE) == 1


def test_offline_means_that_nobody_is_asked(hub, hardware, clock, monkeypatch):
    worn(hardware, clock)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert hardware.prices().trouble == "HF_HUB_OFFLINE is set"
    assert hardware.worst("cpu-basic", 60).micro_usd == 167 * 6
    assert hub.asked(ROUTE) == 1


@pytest.mark.parametrize(
    "damaged",
    [b"", b"{", b"[]", b"{}", b"\xff\xfe",
     b'{"endpoint": "URL", "read_at": "today", "flavors": []}',
     b'{"endpoint": "URL", "read_at": "2026-01-31T12:00:00.000Z", "flavors": '
     b'[{"name": "h200", "title": "", "accelerator": "", "micro_usd_per_minute": -5}]}'],
)  # fmt: skip
def test_a_damaged_file_is_read_anew(hub, hardware, cache, damaged):
    cache.write_bytes(damaged.replace(b"URL", hub.url.encode()))
    assert hardware.worst("h200", 60).micro_usd == 83_333 * 6
    assert hub.asked(ROUTE) == 1


def test_what_another_hub_costs_does_not_count(hub, hardware, clock, cache):
    hardware.prices()
    with HubServer() as other:
        other.jobs.hardware = [a_machine("h200", 9)]
        assert HubHardware(cache, clock, endpoint=other.url).worst("h200", 60).micro_usd == 54


def test_without_a_place_to_keep_it_the_list_counts_all_the_same(hub, clock, tmp_path):
    hardware = HubHardware(tmp_path / "missing" / "file", clock, endpoint=hub.url)
    assert hardware.prices().trouble == ""


def test_the_worst_case_says_what_it_rests_on(hub, hardware):
    assert hardware.worst("a10g-large", 5400).basis == (
        "a10g-large at $0.025 a minute, 90 minutes of running and 5 of starting; the list of "
        f"{hub.url}, read on 2026-01-31"
    )


def test_an_unknown_flavor_and_one_without_a_price_cost_nobody_knows_what(hub, hardware):
    hub.jobs.hardware = [a_machine("odd", 5, unitLabel="hour")]
    unknown, odd = hardware.worst("h100", 60), hardware.worst("odd", 60)
    assert (unknown.micro_usd, odd.micro_usd) == (None, None)
    assert unknown.basis.startswith("h100: it is not there; the list of ")
    assert odd.basis.startswith("odd: its price is for 'hour', not for a minute; the list of ")


def test_no_time_limit_is_refused(hardware):
    with pytest.raises(InputError):
        hardware.worst("a10g-large", 0)


def test_the_day_is_counted_in_words(hub, clock):
    old = PriceList(endpoint="E", read_at=clock.now(), trouble="T")
    said = old.described(clock.now() + timedelta(days=1, hours=3))
    assert said == "the list of E, read on 2026-01-31, 1 day ago; no newer one: T"
