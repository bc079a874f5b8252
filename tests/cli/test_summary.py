import os

import pytest

from ml_intern.cli.summary import (
    heading,
    how_to_answer,
    how_to_go_on,
    lines,
    summary,
    tilde,
    tildes,
)
from ml_intern.client.view import fold
from ml_intern.events import Compacted, ModelFailed, ModelSwitched, TurnStarted
from ml_intern.messages import Usage
from tests.cli.journals import (
    NO_MODEL,
    Journal,
    at,
    evaluation,
    finished_journal,
    published_journal,
)


def test_a_trace_that_could_not_be_written_is_not_named_as_if_it_were_there(tmp_path) -> None:
    trace = tmp_path / "s.jsonl"
    found = summary(fold(published_journal()), trace=trace)
    assert not found["trace_written"]
    assert dict(lines(found))["trace"].startswith(f"not there yet: {trace} ")
    trace.touch()
    found = summary(fold(published_journal()), trace=trace)
    assert found["trace_written"]
    assert dict(lines(found))["trace"] == str(trace)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
def test_a_trace_in_a_folder_of_somebody_else_is_not_there_and_no_error(tmp_path) -> None:
    tmp_path.chmod(0)
    found = summary(fold(published_journal()), trace=tmp_path / "s.jsonl")
    tmp_path.chmod(0o700)
    assert not found["trace_written"]


def test_a_summary_has_metrics_paths_and_cost() -> None:
    found = summary(fold(published_journal()), trace=None)

    assert (found["outcome"], found["exit_code"]) == ("finished", 0)
    assert found["metrics"]["validation"] == {
        "rows": 180,
        "accuracy": 0.9667,
        "macro_f1": 0.9667,
        "loss": 0.1,
    }
    assert found["artefacts"]["published"] == "/published/local/digits"
    assert (found["wall_s"], found["cost_usd"]) == (21.5, 0.0)
    assert found["jobs"][0]["status"] == "succeeded"


def test_what_was_not_measured_is_null() -> None:
    found = summary(fold(Journal().end("failed", "no data")), trace=None)

    assert found["metrics"] == {"validation": None, "test": None}
    assert found["artefacts"]["weights"] is None


def test_every_end_has_its_own_words() -> None:
    ends = ("finished", "failed", "stopped", "interrupted", "waiting")

    assert [heading(fold(Journal().end(outcome))) for outcome in ends] == [
        "Done",
        "Failed",
        "Stopped at a limit",
        "Interrupted",
        "Waiting",
    ]
    assert heading(fold(Journal())) == "Not finished"
    assert heading(fold(finished_journal().end("waiting"))) == "Waiting for you"
    assert heading(fold(Journal().job("j").end("waiting"))) == "Waiting for a training job"
    assert heading(fold(Journal().end("waiting", waiting_on=NO_MODEL))) == "Waiting for a model"


def test_a_job_that_runs_on_is_told() -> None:
    (advice,) = how_to_go_on(fold(Journal().job("j").end("finished")))

    assert "runs on (train.py)" in advice
    assert "ml-intern interrupt 11111111" in advice
    assert "ml-intern resume 11111111 follows it" in advice


def test_a_job_that_a_daemon_looks_after_is_attached_to() -> None:
    (advice,) = how_to_go_on(fold(Journal().job("j").end("waiting")), is_hosted=True)
    assert "ml-intern attach 11111111 follows it" in advice


def test_a_wait_for_a_model_needs_nobody_and_says_until_when() -> None:
    view = fold(Journal().end("waiting", "m is away", NO_MODEL))
    found = summary(view, trace=None)
    assert (found["answer_with"], found["models_asked_again_at"]) == (
        [],
        "2026-01-31T12:05:00.000Z",
    )
    (advice,) = how_to_go_on(view)
    local = view.models_at.astimezone().strftime("%Y-%m-%d %H:%M")
    assert advice.startswith(f"no model answers, and one is asked again at {local}: ml-intern ")
    assert "ml-intern resume 11111111 follows it" in advice
    assert "it goes on by itself: ml-intern attach" in how_to_go_on(view, is_hosted=True)[0]


def test_a_turn_that_failed_for_its_models_says_what_kind_it_is_and_how_to_choose_another() -> None:
    journal = Journal().add(
        ModelFailed(model="a", error="x", retry_in_s=None, trouble="authentication")
    )
    journal.add(ModelFailed(model="b", error="x", retry_in_s=None, trouble="billing"))
    advices = how_to_go_on(fold(journal.end("failed", "a: x; b: x")))
    assert advices[0] == (
        "a: no key, or one that is not accepted, b: nothing left in the account; mend that, or "
        "have another model asked: ml-intern model 11111111 NAME"
    )
    assert "ml-intern say 11111111" in advices[1]


