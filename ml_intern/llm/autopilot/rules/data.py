"""Inspect the data, settle which columns are meant, and split it three ways."""

from typing import Literal

from ml_intern.llm.autopilot.answers import whole
from ml_intern.llm.autopilot.case import Case, Data
from ml_intern.llm.autopilot.rules.ask import ask
from ml_intern.llm.autopilot.rules.choice import Choice, choose_label, choose_text, named_column
from ml_intern.llm.autopilot.step import Action, Step
from ml_intern.llm.autopilot.words import BRING_AN_LLM, cannot_do, listed

Part = Literal["label", "text"]


def inspect(case: Case) -> Step | None:
    """Look at the data before anything else, and at the machine beside it."""
    if case.data is not None:
        return None
    source = case.objective.source
    if case.hopeless("inspect_dataset"):
        error = case.error_of("inspect_dataset")
        return ask(case, "data", f"I cannot read {source}: {error}")
    actions = [Action("inspect_dataset", {"source": source})]
    if (
        case.offers("survey_hardware")
        and case.hardware is None
        and not case.failed("survey_hardware")
    ):
        actions.append(Action("survey_hardware"))
    first = "Now" if case.recipe is not None else "First"
    return Step(f"{first} I look at the data ({source}) and at this machine.", tuple(actions))


def settle_columns(case: Case) -> Step | None:
    """Ask where it is not clear what is to be learned from what."""
    data = case.data
    if data is None or case.prepared is not None:
        return None
    unknown = _unknown_columns(case, data)
    if unknown is not None:
        return unknown
    parts: tuple[Part, ...] = ("label",) if _has_images(data) else ("label", "text")
    for part in parts:
        step = _settle(case, data, part)
        if step is not None:
            return step
    return None


def _settle(case: Case, data: Data, part: Part) -> Step | None:
    """A question or a refusal where the column is not clear; blocked data has other worries."""
    choice = _choose(case, data, part)
    if choice.beyond is not None:
        return Step(cannot_do(choice.beyond), failed=True)
    if choice.unfit is not None:
        return ask(case, part, choice.unfit)
    if choice.column is not None or (_has_images(data) and class_count(case) and not choice.rivals):
        return None
    if choice.rivals or data.alternatives(part) or not data.blocking:
        return _ask_column(case, data, part, choice.rivals)
    return None


def _choose(case: Case, data: Data, part: Part) -> Choice:
    return choose_label(case, data) if part == "label" else choose_text(case, data)


def _has_images(data: Data) -> bool:
    return data.task == "image-classification" or bool(data.images)


def refuse_data(case: Case) -> Step | None:
    """Data that cannot be trained on is not trained on."""
    data = case.data
    if data is None or case.prepared is not None or _columns_given(case):
        return None
    if data.blocking:
        reasons = " ".join(data.blocking[:6])
        other = "" if data.task is not None else f" {BRING_AN_LLM}"
        return ask(case, "data", f"{case.objective.source} cannot be trained on: {reasons}{other}")
    if data.task is None and case.objective.family is None:
        problems = " ".join(data.problems[:3])
        return ask(
            case,
            "data",
            f"{case.objective.source} is neither images nor texts with labels. "
            f"{problems} {BRING_AN_LLM}",
        )
    return None


def prepare(case: Case) -> Step | None:
    """Three splits; test goes out of reach."""
    data = case.data
    if data is None or case.prepared is not None:
        return None
    if case.hopeless("prepare_dataset"):
        return ask(
            case,
            "data",
            f"{case.objective.source} cannot be prepared: {case.error_of('prepare_dataset')}",
        )
    return Step(
        f"{_found(case, data)} I split it into train, validation and test.",
        (Action("prepare_dataset", _arguments(case, data)),),
    )


def label_of(case: Case, data: Data) -> str | None:
    """The label column; None while it is not clear."""
    return choose_label(case, data).column


def text_of(case: Case, data: Data) -> str | None:
    """The text column, likewise."""
    return choose_text(case, data).column


def class_count(case: Case) -> int:
    """How many classes the data really has; 0 when nobody knows."""
    if case.prepared is not None and case.prepared.num_labels:
        return case.prepared.num_labels
    return whole(case.data.report, "num_labels") or 0 if case.data is not None else 0


def _columns_given(case: Case) -> bool:
    return bool(case.objective.label_column or case.objective.text_column)


def _unknown_columns(case: Case, data: Data) -> Step | None:
    for part, named in (
        ("label", case.objective.label_column),
        ("text", case.objective.text_column),
    ):
        if named is not None and data.columns and named_column(case, data, named) is None:
            return ask(
                case,
                "label" if part == "label" else "text",
                f"There is no column {named!r} in {case.objective.source}; it has "
                f"{listed(data.columns, 20)}.",
            )
    return None


def _ask_column(case: Case, data: Data, part: Part, rivals: tuple[str, ...]) -> Step:
    choices = rivals or data.alternatives(part) or data.columns
    return ask(
        case,
        part,
        f"In {case.objective.source} it is not clear; it could be {listed(choices, 20)}.",
    )


def _found(case: Case, data: Data) -> str:
    if _has_images(data):
        return _with_problems(
            f"The data holds {data.rows} images{_in_classes(class_count(case))}.", data
        )
    label, text = label_of(case, data), text_of(case, data)
    as_inspected = (label, text) == (data.mapped("label"), data.mapped("text"))
    classes = class_count(case) if as_inspected else data.distinct(label or "")
    found = f"The data holds {data.rows} texts{_in_classes(classes or 0)}; "
    found += f"text {text!r}, label {label!r}."
    chose = data.mapped("label") is not None
    return found if chose and not as_inspected else _with_problems(found, data)


def _in_classes(classes: int) -> str:
    return f" in {classes} classes" if classes else ""


def _with_problems(found: str, data: Data) -> str:
    """What inspection said of the columns that it chose is not said of others."""
    return " ".join([found, *(said for said in data.problems[:4] if "can be the" not in said)])


def _arguments(case: Case, data: Data) -> dict[str, object]:
    objective = case.objective
    arguments: dict[str, object] = {
        "source": objective.source,
        "name": "data" if not case.preparations else f"data-{case.preparations + 1}",
    }
    is_images = data.task == "image-classification"
    optional = {
        "text_column": None if is_images else text_of(case, data),
        "label_column": _label_argument(case, data) if is_images else label_of(case, data),
        "seed": objective.asked.get("seed"),
        "validation_fraction": objective.validation_fraction,
        "test_fraction": objective.test_fraction,
    }
    return arguments | {name: value for name, value in optional.items() if value is not None}


def _label_argument(case: Case, data: Data) -> str | None:
    """Pictures keep the label that inspection chose, unless the person named another."""
    label = label_of(case, data)
    named = case.objective.label_column is not None or label != data.mapped("label")
    return label if named else None
