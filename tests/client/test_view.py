import pytest

from ml_intern.client.view import fold
from ml_intern.events import (
    ApprovalDecided,
    CompactRequested,
    InterruptRequested,
    ModelChanged,
    ModelFailed,
    TurnStarted,
    UnknownResolved,
)
from ml_intern.messages import ApprovalId, CallId, Usage
from tests.cli.journals import (
    NO_MODEL,
    Journal,
    at,
    evaluation,
    finished_journal,
    forked_journal,
    lost_journal,
    published_journal,
)


def test_steps_carry_the_time_from_start_to_end_with_waiting() -> None:
    view = fold(published_journal())

    seconds = {step.tool: step.seconds() for step in view.steps}

    assert seconds["inspect_dataset"] == 2.0
    assert seconds["watch_job"] == 10.0


def test_a_running_step_has_the_time_until_now() -> None:
    journal = Journal().reply(("c1", "bash", {"command": "sleep 9"}))
    view = fold(journal.start("c1", "bash", {"command": "sleep 9"}, 2.0))

    assert [step.tool for step in view.now_running] == ["bash"]
    assert view.now_running[0].seconds(at(5.0)) == 3.0


def test_artefacts_are_absolute_paths_from_facts_and_answers() -> None:
    view = fold(published_journal())

    assert view.artefacts == {
        "model_dir": "/state/sessions/1/workspace/runs/1",
        "model_card": "/state/sessions/1/workspace/runs/1/README.md",
        "picture": "/state/sessions/1/workspace/runs/1/loss_curve.png",
        "reproduce": "/state/sessions/1/workspace/runs/1/reproduce",
        "published": "/published/local/digits",
    }
    assert view.repo_id == "local/digits"


def test_results_and_metrics_have_the_names_that_scripts_know() -> None:
    view = fold(published_journal())

    assert list(view.results) == ["weights", "loss_curve", "model_card", "reproduce", "published"]
    assert view.results["weights"] == view.workspace / "runs/1/model.safetensors"
    assert list(view.metrics) == ["validation", "test"]
    assert view.metrics["test"]["rows"] == view.measured("test")["rows"]


def test_tokens_are_summed_up() -> None:
    view = fold(Journal().reply().reply())

    assert view.usage == Usage(input_tokens=20, output_tokens=4)
    assert (view.input_tokens, view.output_tokens, view.cost_usd) == (20, 4, 0.0)
    unknown = fold(Journal().reply(cost=None).reply(cost=30))
    assert (unknown.cost_usd, unknown.known_cost_micro_usd) == (None, 30)


def test_an_approval_is_open_until_it_is_decided() -> None:
    asked = fold(finished_journal())
    decided = fold(published_journal())

    assert list(asked.approvals) == ["a9"]
    assert asked.needs_person
    assert not decided.approvals


def test_an_approval_whose_call_was_answered_otherwise_is_closed() -> None:
    journal = finished_journal().finish("c9", "publish", {"error": "interrupted"}, ok=False)

    assert not fold(journal).approvals


def test_edited_arguments_are_those_of_the_step() -> None:
    journal = finished_journal()
    journal.add(
        ApprovalDecided(
            approval_id=ApprovalId("a9"),
            call_id=CallId("c9"),
            verdict="edit",
            arguments={"model_dir": "runs/2"},
            arguments_sha256="0",
            decided_by="ada",
            reason="",
        )
    )
    step = fold(journal).step(CallId("c9"))

    assert step is not None
    assert step.arguments == {"model_dir": "runs/2"}


@pytest.mark.parametrize(
    "note",
    [
        "[ada edited the arguments; this ran: {}]",
        "[arguments repaired: a code fence was taken off]",
    ],
)
def test_the_answer_of_a_call_is_read_behind_the_note_on_its_arguments(note: str) -> None:
    journal = Journal().tool("c1", "publish", f'{note}\n{{"repo_id": "a/b"}}')

    assert fold(journal).steps[0].answer == {"repo_id": "a/b"}


def test_a_question_is_open_until_its_call_has_an_answer() -> None:
    journal = Journal().reply(("c1", "ask_person", {"question": "Which file?"}))
    journal.start("c1", "ask_person", {"question": "Which file?"}, 0.0).wait("c1", "answer:c1")

    assert fold(journal).questions == {"c1": "Which file?"}
    assert fold(journal.finish("c1", "ask_person", {"answer": "a.csv"})).questions == {}


