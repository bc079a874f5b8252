"""Whole conversations with a pretend workplace: what the planner does, asks, repairs and says."""

import json
from typing import Any

import pytest

from ml_intern.llm.autopilot.words import NOTHING_DONE
from ml_intern.messages import NOT_FINISHED, AssistantMessage, ToolMessage, UserMessage
from tests.llm.autopilot.world import (
    Broken,
    Outcome,
    Talk,
    Values,
    World,
    image_report,
    run,
    talk,
    text_report,
)

DIGITS = (
    "Train a scaled-down Vision Transformer from scratch on the handwritten digits dataset, "
    "reach 95 % validation accuracy, write a model card and publish it."
)
TICKETS = "Train a text classifier on tickets.jsonl and reach 90 % accuracy."
OUT_OF_MEMORY = (
    "RuntimeError: [enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate "
    "memory: you tried to allocate 94371840 bytes."
)


def failed(error: str, **details: Any) -> Outcome:
    """A run that ends with a traceback."""
    trace = f"Traceback (most recent call last):\n  File train.py\n{error}"
    return Outcome(status="failed", error=error, traceback=trace, **details)


# ---- the straight way --------------------------------------------------------------------------


def test_the_straight_way_takes_every_step_once_and_in_order() -> None:
    world = World()
    said = run(world, DIGITS)
    assert world.order() == [
        "inspect_dataset",
        "survey_hardware",
        "prepare_dataset",
        "estimate_memory",
        "write_recipe",
        "dummy_forward",
        "smoke_test",
        "launch_training",
        "watch_job",
        "evaluate",
        "write_model_card",
        "write_reproduce_bundle",
        "publish",
    ]
    assert [call["split"] for call in world.named("evaluate")] == ["validation", "test"]
    assert "Target reached: 97 %" in said
    assert "Test, scored once: accuracy 97 %" in said
    assert "me/handwritten-digits-image-classifier" in said


def test_the_recipe_gets_the_facts_of_the_data() -> None:
    world = World()
    run(world, DIGITS)
    (call,) = world.named("write_recipe")
    values = call["values"]
    assert call["recipe"] == "image_classification"
    assert (values["train_dir"], values["validation_dir"]) == (
        "data/data/train",
        "data/data/validation",
    )
    assert (values["image_size"], values["patch_size"], values["num_channels"]) == (8, 2, 1)
    assert "model_name_or_path" not in values
    assert "num_labels" not in values


def test_the_plan_is_written_first_kept_few_and_closed() -> None:
    world = World()
    run(world, DIGITS)
    plans = world.named("plan")
    assert world.calls[0][0] == "plan"
    assert len(plans) <= 9
    assert {item["status"] for item in plans[-1]["items"]} == {"done"}
    assert any("accuracy of at least 95 %" in item["step"] for item in plans[0]["items"])


def test_settings_of_the_person_are_used_at_their_word() -> None:
    world = World(text_report())
    run(
        world,
        "Fine-tune /models/tiny on tickets.jsonl for 2 epochs, learning rate 3e-4, batch size 24, "
        "seed 7, max length 64, save it to out/tickets, 15 % of the rows for validation, "
        "no publishing, within 30 minutes.",
    )
    values = world.named("write_recipe")[0]["values"]
    assert values["model_name_or_path"] == "/models/tiny"
    assert "hidden_size" not in values
    assert values["num_train_epochs"] == 2
    assert values["learning_rate"] == 3e-4
    assert values["per_device_train_batch_size"] == 24
    assert (values["seed"], values["max_length"]) == (7, 64)
    (prepared,) = world.named("prepare_dataset")
    assert (prepared["seed"], prepared["validation_fraction"]) == (7, 0.15)
    (launched,) = world.named("launch_training")
    assert launched == {"path": "train.py", "output_dir": "out/tickets", "timeout_s": 1800}
    assert world.named("publish") == []


def test_fine_tuning_without_a_model_says_that_it_started_from_scratch() -> None:
    said = run(World(text_report()), "Fine-tune a small model on tickets.jsonl, 90 %.")
    assert "No model to fine-tune was named" in said


def test_a_folder_outside_the_workspace_is_not_written_to() -> None:
    world = World(text_report())
    said = run(world, "Train on tickets.jsonl and save the model to /srv/models")
    assert world.named("launch_training")[0]["output_dir"] == "runs/1"
    assert "/srv/models lies outside the workspace" in said


def test_columns_come_from_the_words_before_the_inspection() -> None:
    world = World(text_report())
    run(world, "Classify tickets.jsonl; use column body as text and MOOD as label.")
    (call,) = world.named("prepare_dataset")
    assert (call["text_column"], call["label_column"]) == ("body", "mood")


def test_a_column_that_is_spoken_of_is_the_label() -> None:
    world = World(text_report())
    run(world, "Sort the messages in tickets.jsonl by mood.")
    assert world.named("prepare_dataset")[0]["label_column"] == "mood"


# ---- repairs -----------------------------------------------------------------------------------


def test_memory_that_runs_out_in_the_forward_pass_halves_the_batch_and_keeps_the_effective() -> (
    None
):
    def check(stage: str, values: Values) -> None:
        if values["per_device_train_batch_size"] > 64:
            raise Broken(OUT_OF_MEMORY, traceback=f"Traceback\n{OUT_OF_MEMORY}", exit_code=1)

    world = World(check=check)
    said = run(world, f"{DIGITS} Use a batch size of 256.")
    first, *_, last = world.scripts
    before, after = first.splitlines(), last.splitlines()
    changed = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    assert changed == [
        (
            "    per_device_train_batch_size: int = 256",
            "    per_device_train_batch_size: int = 64",
        ),
        ("    gradient_accumulation_steps: int = 1", "    gradient_accumulation_steps: int = 4"),
    ]
    assert world.named("propose_change") == []
    assert "Target reached" in said
    assert "per_device_train_batch_size 256 → 64" in said


def out_of_memory_above(rows: int) -> Any:
    """A check that fails while more rows than that go through the model at a time."""

    def check(stage: str, values: Values) -> None:
        if values["per_device_train_batch_size"] > rows:
            raise Broken(OUT_OF_MEMORY, traceback=f"Traceback\n{OUT_OF_MEMORY}", exit_code=1)

    return check


