"""Money in the store: reserved before, settled after, under caps that nobody passes."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from ml_intern.errors import InputError, OverBudget, StateConflict
from ml_intern.events import (
    BudgetExtended,
    BudgetNoticed,
    BudgetReached,
    Compacted,
    Event,
    ModelAsked,
    ModelFailed,
    Spend,
)
from ml_intern.messages import JobId, Usage
from ml_intern.ops import ExtendBudget
from ml_intern.queue.invariants import Checker
from ml_intern.queue.rows import MOST_AMOUNT, BudgetRow
from ml_intern.queue.store import Claim, Store
from tests.contract.conftest import OpenDatabase
from tests.queue.given import (
    S,
    T,
    answered,
    began,
    claimed,
    ended,
    job_ended,
    job_started,
    kinds,
    new_session,
    replied,
    turn,
)

OWN, DAY = f"session:{S}", "day:2026-01-31"


def spend(micro_usd: int, name: str = "model:1", **caps: int | None) -> Spend:
    named = {"daemon": caps.get("daemon"), DAY: caps.get("day"), OWN: caps.get("own", 1000)}
    return Spend(spend_id=name, micro_usd=micro_usd, caps=named)


def asks(micro_usd: int, name: str = "model:1", **caps: int | None) -> ModelAsked:
    return ModelAsked(model="m", iteration=1, spend=spend(micro_usd, name, **caps))


def costs(micro_usd: int | None) -> Event:
    return replace(replied(), cost_micro_usd=micro_usd)


def failed(*, is_free: bool) -> ModelFailed:
    return ModelFailed(model="m", error="no", retry_in_s=None, is_free=is_free)


def pays(micro_usd: int, **caps: int | None) -> Event:
    return replace(began(), spend=spend(micro_usd, "c1", **caps))


def used(store: Store, cap: str = OWN) -> tuple[int, int]:
    row = store.budgets(cap)[cap]
    return row.spent, row.reserved


@pytest.fixture
def claim(store: Store) -> Claim:
    new_session(store)
    claim = claimed(store)
    store.append(claim.lease, turn())
    return claim


@pytest.fixture(autouse=True)
def _whole(store: Store, open_database: OpenDatabase) -> Iterator[None]:
    """Whatever a test did, the rows are what the journal says."""
    yield
    database = open_database()
    found = database.write(lambda c: [one.words for one in Checker(c).findings()])
    # The short names of these tests are no hashes.
    assert [words for words in found if "arguments_sha256" not in words] == []


def test_what_is_asked_is_reserved_under_every_cap(store: Store, claim: Claim) -> None:
    store.append(claim.lease, asks(300, day=5000))
    assert store.budgets("daemon", DAY, OWN, "day:2026-02-01") == {
        "daemon": BudgetRow(cap="daemon", reserved=300),
        DAY: BudgetRow(cap=DAY, reserved=300),
        OWN: BudgetRow(cap=OWN, reserved=300),
        "day:2026-02-01": BudgetRow(cap="day:2026-02-01"),
    }
    (row,) = store.spends(S)
    assert (row.spend_id, row.caps, row.state) == ("model:1", ("daemon", DAY, OWN), "reserved")


ENDS: dict[str, tuple[Event, int, str]] = {
    "a reply at its price": (costs(120), 120, "settled"),
    "a reply that cost nothing": (costs(0), 0, "refunded"),
    "a reply whose price nobody knows": (costs(None), 300, "held"),
    "a clean failure": (failed(is_free=True), 0, "refunded"),
    "a failure on the way": (failed(is_free=False), 300, "held"),
    "the next request": (ModelAsked(model="m", iteration=1), 300, "held"),
    "a turn that begins": (turn(attempt=2), 300, "held"),
    "a turn that ends": (ended("failed"), 300, "held"),
    "a summary": (
        Compacted(asked_by="ada", summary="s", kept=1, model="m", usage=Usage(), cost_micro_usd=70),
        70,
        "settled",
    ),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_request_to_a_model_is_settled_by(store: Store, claim: Claim, end: str) -> None:
    event, spent, state = ENDS[end]
    store.append(claim.lease, asks(300))
    store.append(claim.lease, event)
    assert used(store) == used(store, "daemon") == (spent, 0)
    (row,) = store.spends(S)
    assert (row.state, row.spent_micro_usd) == (state, spent)


def test_what_would_pass_a_cap_is_not_recorded(store: Store, claim: Claim) -> None:
    store.append(claim.lease, asks(600), costs(500))
    before = kinds(store)
    with pytest.raises(OverBudget) as refused:
        store.append(claim.lease, asks(501, "model:2"))
    error = refused.value
    assert (error.cap, error.used, error.limit, error.needed) == (OWN, 500, 1000, 501)
    assert (kinds(store), used(store), used(store, DAY)) == (before, (500, 0), (500, 0))
    store.append(claim.lease, asks(500, "model:2"))


def test_the_tightest_cap_counts(store: Store, claim: Claim) -> None:
    with pytest.raises(OverBudget) as refused:
        store.append(claim.lease, asks(300, day=299))
    assert refused.value.cap == DAY
    assert used(store, "daemon") == (0, 0)


def test_sessions_share_a_cap(store: Store, claim: Claim) -> None:
    new_session(store, T)
    other = claimed(store)
    store.append(claim.lease, asks(600, day=1000))
    caps = {"daemon": None, DAY: 1000, f"session:{T}": 1000}
    theirs = Spend(spend_id="model:1", micro_usd=401, caps=caps)
    with pytest.raises(OverBudget):
        store.append(other.lease, ModelAsked(model="m", iteration=1, spend=theirs))
    store.append(claim.lease, costs(599))
    store.append(other.lease, ModelAsked(model="m", iteration=1, spend=theirs))
    assert used(store, DAY) == (599, 401)


def test_a_call_is_settled_by_its_answer(store: Store, claim: Claim) -> None:
    store.append(claim.lease, replied("c1"), pays(400))
    assert used(store) == (0, 400)
    store.append(claim.lease, replace(answered(), cost_micro_usd=150))
    assert used(store) == (150, 0)


def test_a_job_goes_on_with_what_its_call_reserved(store: Store, claim: Claim) -> None:
    job = replace(job_started(), job_id=JobId("c1"))
    store.append(claim.lease, replied("c1"), pays(400), job, answered())
    assert used(store) == (0, 400)
    store.note(S, replace(job_ended(), job_id=JobId("c1"), cost_micro_usd=90))
    assert used(store) == (90, 0)


def test_a_job_of_which_nobody_can_tell_what_it_cost_is_held(store: Store, claim: Claim) -> None:
    job = replace(job_started(), job_id=JobId("c1"))
    store.append(claim.lease, replied("c1"), pays(400), job, answered())
    store.note(S, replace(job_ended(), job_id=JobId("c1"), cost_micro_usd=None))
    assert used(store) == (400, 0)


def test_what_starts_again_may_cost_again(store: Store, claim: Claim) -> None:
    reads = replace(pays(400), effect="read")
    store.append(claim.lease, replied("c1"), reads, reads)
    assert used(store) == (400, 400), "nobody can tell what the first start has cost"
    with pytest.raises(OverBudget):
        store.append(claim.lease, reads)
    store.append(claim.lease, replace(answered(), cost_micro_usd=150))
    assert used(store) == (550, 0)


def test_what_is_reserved_for_each_start_has_a_row(store: Store, claim: Claim) -> None:
    reads = replace(pays(100), effect="read")
    store.append(claim.lease, replied("c1"), reads, reads, reads)
    store.append(claim.lease, replace(answered(), cost_micro_usd=30))
    assert [(row.spend_id, row.state, row.spent_micro_usd) for row in store.spends(S)] == [
        ("c1", "settled", 30),
        ("c1/1", "held", 100),
        ("c1/2", "held", 100),
    ]


def test_one_id_is_not_reserved_after_it_was_settled(store: Store, claim: Claim) -> None:
    store.append(claim.lease, asks(300), costs(100))
    with pytest.raises(StateConflict, match="model:1"):
        store.append(claim.lease, asks(300))


def test_less_than_nothing_makes_no_room(store: Store, claim: Claim) -> None:
    with pytest.raises(InputError):
        store.append(claim.lease, asks(-1))


def reached(cap: str = OWN) -> BudgetReached:
    return BudgetReached(cap=cap, used=1000, limit=1000, needed=5)


def test_an_extension_makes_room_and_wakes_the_session(store: Store, claim: Claim) -> None:
    store.append(claim.lease, asks(1000), costs(1000), reached())
    store.finish(claim, ended("waiting", f"budget:{OWN}"))
    assert store.extend(S, OWN, 700, "ada") == 2
    assert store.events(S)[-1].event == BudgetExtended(cap=OWN, amount=700, extended_by="ada")
    claim = claimed(store)
    assert claim.op == ExtendBudget(cap=OWN)
    store.append(claim.lease, turn(2), asks(700, "model:2"))


def test_two_clicks_extend_once(store: Store, claim: Claim) -> None:
    seq = store.append(claim.lease, reached())[-1]
    store.finish(claim, ended("waiting", f"budget:{OWN}"))
    assert store.extend(S, OWN, 700, "ada") == 2
    assert store.extend(S, OWN, 700, "bob") is None
    claim = claimed(store)
    store.append(claim.lease, turn(2))
    assert store.extend(S, OWN, 700, "eve", answers=seq) is None
    assert store.budgets(OWN)[OWN].extended == 700
    store.append(claim.lease, reached())
    assert store.extend(S, OWN, 700, "bob") == 3


def test_a_request_that_comes_again_after_the_session_went_on_extends_once(
    store: Store, claim: Claim
) -> None:
    store.append(claim.lease, reached())
    store.finish(claim, ended("waiting", f"budget:{OWN}"))
    assert store.extend(S, OWN, 700, "ada", key="k") == 2
    claim = claimed(store)
    store.append(claim.lease, turn(2))
    assert store.extend(S, OWN, 700, "ada", key="k") is None
    store.append(claim.lease, reached())
    store.finish(claim, ended("waiting", f"budget:{OWN}"))
    assert store.extend(S, OWN, 700, "ada", key="k") is None, "it answers what was reached before"
    assert store.budgets(OWN)[OWN].extended == 700
    assert store.extend(S, OWN, 700, "ada", key="l") == 3


def test_room_may_be_given_before_it_is_needed(store: Store, claim: Claim) -> None:
    assert store.extend(S, DAY, 5, "ada", key="k") == 2
    assert store.extend(S, DAY, 5, "ada", key="k") is None
    assert store.extend(S, DAY, 5, "ada") == 3
    assert store.budgets(DAY)[DAY].extended == 10


@pytest.mark.parametrize("amount", [0, -5, 10**16])
def test_a_cap_grows_by_sensible_amounts_only(store: Store, claim: Claim, amount: int) -> None:
    with pytest.raises(InputError):
        store.extend(S, OWN, amount, "ada")


def test_a_cap_does_not_grow_beyond_what_is_counted(store: Store, claim: Claim) -> None:
    assert store.extend(S, DAY, MOST_AMOUNT, "ada")
    with pytest.raises(InputError, match="In all"):
        store.extend(S, DAY, 1, "ada")
    assert store.budgets(DAY)[DAY].extended == MOST_AMOUNT


def test_a_level_is_told_once_whoever_tells_it(store: Store, claim: Claim) -> None:
    told = BudgetNoticed(cap=DAY, percent=50, used=5, limit=10)
    store.append(claim.lease, asks(5), told, replace(told, percent=80))
    for level in (50, 80):
        with pytest.raises(StateConflict):
            store.append(claim.lease, replace(told, percent=level))
    own = replace(told, cap="tokens")
    store.append(claim.lease, own)