def test_a_lost_call_is_open_until_somebody_says_what_became_of_it() -> None:
    journal = lost_journal()
    view = fold(journal)
    assert list(view.unknowns) == ["c1"]
    assert view.needs_person
    assert [step.state for step in view.steps] == ["unknown"]
    said = UnknownResolved(call_id=CallId("c1"), choice="retry", resolved_by="ada")
    view = fold(journal.add(said))
    assert not view.needs_person
    assert [step.state for step in view.steps] == ["planned"]


def test_a_lost_call_that_was_answered_otherwise_is_closed() -> None:
    view = fold(lost_journal().finish("c1", "publish", "Not finished: ada stopped it.", ok=False))
    assert not view.needs_person
    assert [step.state for step in view.steps] == ["failed"]


def test_waiting_for_a_job_is_no_question() -> None:
    journal = Journal().reply(("c1", "watch_job", {})).start("c1", "watch_job", {}, 0.0)

    assert not fold(journal.wait("c1", "job:c0")).needs_person


def test_training_shows_progress_pace_and_the_best_accuracy() -> None:
    journal = Journal().job("j", 0.0).progress("j", 10, 10.0, loss=2.0, epoch=1.0)
    journal.progress("j", 30, 20.0, loss=1.0, eval_accuracy=0.9).progress(
        "j", 50, 30.0, eval_accuracy=0.8
    )
    job = fold(journal).running_jobs[0]

    assert (job.step, job.max_steps, job.share) == (50, 100, 0.5)
    assert job.seconds_left(at(30.0)) == 25.0
    assert job.seconds_left(at(35.0)) == 20.0
    assert (job.accuracy, job.best_accuracy) == (0.8, 0.9)
    assert job.losses.values() == [2.0, 1.0]


def test_a_loss_that_is_not_finite_is_shown_as_unknown_and_leaves_the_curve() -> None:
    journal = Journal().job("j").progress("j", 1, 1.0, loss=2.0).progress("j", 2, 2.0, loss=None)
    job = fold(journal).running_jobs[0]

    assert job.loss is None
    assert job.losses.values() == [2.0]


def test_a_long_course_of_losses_is_thinned_out() -> None:
    journal = Journal().job("j")
    for step in range(3000):
        journal.progress("j", step, float(step), loss=float(step))
    job = fold(journal).running_jobs[0]

    values = job.losses.values()

    assert len(values) <= 512
    assert values[0] < 20
    assert values[-1] > 2900
    assert values == sorted(values)


def test_metrics_are_those_of_the_weights_that_were_tested() -> None:
    journal = Journal()
    journal.tool("c1", "evaluate", {}, evaluation("validation", 0.90, "old", "runs/1"))
    journal.tool("c2", "evaluate", {}, evaluation("validation", 0.96, "best", "runs/2"))
    journal.tool("c3", "evaluate", {}, evaluation("test", 0.95, "best", "runs/2"))
    journal.tool("c4", "evaluate", {}, evaluation("validation", 0.91, "other", "runs/3"))
    view = fold(journal)
    validation, test = view.measured("validation"), view.measured("test")

    assert validation is not None
    assert test is not None
    assert (validation["metrics"]["accuracy"], test["metrics"]["accuracy"]) == (0.96, 0.95)


def test_before_the_test_metrics_and_weights_are_those_of_the_best_run() -> None:
    journal = Journal()
    journal.tool("c1", "evaluate", {}, evaluation("validation", 0.52, "first", "runs/1"))
    journal.tool("c2", "evaluate", {}, evaluation("validation", 0.52, "equal", "runs/2"))
    journal.tool("c3", "evaluate", {}, evaluation("validation", 0.48, "last", "runs/3"))
    view = fold(journal)
    validation = view.measured("validation")

    assert validation is not None
    assert validation["weights_sha256"] == "first"
    assert view.results["weights"].parent.name == "1"


def test_nothing_was_measured_before_our_evaluation() -> None:
    assert (
        fold(Journal().job("j").progress("j", 1, 1.0, eval_accuracy=0.99)).measured("validation")
        is None
    )


