"""What the planner says to people: questions, hand-overs and the last words. True numbers only."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ml_intern.llm.autopilot.answers import mapping, number, objects, text, whole
from ml_intern.llm.autopilot.case import Case, Run, Topic
from ml_intern.llm.autopilot.objective import METRIC_WORDS, Metric, Split, percent

OPENINGS: dict[Topic, str] = {
    "dataset": "Which dataset should I train on?",
    "data": "Which data should I use instead?",
    "target": "Which target should the model reach?",
    "setting": "What do you mean by this setting?",
    "label": "Which column holds the label?",
    "text": "Which column holds the text?",
    "model": "Which model should I start from?",
    "handover": "How should I go on?",
}
"""How each question begins; the answer is understood by it."""

BRING_AN_LLM = (
    "For everything else an LLM can plan the work: name one by the setting `model` in config.toml "
    "or by the variable ML_INTERN_MODEL or LLM_ENDPOINT (docs/settings.md)."
)


_SAID_NO_BECAUSE = re.compile(r".{1,200} said no: ")
NOTHING_DONE = (
    "Nothing was done for your last words: what they ask for was done before, or the autopilot, "
    "which plans by rules, did not find a task in them that it knows. What was said before stands:"
)
_BATCH = "per_device_train_batch_size"


def topic_of(question: str) -> Topic:
    """What a question of ours was about; a foreign one counts as a hand-over."""
    for topic, opening in OPENINGS.items():
        if question.startswith(opening):
            return topic
    return "handover"


def listed(items: Iterable[str], limit: int = 8) -> str:
    """`a, b and 3 more`."""
    found = list(items)
    shown = ", ".join(found[:limit])
    return shown if len(found) <= limit else f"{shown} and {len(found) - limit} more"


def cannot_do(what: str | None) -> str:
    """The plain refusal."""
    asked = (
        f"This task asks for {what}. " if what else "I do not find a training task in these words. "
    )
    return (
        f"{asked}The autopilot trains image classifiers and text classifiers and nothing else, so "
        f"I have not started anything. {BRING_AN_LLM}"
    )


def missing_tools(names: Iterable[str]) -> str:
    """The session lacks what it takes."""
    return (
        f"These tools are not offered in this session and nothing can be trained without them: "
        f"{', '.join(names)}. Allow them and say that I should continue."
    )


def score_words(run: Run | None, metric: Metric, split: Split = "validation") -> str:
    """`95.37 %`, or `0.31` for a loss; `not measured` where our evaluation has no number."""
    return measured_words(run.measured(metric, split) if run is not None else None, metric)


def measured_words(measured: float | None, metric: Metric) -> str:
    """A number of `metric` for people."""
    if measured is None:
        return "not measured"
    return f"{measured:.4g}" if metric == "loss" else percent(measured)


def all_scores(run: Run, split: Split) -> str:
    """Every metric of one split."""
    return ", ".join(
        f"{METRIC_WORDS[metric]} {score_words(run, metric, split)}"
        for metric in ("accuracy", "macro_f1", "loss")
    )


def history(case: Case) -> str:
    """What was tried, with our own numbers."""
    lines = [f"- run {index}: {_run_words(case, run)}" for index, run in enumerate(case.runs, 1)]
    lines += [f"- change {index}: {change}" for index, change in enumerate(case.changes, 1)]
    return "\n".join(lines)


def _run_words(case: Case, run: Run) -> str:
    if run.cause is not None:
        said = (text(run.ended or {}, "error") or text(run.ended or {}, "reason") or run.cause)[
            :200
        ]
        return f"failed ({said})"
    if run.validation is None:
        return f"weights in {run.output_dir}, not measured"
    return (
        f"{METRIC_WORDS[case.metric]} {score_words(run, case.metric)} on validation "
        f"({run.output_dir})"
    )


def last_words(case: Case, run: Run) -> str:
    """The summary of a session that came to its end with a model."""
    parts = [
        NOTHING_DONE if case.heard > 1 and not case.steps else "",
        _verdict(case, run),
        f"Validation: {all_scores(run, 'validation')}.",
        _test_words(case, run),
        baseline(case, run),
        _data_words(case),
        *_paper_words(run),
        _changes_words(case, run),
        _path_words(case, run),
        _publication_words(case, run),
        *_notes(case),
    ]
    return "\n".join(part for part in parts if part)


def _verdict(case: Case, run: Run) -> str:
    target = case.objective.target
    score = score_words(run, case.metric)
    if target is None:
        return f"Done. No target was named; {METRIC_WORDS[case.metric]} on validation is {score}."
    goal = f"{target.words()} on validation"
    if case.reaches_target(run):
        return f"Target reached: {score}, asked was {goal}.{_on_test(case, run)}"
    return f"Target NOT reached: {score}, asked was {goal}. You accepted the best model."


def _on_test(case: Case, run: Run) -> str:
    target = case.objective.target
    measured = run.measured(case.metric, "test")
    if target is None or target.split != "test" or measured is None:
        return ""
    met = "reached there too" if target.met_by(measured) else "NOT reached there"
    return f" You named the test split: {measured_words(measured, case.metric)}, {met}."


def _test_words(case: Case, run: Run) -> str:
    if run.test is not None:
        return f"Test, scored once: {all_scores(run, 'test')}."
    if case.earlier_test is not None:
        metrics = mapping(case.earlier_test, "metrics")
        accuracy = measured_words(number(metrics, "accuracy"), "accuracy")
        earlier = text(case.earlier_test, "model_dir") or "an earlier model"
        return f"Test was scored once already, for {earlier}: accuracy {accuracy}."
    return f"Test was not scored: {case.test_refused}" if case.test_refused else ""


def baseline(case: Case, run: Run | None) -> str:
    """What guessing gives; and, where the run is no better, what follows from that."""
    share = case.prepared.largest_share() if case.prepared is not None else None
    if not share:
        return ""
    guessed = f"Always answering the most frequent class gives {percent(share)}"
    if case.learned_nothing(run):
        return f"{guessed}, and this model is not clearly better: nothing was learned."
    return f"{guessed}."


def _data_words(case: Case) -> str:
    if case.prepared is None:
        return ""
    rows = ", ".join(
        f"{case.prepared.rows(split)} {split}" for split in ("train", "validation", "test")
    )
    dropped = ", ".join(
        f"{count} ({name.replace('_', ' ')})" for name, count in case.prepared.dropped().items()
    )
    left_out = f"; left out: {dropped}" if dropped else ""
    sample = case.script.values.get("max_train_samples") if case.script is not None else None
    is_sample = isinstance(sample, int) and 0 < sample < (case.prepared.rows("train") or 0)
    trained = f"; trained on a random {sample} of the train rows" if is_sample else ""
    return f"Data: {rows} rows, {case.prepared.num_labels} classes{left_out}{trained}."


def _paper_words(run: Run) -> list[str]:
    """What the paper says beside what was done here, and its sentences, as the card has them."""
    found = mapping(run.card or {}, "paper")
    compared = objects(found, "compared")
    if not found:
        return []
    quotes = list(dict.fromkeys(map(_quote, compared)))
    chosen = [f"{text(each, 'what')} {text(each, 'here')}" for each in objects(found, "chosen")]
    return [
        f"Beside the paper, {text(found, 'title')}:",
        *(f"- {_beside(each)} [{quotes.index(_quote(each)) + 1}]" for each in compared),
        *(f"[{number}] {quote}" for number, quote in enumerate(quotes, 1)),
        *([f"The paper does not say, and I chose: {', '.join(chosen)}."] if chosen else []),
    ]


def _beside(each: Mapping[str, Any]) -> str:
    why = f" ({text(each, 'why')})" if text(each, "why") else ""
    return f"{text(each, 'what')}: paper {text(each, 'paper')}, here {text(each, 'here')}{why}"


def _quote(each: Mapping[str, Any]) -> str:
    section = f" ({text(each, 'section')})" if text(each, "section") else ""
    return f"“{text(each, 'sentence')}”{section}"


def _changes_words(case: Case, run: Run) -> str:
    if not case.changes and case.steered:
        said = ", ".join(f"{name} {value}" for name, value in case.steered.items())
        return f"Changed as you said on the way: {said}. Nothing had to be repaired."
    if not case.changes:
        return "Nothing had to be repaired or changed."
    kept = ", ".join(changed(case, run)) or "nothing"
    tried = f"Changes tried: {len(case.changes)}. The delivered run differs in: {kept}."
    return " ".join(filter(None, [tried, _batch_words(case, run)]))


def _batch_words(case: Case, run: Run) -> str:
    """That a batch in parts is still the batch that was asked for."""
    rows, passes = _parts(run.values)
    asked_rows, asked_passes = _parts({**case.written, **case.objective.asked})
    wanted = asked_rows * asked_passes
    if rows == asked_rows or rows * passes != wanted:
        return ""
    theirs = " that was asked for" if _BATCH in case.objective.asked else ""
    return (
        f"The batch of {wanted} rows{theirs} is made in {passes} passes of {rows}; "
        "the step is the same."
    )


def _parts(values: Mapping[str, Any]) -> tuple[int, int]:
    """Rows of a pass, and passes of a step."""
    return whole(values, _BATCH) or 0, whole(values, "gradient_accumulation_steps") or 1


def changed(case: Case, run: Run) -> list[str]:
    """How the run's script differs from the one that was written first."""
    return [
        f"{name} {case.written[name]} → {value}"
        for name, value in run.values.items()
        if name in case.written and case.written[name] != value
    ]