def test_a_batch_that_was_asked_for_is_kept_in_parts_and_words_and_card_say_so() -> None:
    world = World(check=out_of_memory_above(128))
    chat = talk(world)
    said = chat.say(f"{DIGITS} Use a batch size of 512.")
    assert world.named("propose_change") == []
    told = [m.text for m in chat.messages if isinstance(m, AssistantMessage)]
    assert any("You asked for a batch of 512" in text for text in told)
    kept = (
        "The batch of 512 rows that was asked for is made in 4 passes of 128; the step is the same."
    )
    assert kept in said
    assert kept in world.named("write_model_card")[0]["summary"]


def test_a_batch_that_was_asked_for_is_still_asked_for_when_the_script_is_written_anew() -> None:
    world = World(text_report(), check=out_of_memory_above(128))
    chat = talk(world)
    chat.say("Train on tickets.jsonl with a batch size of 512.")
    chat.say("Take another label column: mood")
    written = world.named("write_recipe")[-1]["values"]
    assert len(world.named("write_recipe")) == 2
    assert written["per_device_train_batch_size"] == 512


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ("per_device_train_batch_size=64", "per_device_train_batch_size"),
        ("a per-device batch size of 64", "per_device_train_batch_size"),
        ("batch size 64, gradient accumulation 2", "gradient_accumulation_steps"),
    ],
)
def test_parts_of_a_batch_that_were_asked_for_are_changed_only_after_a_yes(
    words: str, what: str
) -> None:
    willing = World(check=out_of_memory_above(32))
    assert "Target reached" in run(willing, f"{DIGITS} Use {words}.")
    assert [asked["what"] for asked in willing.named("propose_change")] == [what]
    unwilling = World(check=out_of_memory_above(32), consent=lambda _asked: False, answers=["stop"])
    run(unwilling, f"{DIGITS} Use {words}.")
    assert unwilling.named("edit") == []


def test_memory_that_runs_out_while_training_is_repaired_in_a_new_folder() -> None:
    def train(values: Values) -> Outcome:
        if values["per_device_train_batch_size"] > 16:
            return failed(OUT_OF_MEMORY, verdicts=["out_of_memory"])
        return Outcome()

    world = World(train=train)
    assert "Target reached" in run(world, DIGITS)
    assert [call["output_dir"] for call in world.named("launch_training")] == ["runs/1", "runs/2"]
    assert world.order().count("smoke_test") == 2


@pytest.mark.parametrize(
    "error",
    [
        "CUDA out of memory. Tried to allocate 2.00 GiB",
        "MemoryError",
        "OSError: [Errno 12] Cannot allocate memory",
        "Killed by signal 9; the system does that when memory runs out.",
    ],
)
def test_memory_runs_out_in_many_words(error: str) -> None:
    def check(stage: str, values: Values) -> None:
        if stage == "smoke_test" and values["per_device_train_batch_size"] > 16:
            raise Broken(error, traceback=None, exit_code=137)

    world = World(check=check)
    assert "Target reached" in run(world, DIGITS)
    assert world.values()["per_device_train_batch_size"] == 16
    assert world.values()["gradient_accumulation_steps"] == 2


def test_an_estimate_that_does_not_fit_shrinks_the_batch_before_the_script_is_written() -> None:
    world = World()
    world.memory_batch = 20
    run(world, f"{DIGITS} batch size 48")
    values = world.named("write_recipe")[0]["values"]
    assert values["per_device_train_batch_size"] * values["gradient_accumulation_steps"] == 48
    assert values["per_device_train_batch_size"] <= 20
    assert world.named("edit") == []


def test_a_batch_of_one_that_does_not_fit_is_handed_over() -> None:
    def check(stage: str, values: Values) -> None:
        raise Broken(OUT_OF_MEMORY, traceback="Traceback", exit_code=1)

    world = World(check=check, answers=["stop"])
    said = run(world, DIGITS + " batch size 2")
    assert "can't allocate memory" in world.questions[-1]
    assert "Stopped" in said
    assert world.named("launch_training") == []


IMPORTING = (
    'Traceback (most recent call last):\n  File "/workspace/train.py", line 54, in <module>\n'
    '    from transformers import (\n  File "<frozen importlib._bootstrap>", line 1176, in '
    "_find_and_load\nMemoryError"
)


@pytest.mark.parametrize(
    ("limit", "named"),
    [
        (
            {"memory_limit_bytes": 2_200_000_000, "memory_limit_from": "memory_limit_bytes"},
            ("memory_limit_bytes in config.toml", "2.2 GB.", "2.7 GB are enough"),
        ),
        (
            {"memory_limit_bytes": 2_200_000_000, "memory_limit_from": "RLIMIT_AS"},
            ("RLIMIT_AS", "ulimit -v", "2.2 GB.", "2.7 GB are enough"),
        ),
        (
            {"memory_limit_bytes": 3_000_000_000, "memory_limit_from": "RLIMIT_AS"},
            ("3.0 GB.", "2.7 GB are enough; here it takes more"),
        ),
        (
            {"memory_limit_bytes": 300_000_000, "memory_limit_from": "cgroup"},
            ("control group", "0.3 GB", "at least 0.5 GB"),
        ),
        ({"available_memory_bytes": 200_000_000}, ("this machine", "0.2 GB", "at least 0.5 GB")),
    ],
)
def test_memory_that_runs_out_while_loading_changes_nothing_and_names_the_limit(
    limit: dict[str, Any], named: tuple[str, ...]
) -> None:
    def check(stage: str, values: Values) -> None:
        raise Broken("MemoryError", traceback=IMPORTING, exit_code=1)

    world = World(check=check, answers=["again", "stop"])
    machine = world._survey_hardware({})
    world.overrides["survey_hardware"] = lambda _arguments: machine | limit
    needed = {"total_bytes": 500_000_000, "fits": True, "largest_batch_size_that_fits": 64}
    world.overrides["estimate_memory"] = lambda _arguments: needed
    run(world, DIGITS)
    assert world.named("edit") == []
    assert len(world.named("dummy_forward")) == 2
    assert all(word in world.questions[0] for word in (*named, "before the first batch"))
    assert "from transformers import" in world.questions[0]


def test_a_job_that_runs_out_of_memory_without_a_traceback_had_its_first_batch_in_the_checks() -> (
    None
):
    def train(values: Values) -> Outcome:
        if values["per_device_train_batch_size"] > 16:
            return Outcome(status="failed", error="MemoryError", verdicts=["out_of_memory"])
        return Outcome()

    world = World(train=train)
    assert "Target reached" in run(world, DIGITS)
    assert world.values()["per_device_train_batch_size"] == 16