@pytest.mark.parametrize("later", ["another answered", "another turn"])
def test_what_a_model_failed_for_before_is_no_reason_now(later: str) -> None:
    journal = Journal().add(ModelFailed(model="a", error="x", retry_in_s=None, trouble="billing"))
    if later == "another answered":
        journal.reply()
    else:
        journal.end("failed").add(TurnStarted(op_seq=2, attempt=1))
    assert len(how_to_go_on(fold(journal.end("failed", "no data")))) == 1


def words_of(journal: Journal, label: str) -> str | None:
    return dict(lines(summary(fold(journal), trace=None))).get(label)


def test_the_model_is_named_and_why_it_is_not_the_sessions_own() -> None:
    journal = Journal()
    assert words_of(journal, "model") == "autopilot"
    reason = "Nobody answers at http://x, so autopilot cannot be asked. Start the server."
    journal.add(ModelSwitched(model="m", instead_of="autopilot", reason=reason))
    assert words_of(journal, "model") == "m instead of autopilot: Nobody answers at http://x"
    journal.add(ModelSwitched(model="autopilot", instead_of="m", reason="it answers again"))
    assert words_of(journal, "model") == "autopilot"


def test_while_none_answers_no_model_is_said_to_go_on() -> None:
    journal = Journal().add(ModelSwitched(model="m", instead_of="autopilot", reason="away"))
    journal.add(ModelFailed(model="m", error="It is busy.", retry_in_s=30.0), 270.0)
    words = f"autopilot: no answer at present, asked again at {at(300).astimezone():%H:%M:%S}"
    assert words_of(journal, "model") == words
    assert words_of(journal.end("waiting", "", NO_MODEL), "model") == words


def test_compactions_are_told() -> None:
    summed_up = Compacted(
        asked_by="ml-intern", summary="", kept=2, model="m", usage=Usage(), cost_micro_usd=0
    )
    journal = Journal()
    assert words_of(journal, "summed up") is None
    words = "by m: the last 2 messages stay as they were."
    assert words_of(journal.add(summed_up), "summed up") == words
    assert words_of(journal.add(summed_up), "summed up") == f"2 times, the last time {words}"


def test_done_needs_no_advice() -> None:
    assert how_to_go_on(fold(published_journal())) == []


def test_what_was_cut_off_is_resumed_and_what_ended_is_spoken_to() -> None:
    assert "ml-intern resume 11111111" in how_to_go_on(fold(Journal()))[0]
    assert "ml-intern say 11111111" in how_to_go_on(fold(Journal().end("interrupted")))[0]


def test_an_accuracy_stands_with_its_interval() -> None:
    fact = evaluation("validation", 0.9889)
    fact.data["accuracy_interval_95"] = [0.9604, 0.9969]
    journal = Journal().tool("c1", "evaluate", {}, fact).end("finished")

    assert dict(lines(summary(fold(journal), trace=None)))["validation"] == (
        "98.9 % accuracy (95 % interval 96.0 to 99.7 %), macro F1 0.989, loss 0.100, 180 rows"
    )


def test_what_another_process_works_on_is_neither_unfinished_nor_to_be_gone_on_with() -> None:
    view = fold(Journal())

    assert heading(view, 42) == "Going on"
    (advice,) = how_to_go_on(view, 42)
    assert advice.startswith("process 42 works on it: ml-intern attach 11111111 shows how")


def test_paths_below_home_are_short_and_still_right_in_a_shell(monkeypatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")

    assert tilde("/home/ada/state/x") == "~/state/x"
    assert tilde("/home/ada/my state") == "/home/ada/my state"
    assert tilde("/home/adam/x") == "/home/adam/x"
    assert tildes("in a/home/ada/x or (/home/ada/x).") == "in a/home/ada/x or (~/x)."


def test_several_open_calls_are_answered_together_or_one_by_one() -> None:
    one = how_to_answer(fold(Journal().ask("a1", "c1", "publish").end("waiting")))
    assert one == ["ml-intern approve a1", 'ml-intern deny a1 --reason "..."']

    two = how_to_answer(
        fold(Journal().ask("a1", "c1", "publish").ask("a2", "c2", "publish").end("waiting"))
    )
    assert two[:2] == ["ml-intern approve 11111111", 'ml-intern deny 11111111 --reason "..."']
    assert two[2] == "ml-intern approve a1"
    assert len(two) == 6