def test_a_new_turn_takes_the_old_end_away() -> None:
    journal = Journal().end("failed", "no")

    assert fold(journal).outcome == "failed"
    assert fold(journal.add(TurnStarted(op_seq=2, attempt=1))).outcome is None


@pytest.mark.parametrize(("outcome", "stopping"), [("waiting", True), ("finished", False)])
def test_stopping_shows_only_while_there_is_something_to_stop(outcome: str, stopping: bool) -> None:
    journal = Journal().end(outcome).add(InterruptRequested(asked_by="ada", reason=""))

    assert fold(journal).stopping is stopping


def test_one_unknown_price_makes_the_cost_unknown() -> None:
    assert fold(Journal().reply(cost=5).reply(cost=7)).known_cost_micro_usd == 12
    assert fold(Journal().reply(cost=5).reply(cost=None).reply(cost=7)).cost_usd is None


def test_malformed_arguments_of_a_model_are_no_arguments() -> None:
    journal = Journal()
    journal.reply(("c1", "bash", {}))
    event = journal.recorded[-1].event
    assert event.kind == "model_replied"
    object.__setattr__(event.tool_calls[0], "arguments", '{"command": ')

    assert fold(journal).steps[0].arguments == {}


def test_time_that_a_person_took_is_no_working_time() -> None:
    journal = Journal().ask("a1", "c1", "publish").end("waiting", "", ("approval:a1",), 90.0)
    journal.add(TurnStarted(op_seq=2, attempt=1), 450.0).end("finished", seconds=460.0)
    journal.add(TurnStarted(op_seq=3, attempt=1), 9000.0).end("finished", seconds=9010.0)

    view = fold(journal)

    assert (view.working_s, view.waited_s, view.wall_s) == (110.0, 360.0, 9010.0)


def test_time_without_a_model_is_neither_a_persons_nor_working_time() -> None:
    journal = Journal().end("waiting", "", NO_MODEL, 10.0)
    journal.add(TurnStarted(op_seq=2, attempt=1), 310.0)
    assert fold(journal).models_at is None
    journal.end("waiting", "", (*NO_MODEL, "approval:a1"), 320.0)
    journal.add(TurnStarted(op_seq=3, attempt=1), 420.0).end("finished", seconds=425.0)

    view = fold(journal)

    assert (view.working_s, view.waited_s, view.wall_s) == (25.0, 100.0, 425.0)


@pytest.mark.parametrize(
    ("outcome", "waiting_on", "waited_s"),
    [("finished", (), 0.0), ("waiting", ("approval:a1",), 90.0), ("waiting", NO_MODEL, 0.0)],
)
def test_what_is_changed_between_two_turns_is_no_work(
    outcome: str, waiting_on: tuple[str, ...], waited_s: float
) -> None:
    journal = Journal().end(outcome, "", waiting_on, 10.0)
    journal.add(ModelChanged(model="m", asked_by="ada", effort="low"), 70.0)
    journal.add(CompactRequested(op_seq=3, asked_by="ada"), 100.0)

    view = fold(journal)
    assert (view.working_s, view.waited_s) == (10.0, waited_s)

    journal.add(TurnStarted(op_seq=4, attempt=1), 110.0).end("finished", seconds=112.0)
    assert fold(journal).working_s == 12.0


def test_a_fork_has_the_plan_that_its_parent_had() -> None:
    items = [{"step": "Train", "status": "pending"}]
    assert fold(forked_journal(items)).plan == items


def test_time_that_a_job_took_is_working_time() -> None:
    journal = Journal().job("j").end("waiting", "", ("job:j",), 10.0).job_end("j")
    journal.add(TurnStarted(op_seq=2, attempt=1), 500.0).end("finished", seconds=510.0)

    assert fold(journal).working_s == 510.0


def test_what_was_wrong_with_a_model_counts_until_it_answers() -> None:
    journal = Journal().add(ModelFailed(model="autopilot", error="x", retry_in_s=None))
    journal.add(ModelFailed(model="b", error="y", retry_in_s=None))
    assert fold(journal).failures == {"autopilot": "x", "b": "y"}
    assert fold(journal.reply()).failures == {"b": "y"}
    assert fold(journal.add(ModelChanged(model="m", asked_by="ada"))).failures == {}