def test_memory_that_runs_out_while_measuring_leaves_training_as_it_is() -> None:
    trace = (
        'Traceback (most recent call last):\n  File "trainer.py", line 9, in evaluation_loop\n'
        f'  File "torch/nn/modules/module.py", line 9, in _call_impl\n{OUT_OF_MEMORY}'
    )

    def train(values: Values) -> Outcome:
        if values["per_device_eval_batch_size"] > 64:
            return Outcome(
                status="failed", error=OUT_OF_MEMORY, traceback=trace, verdicts=["out_of_memory"]
            )
        return Outcome()

    world = World(train=train)
    assert "Target reached" in run(world, DIGITS)
    changed = {call["new"].partition(":")[0].strip() for call in world.named("edit")}
    assert changed == {"per_device_eval_batch_size"}
    assert world.values()["per_device_eval_batch_size"] == 64


def test_a_script_of_which_not_even_one_row_would_fit_is_handed_over_unchanged() -> None:
    memory = {"total_bytes": 9 << 30, "available_bytes": 1 << 30, "fits": False}
    memory["largest_batch_size_that_fits"] = 0
    world = World(answers=["stop"])
    forward = {"report": {"parameters": 7}, "memory": memory, "fits": False}
    world.overrides["dummy_forward"] = lambda _arguments: forward
    run(world, DIGITS)
    assert world.named("edit") == []
    assert "not even one row" in world.questions[0]
    assert "at least 9.7 GB" in world.questions[0]


def test_one_class_too_many_sets_the_true_number() -> None:
    def check(stage: str, values: Values) -> None:
        if 0 < values["num_labels"] < 10:
            error = f"IndexError: Target {values['num_labels']} is out of bounds."
            raise Broken(error, traceback=f"Traceback\n{error}", exit_code=1)

    world = World(check=check)
    said = run(world, f"{DIGITS} There are 9 classes.")
    assert world.named("write_recipe")[0]["values"]["num_labels"] == 9
    assert [call["new"] for call in world.named("edit")] == ["    num_labels: int = 10"]
    (asked,) = world.named("propose_change")
    assert (asked["what"], asked["was"], asked["becomes"]) == ("num_labels", "9", "10")
    assert "Target 9 is out of bounds" in asked["why"]
    assert world.order().index("propose_change") < world.order().index("edit")
    assert "num_labels 9 → 10" in said


def test_a_class_count_that_the_person_insists_on_is_not_touched_and_handed_over() -> None:
    def check(stage: str, values: Values) -> None:
        error = "IndexError: Target 9 is out of bounds."
        raise Broken(error, traceback=f"Traceback (most recent call last):\n{error}", exit_code=1)

    world = World(check=check, consent=lambda _asked: False, answers=["stop"])
    run(world, f"{DIGITS} There are 9 classes.")
    assert world.named("edit") == []
    assert "out of bounds.\nMy repair would be num_labels 10" in world.questions[-1]


def nan_above(limit: float) -> Any:
    """A training that diverges with a high learning rate."""

    def train(values: Values) -> Outcome:
        if values["learning_rate"] > limit:
            rate = values["learning_rate"]
            error = f"FloatingPointError: loss is nan at step 3 (learning_rate={rate})"
            return failed(error, verdicts=["nan"])
        return Outcome()

    return train


def test_nan_with_our_own_learning_rate_lowers_it_to_a_tenth_without_asking() -> None:
    world = World(train=nan_above(5e-4))
    assert "Target reached" in run(world, DIGITS)
    assert world.named("propose_change") == []
    assert [call["new"] for call in world.named("edit")] == ["    learning_rate: float = 0.0001"]


def test_nan_with_the_persons_learning_rate_is_changed_only_after_a_yes() -> None:
    world = World(train=nan_above(2.0))
    said = run(world, f"{DIGITS} Learning rate 10.")
    (asked,) = world.named("propose_change")
    assert (asked["what"], asked["was"], asked["becomes"]) == ("learning_rate", "10", "1")
    assert "loss is nan" in asked["why"]
    assert world.named("edit") == [
        {
            "path": "train.py",
            "old": "    learning_rate: float = 10.0",
            "new": "    learning_rate: float = 1.0",
        }
    ]
    assert world.order().index("propose_change") < world.order().index("edit")
    assert "learning_rate 10.0 → 1.0" in said


def test_a_second_nan_goes_down_to_what_the_recipe_is_known_to_work_with() -> None:
    world = World(train=nan_above(0.05))
    assert "Target reached" in run(world, f"{DIGITS} Learning rate 10.")
    assert [asked["becomes"] for asked in world.named("propose_change")] == ["1", "0.001"]


def test_a_rate_that_is_far_off_goes_down_at_once() -> None:
    world = World(train=nan_above(0.05))
    assert "Target reached" in run(world, f"{DIGITS} Learning rate 1e30.")
    assert [asked["becomes"] for asked in world.named("propose_change")] == ["0.001"]


def test_a_denied_learning_rate_is_not_touched_and_handed_over() -> None:
    world = World(train=nan_above(2.0), consent=lambda _asked: False, answers=["stop"])
    said = run(world, f"{DIGITS} Learning rate 10.")
    assert world.named("edit") == []
    assert len(world.named("propose_change")) == 1
    assert "did not agree" in world.questions[-1]
    assert "Stopped" in said
    assert "loss is nan" in said


def test_after_a_denial_the_person_may_name_another_rate() -> None:
    world = World(
        train=nan_above(2.0), consent=lambda _asked: False, answers=["use learning rate 0.002"]
    )
    said = run(world, f"{DIGITS} Learning rate 10.")
    assert [call["new"] for call in world.named("edit")] == ["    learning_rate: float = 0.002"]
    assert "Target reached" in said


def test_nan_in_the_smoke_test_is_repaired_before_a_launch() -> None:
    def check(stage: str, values: Values) -> None:
        if stage == "smoke_test" and values["learning_rate"] > 2:
            raise Broken("A loss in it is not a finite number above zero.", exit_code=0)

    world = World(check=check)
    assert "Target reached" in run(world, f"{DIGITS} lr=10")
    assert len(world.named("launch_training")) == 1


def test_a_loss_logged_as_zero_is_nan_too() -> None:
    def train(values: Values) -> Outcome:
        bad = values["learning_rate"] > 5e-4
        return Outcome(accuracy=0.1, last={"loss": 0.0}) if bad else Outcome()

    world = World(train=train)
    assert "Target reached" in run(world, DIGITS)
    assert "learning_rate" in world.named("edit")[0]["new"]