def _path_words(case: Case, run: Run) -> str:
    parts = [f"weights {run.output_dir}/model.safetensors"]
    if run.card is not None:
        parts.append(f"model card {text(run.card, 'path')}")
        picture = text(run.card, "picture")
        parts += [f"loss curve {picture}"] if picture else []
    if run.bundle is not None:
        parts.append(f"reproduce bundle {text(run.bundle, 'path')}")
    return "In the workspace: " + ", ".join(parts) + "."


def _publication_words(case: Case, run: Run) -> str:
    published = case.published
    if published is not None and published.get("model_dir") == run.output_dir:
        return f"Published as {text(published, 'repo_id')} ({text(published, 'path')})."
    if case.not_published is not None:
        return f"Not published: {case.not_published} {_after_a_no(case.not_published)}"
    if case.objective.publish is False:
        return "Not published, as you asked."
    if case.withholds(run):
        return (
            "Not published: the model has learned nothing, see above. Everything is at the local "
            "path; say `publish it` to publish it all the same."
        )
    if run.card is None:
        return "Not published: that needs a model card."
    return "Not published: the tool publish is not offered here."


def _after_a_no(why: str) -> str:
    where = "Everything is at the local path."
    if not _SAID_NO_BECAUSE.match(why):
        return where
    return (
        f"{where} The autopilot cannot act on a reason; say `publish it`, or `publish it as NAME`, "
        "to be asked again."
    )


