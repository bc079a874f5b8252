"""The fold: what is counted, and what ends the count."""

import pytest

from ml_intern.events import Hinted, TurnFinished, Undone, UserSaid
from tests.session.guards.given import TASK, answered, conduct_after, replied, round_of

THRICE = [event for number in range(3) for event in round_of(number)]
SPOKE = [replied("done")]


def test_a_round_is_judged_when_all_its_calls_have_answers():
    journal = [TASK, *THRICE[:-1]]
    assert conduct_after(journal).repetition is None
    assert conduct_after([TASK, *THRICE]).repetition.times == 3


def test_calls_of_one_answer_may_be_answered_in_any_order():
    journal = [TASK]
    for number in range(3):
        one, two = f"{number}-1", f"{number}-2"
        journal.append(replied(calls=[(one, "bash", "a"), (two, "bash", "b")]))
        order = [(one, "x"), (two, "y")] if number % 2 else [(two, "y"), (one, "x")]
        journal += [answered(call_id, output) for call_id, output in order]
    assert conduct_after(journal).repetition.shown == "bash a and bash b"


def test_one_new_answer_among_several_calls_is_progress():
    journal = [TASK]
    for number in range(4):
        one, two = f"{number}-1", f"{number}-2"
        journal.append(replied(calls=[(one, "bash", "a"), (two, "bash", "b")]))
        journal += [answered(one), answered(two, f"step {number}")]
    assert conduct_after(journal).repetition is None


def test_a_poll_whose_answer_changes_is_no_repetition():
    journal = [event for number in range(9) for event in round_of(number, output=f"step {number}")]
    assert conduct_after([TASK, *journal]).repetition is None


@pytest.mark.parametrize(
    "news",
    [
        [UserSaid(text="go on", author="ada")],
        [Undone(asked_by="ada", words="train it")],
        [
            replied(calls=[("q", "ask_person", "{}")]),
            answered("q", '{"answer": "go on"}', answered_by="person"),
        ],
    ],
    ids=["words", "undo", "answer"],
)
def test_a_person_ends_every_count(news):
    spoiled = [
        *THRICE,
        replied("half", stop_reason="length"),
        Hinted(text="h", about="length"),
        Hinted(text="h", about="plan"),
    ]
    conduct = conduct_after([TASK, *spoiled, *news])
    assert conduct.repetition is None
    assert (conduct.cut, conduct.begun, +conduct.hints) == (0, [], {})


def test_a_refusal_of_a_person_is_an_answer_like_any_other():
    journal = [TASK]
    for number in range(3):
        journal.append(replied(calls=[(str(number), "publish", "{}")]))
        no = {"ok": False, "answered_by": "person", "tool": "publish"}
        journal.append(answered(str(number), "ada said no.", **no))
    assert conduct_after(journal).repetition.times == 3


def test_words_are_to_be_judged_until_a_hint_or_an_end_has_followed():
    assert conduct_after([TASK, *SPOKE]).words == SPOKE[0]
    for event in (Hinted(text="h"), TurnFinished(outcome="finished", detail="done"), TASK):
        assert conduct_after([TASK, *SPOKE, event]).words is None


def test_a_call_ends_the_count_of_hints_but_not_of_repetitions():
    hints = [Hinted(text="h", about=about) for about in ("plan", "empty", "repetition")]
    conduct = conduct_after([TASK, *THRICE, *hints, *round_of(3)])
    assert +conduct.hints == {"repetition": 1}


def test_another_call_ends_the_count_of_repetitions():
    journal = [TASK, *THRICE, Hinted(text="h", about="repetition"), *round_of(3, "other")]
    assert +conduct_after(journal).hints == {}


def test_an_answer_that_was_cut_counts_unless_one_of_its_calls_worked():
    cut = replied(calls=[("1", "bash", "{}"), ("2", "write", '{"pa')], stop_reason="length")
    refused = answered("2", "cut off", ok=False, answered_by="router")
    assert conduct_after([TASK, cut, refused]).cut == 1
    assert conduct_after([TASK, cut, answered("1"), refused]).cut == 0