def test_sizes_that_do_not_divide_are_mended() -> None:
    def check(stage: str, values: Values) -> None:
        if values["hidden_size"] % values["num_attention_heads"]:
            raise Broken("error: --hidden_size: 64 is not divisible by num_attention_heads=5")
        if values["image_size"] % values["patch_size"]:
            raise Broken("error: --patch_size: image_size=8 is not divisible by 3; use one of 1, 2")

    world = World(check=check)
    assert "Target reached" in run(world, f"{DIGITS} Use 5 heads and patch size 3.")
    assert world.values()["hidden_size"] == 65
    assert world.values()["patch_size"] == 2
    assert [asked["what"] for asked in world.named("propose_change")] == ["patch_size"]


def test_an_unknown_failure_is_handed_over_with_its_words_and_not_repeated() -> None:
    def check(stage: str, values: Values) -> None:
        raise Broken("ImportError: no module named nowhere", traceback="T", exit_code=1)

    world = World(check=check, answers=["again", "stop"])
    said = run(world, DIGITS)
    assert len(world.named("dummy_forward")) == 2
    assert "no module named nowhere" in world.questions[0]
    assert "Stopped" in said


def test_at_most_five_repairs_then_a_person_is_asked() -> None:
    world = World(train=lambda values: failed(OUT_OF_MEMORY), answers=["stop"])
    run(world, f"{DIGITS} batch size 1024")
    assert len(world.named("launch_training")) == 6
    assert len(world.questions) == 1
    assert "5 changes" in world.questions[0]
    assert "It is this machine, of which 6.4 GB were free" in world.questions[0]


def test_a_lost_job_goes_on_in_its_own_folder() -> None:
    world = World()
    ends = iter([Outcome(status="lost"), Outcome(status="lost"), Outcome()])
    world.train = lambda _values: next(ends)
    assert "Target reached" in run(world, DIGITS)
    assert [call["output_dir"] for call in world.named("launch_training")] == ["runs/1"] * 3
    assert world.named("edit") == []


def test_a_job_that_gets_lost_again_and_again_is_handed_over() -> None:
    world = World(train=lambda _values: Outcome(status="lost"), answers=["stop"])
    run(world, DIGITS)
    assert len(world.named("launch_training")) == 6
    assert len(world.questions) == 1


def test_a_cancelled_job_is_not_started_again_unasked() -> None:
    ends = iter([Outcome(status="cancelled"), Outcome()])
    world = World(train=lambda _values: next(ends), answers=["continue"])
    assert "Target reached" in run(world, DIGITS)
    assert len(world.questions) == 1
    assert len(world.named("launch_training")) == 2


@pytest.mark.parametrize(("words", "epochs"), [("continue", 25.0), ("Continue, 4 epochs", 4.0)])
def test_who_speaks_after_cancelling_a_job_is_not_asked_what_to_do(
    words: str, epochs: float
) -> None:
    world = World()
    chat = talk(world)

    def interrupted(_arguments: dict[str, Any]) -> None:
        raise InterruptedError

    world.overrides["watch_job"] = interrupted
    with pytest.raises(InterruptedError):
        chat.say(DIGITS)
    asked = chat.messages[-1]
    assert isinstance(asked, AssistantMessage)
    chat.messages += [
        ToolMessage(call_id=call.call_id, name=call.name, text="interrupted", is_error=True)
        for call in asked.tool_calls
    ]
    del world.overrides["watch_job"]
    ends = iter([Outcome(status="cancelled"), Outcome()])
    world.train = lambda _values: next(ends)

    assert "Target reached" in chat.say(words)

    assert world.questions == []
    assert len(world.named("launch_training")) == 2
    assert world.values()["num_train_epochs"] == epochs


def test_what_a_launch_misses_is_done_again() -> None:
    world = World()
    normal = world._launch_training
    refusals = iter([Broken("Call smoke_test.", missing=["smoke_test"])])

    def launch(arguments: dict[str, Any]) -> Any:
        for refusal in refusals:
            raise refusal
        return normal(arguments)

    world.overrides["launch_training"] = launch
    assert "Target reached" in run(world, DIGITS)
    assert len(world.named("smoke_test")) == 2


def test_an_edit_that_fails_falls_back_to_writing_the_recipe_anew() -> None:
    def refuse(_arguments: dict[str, Any]) -> Any:
        raise Broken("old does not occur")

    world = World(train=nan_above(5e-4), overrides={"edit": refuse})
    assert "Target reached" in run(world, DIGITS)
    assert world.values()["learning_rate"] == 1e-4
    assert len(world.named("write_recipe")) == 2


def test_a_setting_that_the_recipe_does_not_have_is_left_out() -> None:
    world = World(text_report())
    normal = world._write_recipe

    def write(arguments: dict[str, Any]) -> Any:
        if "warmup_steps" in arguments["values"]:
            raise Broken("The recipe has no argument warmup_steps; the nearest are seed.")
        return normal(arguments)

    world.overrides["write_recipe"] = write
    assert "Target reached" in run(world, TICKETS + " 100 warmup steps.")


# ---- improving ---------------------------------------------------------------------------------


def test_a_run_that_still_improves_is_made_longer() -> None:
    def train(values: Values) -> Outcome:
        enough = values["num_train_epochs"] >= 50
        falling = [1.0, 0.8, 0.6, 0.5, 0.4, 0.3, 0.2]
        return Outcome(accuracy=0.97 if enough else 0.9, losses=falling, train_accuracy=0.92)

    world = World(train=train)
    said = run(world, DIGITS)
    assert [call["new"] for call in world.named("edit")] == ["    num_train_epochs: float = 50.0"]
    assert "Target reached: 97 %" in said
    assert world.named("evaluate")[-1] == {"model_dir": "runs/2", "split": "test"}


def test_an_overfitted_run_is_regularised() -> None:
    def train(values: Values) -> Outcome:
        good = values["augment"] > 0.3
        return Outcome(accuracy=0.96 if good else 0.85, train_accuracy=1.0)

    world = World(train=train)
    assert "Target reached" in run(world, DIGITS)
    assert [call["new"] for call in world.named("edit")] == ["    augment: float = 0.6"]


def test_a_run_of_few_steps_gets_more_of_them_first() -> None:
    def train(values: Values) -> Outcome:
        good = values["num_train_epochs"] > 80
        return Outcome(accuracy=0.97 if good else 0.2, train_accuracy=0.2, steps=12)

    world = World(train=train)
    assert "Target reached" in run(world, DIGITS)
    assert [call["new"] for call in world.named("edit")] == ["    num_train_epochs: float = 100.0"]


