"""What the guards say, and how often before they end a turn."""

import pytest

from ml_intern.events import Hinted, TurnFinished
from ml_intern.session.guards import Standing
from tests.session.guards.given import TASK, answered, lived, outcomes, replied, round_of

OPEN = Standing(open_steps=["train", "evaluate"])


def test_words_with_nothing_open_are_the_end():
    assert lived([TASK, replied("95 %")]) == [TurnFinished(outcome="finished", detail="95 %")]


def test_the_third_round_alike_gets_one_hint_and_the_sixth_is_the_last():
    said = lived([TASK, *[event for number in range(6) for event in round_of(number, '{"x":1}')]])
    assert outcomes(said) == ["repetition", "stopped"]
    assert all('bash {"x":1}' in text for text in (said[0].text, said[1].detail))
    assert "3 times" in said[0].text
    assert "6 times" in said[1].detail


def test_a_circle_of_calls_is_named_call_by_call():
    journal = [TASK]
    for number in range(12):
        journal += round_of(number, "ab"[number % 2])
    said = lived(journal)
    assert outcomes(said) == ["repetition", "stopped"]
    assert "bash a, then bash b" in said[0].text


def test_after_another_call_the_same_hint_may_come_again():
    alike = [event for number in range(3) for event in round_of(number)]
    said = lived([TASK, *alike, *round_of(3, "other"), *alike])
    assert outcomes(said) == ["repetition", "repetition"]


def test_who_polls_while_a_job_runs_is_told_how_to_wait():
    alike = [event for number in range(3) for event in round_of(number)]
    (hint,) = lived([TASK, *alike], Standing(jobs=["train (j1)"]))
    assert "train (j1); wait for it with watch_job" in hint.text


def test_words_while_the_plan_is_open_get_two_hints_and_then_a_true_end():
    said = lived([TASK, *[replied(f"bye {number}") for number in range(3)]], OPEN)
    assert outcomes(said) == ["plan", "plan", "stopped"]
    assert "train; evaluate" in said[0].text
    assert said[2].detail.endswith("bye 2")


def test_a_call_between_two_words_gives_two_hints_again():
    said = lived([TASK, replied("a"), replied("b"), *round_of(1), replied("c")], OPEN)
    assert outcomes(said) == ["plan", "plan", "plan"]


def test_a_long_plan_is_named_in_short():
    steps = [f"{number} {'x' * 300}" for number in range(40)]
    (hint,) = lived([TASK, replied("bye")], Standing(open_steps=steps))
    assert "and 32 more" in hint.text
    assert len(hint.text) < 2_000


def test_words_that_were_cut_are_gone_on_with_three_times():
    cut = [replied(f"part {number}", stop_reason="length") for number in range(4)]
    said = lived([TASK, *cut])
    assert outcomes(said) == ["length", "length", "length", "stopped"]
    assert "part 0 … part 1 … part 2 … part 3" in said[3].detail


def test_the_end_of_words_that_were_cut_is_told_with_their_beginning():
    said = lived([TASK, replied("I measured 9", stop_reason="length"), replied("5 %.")])
    assert said[-1] == TurnFinished(outcome="finished", detail="I measured 9 … 5 %.")


def test_who_thinks_until_the_limit_is_told_to_take_smaller_steps():
    (hint,) = lived([TASK, replied("", stop_reason="length")])
    assert (hint.about, "small step" in hint.text) == ("length", True)


def test_four_answers_whose_calls_were_all_cut_end_the_turn():
    journal = [TASK]
    for number in range(4):
        call_id = f"call_{number}"
        journal.append(replied(calls=[(call_id, "write", f'{{"a{number}')], stop_reason="length"))
        journal.append(answered(call_id, "cut off", ok=False, answered_by="router"))
    assert outcomes(lived(journal)) == ["stopped"]


def test_who_gets_somewhere_may_be_cut_as_often_as_it_likes():
    journal = [TASK]
    for number in range(9):
        done, cut = f"done_{number}", f"cut_{number}"
        calls = [(done, "bash", "{}"), (cut, "write", f'{{"a{number}')]
        journal.append(replied(calls=calls, stop_reason="length"))
        journal.append(answered(done, f"line {number}"))
        journal.append(answered(cut, "cut off", ok=False, answered_by="router"))
    assert lived(journal) == []


@pytest.mark.parametrize("text", ["", " \n"])
def test_empty_answers_get_two_hints_and_then_the_turn_fails(text):
    said = lived([TASK, *[replied(text)] * 3])
    assert outcomes(said) == ["empty", "empty", "failed"]
    assert said[-1].detail == "m gave an empty answer 3 times"


def test_nothing_is_said_while_a_call_has_no_answer():
    alike = [event for number in range(6) for event in round_of(number)]
    assert outcomes(lived([TASK, *alike[:-1]])) == ["repetition"]


def test_every_hint_says_that_no_person_speaks():
    for journal in ([replied("")], [replied("x", stop_reason="length")]):
        (hint,) = lived([TASK, *journal])
        assert isinstance(hint, Hinted)
        assert hint.text.startswith("[ml-intern] ")