def _notes(case: Case) -> list[str]:
    """What a reader should know and might not expect."""
    return [
        *_start_note(case),
        *_classes_note(case),
        *_output_note(case),
        *_undone_notes(case),
    ]


def _start_note(case: Case) -> list[str]:
    if case.objective.finetune and case.objective.model is None and not case.objective.scratch:
        return [
            "No model to fine-tune was named, so this one was trained from scratch; "
            "name a path or an id to start from it."
        ]
    return []


def _classes_note(case: Case) -> list[str]:
    announced = case.objective.asked.get("num_labels")
    found = case.prepared.num_labels if case.prepared is not None else 0
    if isinstance(announced, int) and found and announced > found:
        return [f"You announced {announced} classes; the data holds {found}."]
    return []


def _output_note(case: Case) -> list[str]:
    wanted = case.objective.output_dir
    if wanted is not None and wanted.startswith(("/", "~", "..")):
        return [
            f"{wanted} lies outside the workspace, where I may not write; copy the folder there."
        ]
    return []


def _undone_notes(case: Case) -> list[str]:
    notes = []
    for tool, what in (
        ("write_model_card", "model card"),
        ("write_reproduce_bundle", "reproduce bundle"),
    ):
        if case.failed(tool):
            notes.append(f"The {what} could not be written: {case.error_of(tool)}")
        elif not case.offers(tool) and (case.objective.card or tool != "write_model_card"):
            notes.append(f"No {what}: the tool {tool} is not offered here.")
    return notes


def given_up(case: Case, reason: str) -> str:
    """The honest end without a result."""
    best = case.best()
    kept = (
        f"\nThe best model so far has {METRIC_WORDS[case.metric]} "
        f"{score_words(best, case.metric)} on "
        f"validation; its weights are in {best.output_dir}."
        + (f" {baseline(case, best)}" if case.learned_nothing(best) else "")
        if best is not None
        else ""
    )
    tried = history(case)
    return f"{reason}{kept}" + (f"\nWhat was tried:\n{tried}" if tried else "")


def card_summary(case: Case, run: Run) -> str:
    """What the card says of the model; its scores come from the tool that writes it."""
    kind = "image" if case.family == "image-classification" else "text"
    model = case.objective.model
    start = f"fine-tuned from {model}" if model else "trained from scratch"
    rows = case.prepared.rows("train") if case.prepared is not None else 0
    parts = [
        f"A transformer for {kind} classification, {start} on {rows} rows of "
        f"{source_name(case)} ({case.prepared.num_labels if case.prepared else 0} classes).",
    ]
    if case.objective.target is not None:
        met = "reached" if case.reaches_target(run) else "NOT reached"
        parts.append(f"The target, {case.objective.target.words()} on validation, was {met}.")
    different = changed(case, run)
    if different:
        parts.append(f"Changed on the way: {', '.join(different)}.")
    return " ".join(filter(None, [*parts, _batch_words(case, run)]))


def card_limitations(case: Case) -> str:
    """What the card warns of."""
    parts = [
        "The scores hold for data like the training data; nothing else was measured.",
        *(case.prepared.notes[:6] if case.prepared is not None else []),
    ]
    parts += filter(None, [baseline(case, case.chosen())])
    weak = _weak_classes(case)
    if weak:
        parts.append(f"Weakest on (validation): {weak}.")
    return " ".join(parts)


def _weak_classes(case: Case) -> str:
    run = case.chosen()
    per_class = mapping(run.validation or {}, "per_class") if run is not None else {}
    scored = [
        (found, name)
        for name in per_class
        if (found := number(mapping(per_class, name), "f1")) is not None and found < 0.995
    ]
    return ", ".join(f"{name} (F1 {percent(found)})" for found, name in sorted(scored)[:2])


def source_name(case: Case) -> str:
    """The dataset without the folders of this machine, and of an address the end."""
    source = case.objective.source or ""
    is_place = source.startswith(("/", ".", "~")) or "://" in source
    return source.rstrip("/").rsplit("/", 1)[-1] if is_place else source.removeprefix("hub:")