def test_given_epochs_are_changed_only_after_a_yes() -> None:
    falling = [1.0, 0.8, 0.6, 0.5, 0.4, 0.3, 0.2]

    def train(values: Values) -> Outcome:
        return Outcome(accuracy=min(0.99, 0.1 * values["num_train_epochs"]), losses=falling)

    world = World(train=train)
    run(world, f"{DIGITS} for 5 epochs")
    assert world.named("propose_change")[0]["what"] == "num_train_epochs"
    assert world.named("propose_change")[0]["becomes"] == "10"

    unwilling = World(train=train, consent=lambda _asked: False, answers=["accept"])
    said = run(unwilling, f"{DIGITS} for 5 epochs")
    assert all(
        call["values"].get("num_train_epochs", 5) == 5 for call in unwilling.named("write_recipe")
    )
    assert not any("num_train_epochs" in call["new"] for call in unwilling.named("edit"))
    assert "NOT reached" in said


def test_a_missed_target_is_handed_over_after_five_changes_with_the_numbers() -> None:
    tried = iter([0.80, 0.82, 0.81, 0.85, 0.84, 0.83, 0.99])
    world = World(train=lambda _values: Outcome(accuracy=next(tried)), answers=["accept"])
    said = run(world, DIGITS)
    assert len(world.named("launch_training")) == 6
    (question,) = world.questions
    assert "85 %" in question
    assert all(f"change {number}" in question for number in range(1, 6))
    assert "change 6" not in question
    assert "Target NOT reached: 85 %" in said
    assert world.named("evaluate")[-1] == {"model_dir": "runs/4", "split": "test"}
    assert world.named("publish")[0]["model_dir"] == "runs/4"


def test_each_change_starts_from_the_best_run() -> None:
    tried = iter([0.80, 0.70, 0.82, 0.60, 0.83, 0.5, 0.5])
    world = World(train=lambda _values: Outcome(accuracy=next(tried)), answers=["stop"])
    run(world, DIGITS)
    runs = [values for _, values in world.jobs.values()]
    best = [0, 0, 0, 2, 2, 4]
    for index in range(1, len(runs)):
        base = runs[best[index]]
        changed = {name for name, value in runs[index].items() if base[name] != value}
        assert changed, index
        assert changed in ({"hidden_size", "intermediate_size"}, changed & {next(iter(changed))})


def test_no_combination_is_tried_twice() -> None:
    world = World(train=lambda _values: Outcome(accuracy=0.5), answers=["continue", "stop"])
    run(world, DIGITS)
    runs = [tuple(sorted(values.items())) for _, values in world.jobs.values()]
    assert len(runs) == len(set(runs)) > 6


def test_a_hand_over_after_which_nothing_was_learned_says_so_and_names_the_best_run() -> None:
    tried = iter([0.34, 0.36, 0.35, 0.33, 0.32, 0.30])
    world = World(
        text_report(), train=lambda _values: Outcome(accuracy=next(tried)), answers=["stop"]
    )
    said = run(world, TICKETS)
    for words in (world.questions[0], said):
        assert "most frequent class gives 33.33 %" in words
        assert "nothing was learned" in words
    assert "The best model, runs/2, has accuracy 36 %" in world.questions[0]


def test_a_hand_over_after_which_something_was_learned_does_not_say_otherwise() -> None:
    world = World(text_report(), train=lambda _values: Outcome(accuracy=0.55), answers=["stop"])
    said = run(world, TICKETS)
    assert "nothing was learned" not in world.questions[0] + said


def test_a_model_without_a_target_that_learned_nothing_is_not_praised() -> None:
    world = World(text_report(), train=lambda _values: Outcome(accuracy=0.34))
    said = run(world, "Train a text classifier on tickets.jsonl")
    assert "gives 33.33 %, and this model is not clearly better: nothing was learned." in said
    card = world.named("write_model_card")[0]
    assert "nothing was learned" in card["limitations"]


def test_a_model_that_learned_nothing_is_published_only_when_it_is_asked_for_again() -> None:
    world = World(text_report(), train=lambda _values: Outcome(accuracy=0.34))
    chat = talk(world)
    said = chat.say("Train a text classifier on tickets.jsonl and publish it")
    assert world.named("publish") == []
    assert "Not published: the model has learned nothing" in said
    chat.say("publish it")
    assert len(world.named("publish")) == 1


def test_a_second_column_of_text_is_not_left_out_silently() -> None:
    left_out = "Only column 'question' is read as text; 'answer' is left out."
    chat = talk(World(text_report(problems=[left_out])))
    chat.say("Train a text classifier on tickets.jsonl")
    assert any(left_out in m.text for m in chat.messages if isinstance(m, AssistantMessage))


def test_hand_over_may_end_with_stop() -> None:
    world = World(train=lambda _values: Outcome(accuracy=0.8), answers=["stop, that is enough"])
    said = run(world, DIGITS)
    assert "Stopped" in said
    assert "80 %" in said
    assert world.named("publish") == []
    assert [call["split"] for call in world.named("evaluate")] == ["validation"] * 6


def test_hand_over_may_lower_the_target() -> None:
    world = World(train=lambda _values: Outcome(accuracy=0.8), answers=["ok, 80 % is enough"])
    assert "Target reached: 80 %" in run(world, DIGITS)


def test_hand_over_that_nobody_answers_ends_honestly() -> None:
    world = World(train=lambda _values: Outcome(accuracy=0.8))
    said = run(world, DIGITS)
    assert "80 %" in said
    assert "no answer" in said
    assert world.named("publish") == []


def test_unintelligible_answers_end_honestly() -> None:
    world = World(train=lambda _values: Outcome(accuracy=0.8), answers=["hm", "well", "hm", "hm"])
    said = run(world, DIGITS)
    assert len(world.questions) == 2
    assert "cannot use the answers" in said


def test_without_a_target_the_first_good_run_is_delivered() -> None:
    world = World(train=lambda _values: Outcome(accuracy=0.6))
    said = run(world, "Train an image classifier on the handwritten digits dataset.")
    assert len(world.named("launch_training")) == 1
    assert "No target was named" in said


def test_a_target_on_f1_is_judged_by_f1() -> None:
    scores = iter([0.905, 0.93])
    world = World(text_report(), train=lambda _values: Outcome(accuracy=next(scores)))
    said = run(world, "Train on tickets.jsonl, macro F1 of at least 0.9")
    assert len(world.named("launch_training")) == 2
    assert "Target reached: 92 %" in said


