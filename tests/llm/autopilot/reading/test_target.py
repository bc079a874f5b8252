"""Targets, doubts about them, and numbers that are neither: one row per wording."""

import pytest

from ml_intern.llm.autopilot.objective import Metric, Target
from ml_intern.llm.autopilot.reading import read
from ml_intern.llm.autopilot.reading.target import read_bare_number

FRAMES = ("Classify the mails in mails.csv by folder, {}.", "Train on mails.csv. {}")

NINETY = """
at least nine out of ten
nine out of ten are enough
nine in ten right
at least nine out of ten correct
get nine out of ten right
it should be correct nine times out of ten
9/10 correct
9 of 10 correct
9 out of 10
90%
>= 90%
90 % or better
with 90%
90%, please
90%+
about 90 % would suffice
.9 acc
0,9 accuracy
90 percent accuracy
ninety percent correct
an error rate below 10%
less than 10 % errors
at most one in ten wrong
it may be wrong at most 1 time in 10
no more than 10% mistakes
fewer than one in ten misclassified
one in ten may be wrong
acc>0.9
val_acc 0.9
val. acc. >= 0.9
acc. 0.9
accuracy: 90
acuracy 0.9
accurracy of 90%
validaton accuracy 0.9
classifcation accuracy: 90 %
validation accuracy must not be under 90%
must not drop below 90 %
minimum accuracy 0.9
better than 90%
not below 0.9
no lower than 0.9
target 0.9
goal: 90%
score 0.9
a hit rate of 90 %
success rate of 90 percent
a 9/10 hit rate
aim for 0.9
achieve 0.9
beat 90%
should be 90% accurate
be right 90% of the time
stop when it gets 90% right
stop at 90%
until val accuracy hits 90
good enough at 90 %
nine tenths correct
accuracy of nine tenths
at 0.9 or better
0.9 or more
ninety percent suffices
90% would be great
I'm content with ninety percent
raise accuracy from 82 % to 90 %
from 70% to 90%
90-95 % accuracy
90 to 95 % accuracy
between 90% and 95% accuracy
no fewer than 9 out of 10 correct
at least nine of every ten right
90 out of every 100 right
ninety out of a hundred right
let it be right in nine of ten cases
at least 90 % of the rows right
at least ninety percent of them should come out right
100 % local, 90 % accuracy
aim at an error of 10%
the labels are 95 % clean; reach 90 %
""".strip().splitlines()

OTHERS: list[tuple[str, float, Metric]] = [
    ("four in five right", 0.8, "accuracy"),
    ("two thirds correct", 0.666667, "accuracy"),
    ("2/3 of them right", 0.666667, "accuracy"),
    ("three quarters correct", 0.75, "accuracy"),
    ("half of them right", 0.5, "accuracy"),
    ("half the time right", 0.5, "accuracy"),
    ("99 of 100 correct", 0.99, "accuracy"),
    ("right nineteen times out of twenty", 0.95, "accuracy"),
    ("accuracy of 1,0", 1.0, "accuracy"),
    ("macro f1 ≥ .8", 0.8, "macro_f1"),
    ("macro-averaged F1 of 80 percent", 0.8, "macro_f1"),
    ("F1 macro above 0.9", 0.9, "macro_f1"),
    ("F1 (macro) of at least 0.8", 0.8, "macro_f1"),
    ("F1 score > 0.85", 0.85, "macro_f1"),
    ("cross-entropy under 0.25", 0.25, "loss"),
    ("loss < 0.25", 0.25, "loss"),
]

DOUBTFUL = """
I need 90
I want 92
make it good, 90
quality of 90 %
quality 0.9
performance: 0.9
mindestens 90 % Genauigkeit
with at lest 90%
as close to 100% as possible
precision of 0.9
weighted F1 of 0.9
F1 (weighted) above 0.9
micro-averaged F1 above 90 %
balanced accuracy of 0.9
accuracy 0.9 and recall 0.8
accuracy of 90 % and macro F1 of 80 %
90 % accuracy on validation, 85 % on test
110% accuracy
keep only rows with a confidence above 0.8
""".strip().splitlines()