# ---- questions ---------------------------------------------------------------------------------


def test_a_target_of_140_percent_is_asked_about() -> None:
    world = World(answers=["95 %"])
    said = run(world, "Train a ViT on the handwritten digits dataset to 140 % accuracy")
    assert len(world.questions) == 1
    assert "140 %" in world.questions[0]
    assert world.order()[0] == "ask_person"
    assert "Target reached: 97 %, asked was accuracy of at least 95 %" in said


def test_an_answer_about_the_target_that_says_nothing_is_asked_about_again() -> None:
    world = World(answers=["hm", "90 %"])
    said = run(world, "Train a ViT on the handwritten digits dataset, quality 0.9")
    assert len(world.questions) == 2
    assert "what 0.9 is to be" in world.questions[0]
    assert "asked was accuracy of at least 90 %" in said


def test_a_target_may_be_given_up_by_an_answer() -> None:
    world = World(answers=["no target"])
    said = run(world, "Train a ViT on the handwritten digits dataset, quality 0.9")
    assert len(world.questions) == 1
    assert "No target was named" in said


def test_a_setting_without_counterpart_is_asked_about_once() -> None:
    world = World(answers=["go on"])
    said = run(world, f"{DIGITS} Use momentum 0.9 and foo=3.")
    (question,) = world.questions
    assert "'momentum 0.9', 'foo=3'" in question
    assert world.order()[0] == "ask_person"
    assert "Target reached" in said


def test_an_answer_about_a_setting_may_name_another() -> None:
    world = World(answers=["then use a learning rate of 0.002"])
    run(world, f"{DIGITS} Use momentum 0.9.")
    assert len(world.questions) == 1
    assert world.named("write_recipe")[0]["values"]["learning_rate"] == 0.002


def test_a_missing_dataset_is_asked_for() -> None:
    world = World(text_report(), answers=["tickets.jsonl"])
    said = run(world, "Train a text classifier, 90 % accuracy")
    assert world.source == "tickets.jsonl"
    assert "Target reached" in said


def test_an_answer_in_words_names_a_dataset_too() -> None:
    world = World(answers=["the handwritten digits"])
    run(world, "Train an image classifier to 90 %")
    assert world.source == "handwritten digits"


def test_a_path_that_cannot_be_read_is_asked_about_with_the_reason() -> None:
    world = World(text_report(), answers=["use tickets.jsonl"])
    said = run(world, "Train a text classifier on missing.csv")
    assert "There is no file missing.csv" in world.questions[0]
    assert world.source == "tickets.jsonl"
    assert "tickets" in said


def test_two_unreadable_answers_end_with_the_reason() -> None:
    world = World(answers=["missing-2.csv", "missing-3.csv", "missing-4.csv"])
    said = run(world, "Train a text classifier on missing.csv")
    assert "missing-3.csv" in said
    assert len(world.questions) == 2


def test_an_unclear_label_is_asked_for_with_the_choices() -> None:
    report = text_report(
        mapping={"text": "body", "label": None, "image": None, "why": "two columns"},
        alternatives={"text": [], "label": ["kind", "mood"]},
    )
    world = World(report, answers=["mood please"])
    run(world, "Train a classifier on tickets.jsonl")
    assert "kind, mood" in world.questions[0]
    assert world.named("prepare_dataset")[0]["label_column"] == "mood"


def test_a_label_that_does_not_exist_is_asked_for_with_the_columns() -> None:
    world = World(text_report(), answers=["kind"])
    run(world, "Train a classifier on tickets.jsonl, label column: colour")
    assert "'colour'" in world.questions[0]
    assert "id, body, kind, mood" in world.questions[0]
    assert world.named("prepare_dataset")[0]["label_column"] == "kind"


def export_report(**changes: Any) -> dict[str, Any]:
    """A table whose guessed label is not the one that the person names."""
    columns = [
        ("subject", "string", 590),
        ("agent_reply", "string", 600),
        ("customer_said", "string", 600),
        ("handling_team", "string", 3),
        ("stars", "integer", 5),
        ("price_eur", "integer", 580),
    ]
    return text_report(
        columns=[
            {"name": name, "type": kind, "distinct": distinct, "missing": 0}
            for name, kind, distinct in columns
        ],
        mapping={"text": None, "label": "stars", "image": None, "why": ""},
        alternatives={"text": ["agent_reply", "customer_said"], "label": ["handling_team"]},
        **changes,
    )


def test_what_the_person_names_beats_the_guess() -> None:
    world = World(export_report())
    run(world, "Route what the customers said (a.csv) to the right handling_team.")
    (prepared,) = world.named("prepare_dataset")
    assert prepared["label_column"] == "handling_team"
    assert prepared["text_column"] == "customer_said"
    assert world.questions == []


def test_an_answer_about_a_column_may_name_the_target_too() -> None:
    world = World(
        export_report(), answers=["It is customer_said, of course. At least 90 % accuracy"]
    )
    said = run(world, "Sort the tickets in a.csv by team")
    (question,) = world.questions
    assert "agent_reply, customer_said" in question
    (prepared,) = world.named("prepare_dataset")
    assert (prepared["text_column"], prepared["label_column"]) == ("customer_said", "handling_team")
    assert "asked was accuracy of at least 90 %" in said


def test_several_named_columns_are_asked_about() -> None:
    world = World(export_report(), answers=["stars, please"])
    run(world, "Predict stars and handling_team from customer_said in a.csv")
    (question,) = world.questions
    assert question.startswith("Which column holds the label?")
    assert "stars, handling_team" in question
    assert world.named("prepare_dataset")[0]["label_column"] == "stars"


def test_a_named_label_that_holds_no_classes_is_asked_about() -> None:
    world = World(export_report(), answers=["handling_team"])
    run(world, "Classify the text column customer_said by subject in a.csv")
    assert "'subject' cannot be the label: it has 590 different values" in world.questions[0]
    assert world.named("prepare_dataset")[0]["label_column"] == "handling_team"


@pytest.mark.parametrize(
    "task",
    [
        "Predict price_eur from customer_said in a.csv",
        "Estimate price_eur in a.csv, 90 %",
        "Predict 'price_eur' from 'customer_said' in a.csv",
    ],
)
def test_many_numbers_as_the_label_are_refused_when_the_data_shows_them(task: str) -> None:
    world = World(export_report())
    chat = talk(world)
    said = chat.say(task)
    assert chat.refused
    assert "regression: 'price_eur' holds 580 different numbers" in said
    assert "ML_INTERN_MODEL" in said
    assert world.named("prepare_dataset") == []
    assert world.questions == []


def test_pictures_take_the_label_that_is_named() -> None:
    report = image_report(
        kind="image_folder",
        columns=[{"name": name} for name in ("image", "species", "place")],
        mapping={"image": "image", "label": "species", "text": None, "why": ""},
        alternatives={"text": [], "label": ["place"]},
    )
    world = World(report)
    run(world, "Sort the photos in ./leaves by place")
    assert world.named("prepare_dataset")[0]["label_column"] == "place"
    guessed = World(report)
    run(guessed, "Train an image classifier on ./leaves")
    assert "label_column" not in guessed.named("prepare_dataset")[0]


def test_blocked_data_is_not_trained_on() -> None:
    report = text_report(blocking=["All 600 rows have the label 'a'; there is nothing to learn."])
    world = World(report, answers=["stop"])
    said = run(world, TICKETS)
    assert "nothing to learn" in world.questions[0]
    assert world.named("prepare_dataset") == []
    assert "Stopped" in said


def test_data_of_no_supported_kind_is_not_trained_on() -> None:
    report = text_report(task=None, recipe=None, problems=["All columns are numbers."])
    world = World(report, answers=["stop"])
    run(world, "Train a model on tickets.jsonl")
    assert "All columns are numbers" in world.questions[0]
    assert "ML_INTERN_MODEL" in world.questions[0]
    assert world.named("write_recipe") == []


def test_a_model_that_cannot_be_loaded_is_asked_about() -> None:
    def check(stage: str, values: Values) -> None:
        if values["model_name_or_path"]:
            raise Broken("error: --model_name_or_path: some/model: not found", exit_code=2)

    world = World(text_report(), check=check, answers=["from scratch"])
    said = run(world, "Fine-tune some/model on tickets.jsonl")
    assert "some/model" in world.questions[0]
    assert world.values()["model_name_or_path"] == ""
    assert world.values()["learning_rate"] == 1e-3
    assert "Done." in said


# ---- what it cannot do -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "word"),
    [
        ("Summarise the articles in news.csv", "summarisation"),
        ("Run DPO on pairs.jsonl", "DPO"),
        ("Transcribe the audio files in ./clips", "speech"),
        ("Predict the rent in a.csv, RMSE below 200", "regression"),
        ("Reach BLEU of 40 classifying a.csv", "text generation"),
        ("Train an autoencoder on ./leaves", "autoencoder"),
        ("Fine-tune t5-small on pairs.csv", "language model"),
        ("Write me a poem", "training task"),
    ],
)
def test_other_families_are_refused_in_one_text_that_names_the_settings(
    task: str, word: str
) -> None:
    world = World()
    chat = talk(world)
    said = chat.say(task)
    assert chat.refused
    assert world.calls == []
    assert word in said
    assert "`model`" in said
    assert "ML_INTERN_MODEL" in said
    assert "LLM_ENDPOINT" in said
    assert "config.toml" in said


def test_missing_tools_are_named() -> None:
    world = World(without=frozenset({"smoke_test", "evaluate"}))
    said = run(world, DIGITS)
    assert world.calls == []
    assert "smoke_test, evaluate" in said


def test_optional_tools_may_be_missing() -> None:
    optional = frozenset(
        {"plan", "survey_hardware", "estimate_memory", "write_model_card", "publish", "ask_person"}
        | {"write_reproduce_bundle", "propose_change", "edit", "read"}
    )
    world = World(without=optional, train=nan_above(5e-4))
    said = run(world, DIGITS)
    assert "Target reached" in said
    assert "No model card" in said
    assert "Not published" in said


def test_a_question_that_cannot_be_asked_is_the_last_word() -> None:
    world = World(without=frozenset({"ask_person"}))
    assert "Which dataset should I train on?" in run(world, "Train a text classifier")


def test_a_task_that_was_not_done_is_refused_and_one_that_was_stopped_or_done_is_not() -> None:
    """The turn must end as failed, not as done; its words are the same."""
    beyond, done, unanswered = talk(World()), talk(World()), talk(World())
    beyond.say("Summarise the articles in news.csv")
    done.say(DIGITS)
    unanswered.say("Train a text classifier")
    stopped = talk(World(answers=["stop"]))
    stopped.say("Train a text classifier")
    ends = [chat.refused for chat in (beyond, done, unanswered, stopped)]
    assert ends == [True, False, True, False]


# ---- delivery ----------------------------------------------------------------------------------


def test_denied_publishing_is_the_end_and_everything_is_local() -> None:
    world = World(may_publish=False)
    said = run(world, DIGITS)
    assert len(world.named("publish")) == 1
    assert "Not published: ada said no: not yet." in said
    assert "local path" in said
    assert "runs/1/model.safetensors" in said


def test_a_reason_that_the_autopilot_cannot_act_on_is_answered_with_what_it_can() -> None:
    world = World(may_publish=False)
    chat = talk(world)
    said = chat.say(DIGITS)
    assert "cannot act on a reason; say `publish it`, or `publish it as NAME`" in said
    world.may_publish = True
    assert "Published as me/leaf-net" in chat.say("publish it as leaf-net")


def test_words_for_which_nothing_was_done_are_not_answered_as_if_something_was() -> None:
    world = World()
    chat = talk(world)
    first = chat.say(DIGITS)
    calls = len(world.calls)
    again = chat.say("Publish it again, please, with overwrite.")
    assert len(world.calls) == calls
    assert again == f"{NOTHING_DONE}\n{first}"


def test_a_repository_name_that_is_taken_gets_a_new_ending() -> None:
    world = World()
    world.taken = {"leaf-net"}
    said = run(world, f"{DIGITS} Publish it as alice/leaf-net.")
    names = [call["repo_name"] for call in world.named("publish")]
    assert names == ["leaf-net", "leaf-net-00000000"]
    assert "Published as me/leaf-net-00000000" in said


def test_publishing_may_be_asked_for_later() -> None:
    world = World()
    chat = talk(world)
    chat.say(f"{DIGITS.replace(' and publish it', '')} Don't publish.")
    assert world.named("publish") == []
    assert "Published as" in chat.say("Now publish it, please")
    assert len(world.named("launch_training")) == 1