NEITHER = """
90% of the rows are in English
there are 9 of 10 files
30% of the labels are wrong
90 % of the labels are correct
it has 10% noise
the classes are imbalanced, 90% to 10%
about 20 % of the texts are German
3 of 5 columns are empty
this is file 9 of 10
20% faster please
with 15 % for testing
half of the rows are duplicates
5 out of 10 rows lack a label
one in three mails is spam
80 % spam, 20 % ham
we have 50 % spam in it
keep 10 % for validation
written on 9/10
24/7 operation
version 0.9
Python 0.9
dropout 0.1
use at most 50 % of the memory
use 80% of the GPU
a third of the messages is empty
run it on 2 of 4 cores
two thirds of the data is English
the file is 0.9 GB
the mails of 2023 and 2024
page 3/4 of the report
10 rows of 100 are shown
""".strip().splitlines()


@pytest.mark.parametrize("wording", NINETY)
@pytest.mark.parametrize("frame", FRAMES)
def test_ninety_percent_is_understood(frame: str, wording: str) -> None:
    found = read(frame.format(wording))
    assert (found.target, found.doubt) == (Target(value=0.9), None)


@pytest.mark.parametrize(("wording", "value", "metric"), OTHERS)
def test_other_shares_and_metrics(wording: str, value: float, metric: Metric) -> None:
    found = read(FRAMES[0].format(wording))
    assert (found.target, found.doubt) == (Target(value=value, metric=metric), None)


@pytest.mark.parametrize("wording", DOUBTFUL)
@pytest.mark.parametrize("frame", FRAMES)
def test_what_is_not_clear_is_a_doubt_and_never_dropped(frame: str, wording: str) -> None:
    found = read(frame.format(wording))
    assert found.target is None
    assert found.doubt


@pytest.mark.parametrize("wording", NEITHER)
@pytest.mark.parametrize("frame", FRAMES)
def test_numbers_that_describe_are_no_target_and_no_doubt(frame: str, wording: str) -> None:
    found = read(frame.format(wording))
    assert (found.target, found.doubt) == (None, None)


@pytest.mark.parametrize(
    ("answer", "value"),
    [("90 %", 0.9), ("0.9", 0.9), ("90", 0.9), ("nine out of ten", 0.9), ("about 85 %", 0.85)],
)
def test_an_answer_may_be_a_bare_number(answer: str, value: float) -> None:
    assert read_bare_number(read_as_digits(answer)) == (Target(value=value), None)


def read_as_digits(answer: str) -> str:
    return answer.replace("nine out of ten", "9 out of 10")


ON_TEST = """
macro F1 of .85 on the test split
at least 90 percent accuracy on the test part
90% accuracy on test
accuracy of 0.9 on the held-out test set
test accuracy of 0.9
""".strip().splitlines()
NOT_ON_TEST = """
macro F1 of .85, then score test once
90% accuracy on the validation set, keep test for the end
accuracy of 0.9 with a test set of 20 %
""".strip().splitlines()


@pytest.mark.parametrize("frame", FRAMES)
def test_the_split_of_a_target_is_the_one_that_is_named(frame: str) -> None:
    found = {
        text: target.split if (target := read(frame.format(text)).target) else None
        for text in (*ON_TEST, *NOT_ON_TEST)
    }
    assert found == dict.fromkeys(ON_TEST, "test") | dict.fromkeys(NOT_ON_TEST, "validation")


def test_a_share_that_stands_far_from_its_metric_is_a_doubt() -> None:
    found = read("I'd like 9 out of 10 tickets in a.csv routed correctly by a classifier")
    assert found.target is None
    assert found.doubt is not None