def test_no_card_is_written_when_told_so() -> None:
    world = World()
    run(world, "Train a ViT on the handwritten digits dataset, no model card")
    assert world.named("write_model_card") == []


def test_a_test_split_that_was_scored_before_is_reported_and_not_asked_again() -> None:
    world = World()
    world.scored.add(("older", "test"))
    said = run(world, DIGITS)
    assert "scored already" in said
    assert len([c for c in world.named("evaluate") if c["split"] == "test"]) == 1
    assert world.named("publish")


def test_a_card_that_cannot_be_written_does_not_stop_the_rest() -> None:
    def refuse(_arguments: dict[str, Any]) -> Any:
        raise Broken("No space left on device")

    world = World(overrides={"write_model_card": refuse})
    said = run(world, DIGITS)
    assert "The model card could not be written: No space left on device" in said
    assert len(world.named("write_model_card")) == 2


# ---- steering ----------------------------------------------------------------------------------


def test_later_words_change_the_run() -> None:
    world = World()
    chat = talk(world)
    chat.say(f"{DIGITS} for 10 epochs")
    said = chat.say("use 40 epochs instead")
    assert [call["new"] for call in world.named("edit")] == ["    num_train_epochs: float = 40.0"]
    assert len(world.named("launch_training")) == 2
    assert world.named("propose_change") == []
    assert "Nothing had to be repaired" in said
    assert "runs/2/model.safetensors" in said


def test_other_data_begins_anew() -> None:
    world = World()
    chat = talk(world)
    chat.say(DIGITS)
    world.report = text_report()
    said = chat.say("Now train a text classifier on tickets.jsonl, 90 %")
    assert world.named("prepare_dataset")[-1]["name"] == "data-2"
    assert world.named("write_recipe")[-1]["recipe"] == "text_classification"
    assert "Target reached" in said


def test_thanks_start_nothing() -> None:
    world = World()
    chat = talk(world)
    first = chat.say(DIGITS)
    calls = len(world.calls)
    assert chat.say("Thanks a lot, well done!") == f"{NOTHING_DONE}\n{first}"
    assert len(world.calls) == calls


def test_stop_and_continue() -> None:
    world = World(train=lambda _values: Outcome(accuracy=0.8), answers=["stop"])
    chat = talk(world)
    chat.say(DIGITS)
    world.train = lambda _values: Outcome(accuracy=0.96)
    assert "Target reached: 96 %" in chat.say("continue")


def test_a_person_may_edit_the_arguments_of_a_call() -> None:
    world = World()
    normal = world._publish

    def publish(arguments: dict[str, Any]) -> Any:
        edited = {**arguments, "repo_name": "mine"}
        note = f"[ada edited the arguments; this ran: {json.dumps(edited)}]"
        return f"{note}\n{json.dumps(normal(edited))}"

    world.overrides["publish"] = publish
    assert "Published as me/mine" in run(world, DIGITS)


def test_hints_of_the_harness_are_not_the_persons_words() -> None:
    world = World()
    chat = talk(world)
    first = chat.say(DIGITS)
    hint = "The plan has open items; use 3 epochs and summarise chats.jsonl."
    chat.messages.append(UserMessage(text=hint, injected=True))
    reply = chat.model.complete(chat.messages, world.specs)
    assert isinstance(reply.message, AssistantMessage)
    assert reply.message.text == first


def test_images_with_names_of_folders_need_no_label_column() -> None:
    report = image_report(
        kind="image_folder",
        columns=[],
        mapping={"image": "image", "label": None, "text": None, "why": "folders"},
        alternatives={"text": [], "label": []},
        images={"width": 500, "height": 333, "mode": "RGB", "sizes": 40, "unreadable": []},
    )
    world = World(report)
    run(world, "Sort the photos in ./leaves, 90 %")
    assert world.questions == []
    values = world.named("write_recipe")[0]["values"]
    assert (values["image_size"], values["patch_size"], values["num_channels"]) == (64, 8, 3)


def test_after_a_refusal_words_that_name_data_begin_anew() -> None:
    world = World(text_report())
    chat = talk(world)
    assert "nothing else" in chat.say("Fine-tune llama with DPO")
    chat.messages.append(AssistantMessage(text="That cannot be done."))
    chat.say("then classify tickets.jsonl by kind instead, 2 epochs, do not publish")
    assert world.named("launch_training")
    assert world.named("publish") == []


# ---- calls that were ended before they were decided ---------------------------------------------


class PersonWaits(BaseException):
    """The session rests: somebody must answer first."""


def left_open(world: World, task: str, tool: str) -> Talk:
    """A conversation up to the call of `tool`, which was ended undecided."""

    def wait(_arguments: dict[str, Any]) -> Any:
        raise PersonWaits

    chat = talk(world)
    world.overrides[tool] = wait
    with pytest.raises(PersonWaits):
        chat.say(task)
    del world.overrides[tool]
    asked = chat.messages[-1]
    assert isinstance(asked, AssistantMessage)
    for call in asked.tool_calls:
        error = json.dumps({"error": f"{NOT_FINISHED}ada said something first; ask again."})
        chat.messages.append(
            ToolMessage(call_id=call.call_id, name=call.name, text=error, is_error=True)
        )
    return chat


@pytest.mark.parametrize("words", ["please do NOT publish this", "do not publish it"])
def test_words_against_publishing_win_over_the_open_question(words: str) -> None:
    world = World()
    chat = left_open(world, DIGITS, "publish")
    asked = len(world.named("publish"))
    said = chat.say(words)
    assert len(world.named("publish")) == asked
    assert "Published as" not in said


def test_publishing_is_asked_for_again_after_words_about_something_else() -> None:
    world = World()
    chat = left_open(world, DIGITS, "publish")
    assert "Published as" in chat.say("thanks, go on")


def test_a_proposal_that_was_not_decided_was_not_denied() -> None:
    world = World(train=nan_above(2.0))
    chat = left_open(world, f"{DIGITS} learning rate 5.0", "propose_change")
    asked = len(world.named("propose_change"))
    chat.say("go on")
    assert len(world.named("propose_change")) > asked


def test_words_after_an_interrupted_question_are_its_answer() -> None:
    world = World(
        text_report(
            mapping={"text": "body", "label": None, "image": None, "why": "two columns"},
            alternatives={"text": [], "label": ["kind", "mood"]},
        )
    )
    chat = left_open(world, "Train a classifier on tickets.jsonl", "ask_person")
    chat.say("mood")
    assert world.named("prepare_dataset")[0]["label_column"] == "mood"
