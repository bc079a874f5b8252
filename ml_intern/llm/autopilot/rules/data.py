"""Inspect the data, settle which columns are meant, and split it three ways."""

from ml_intern.llm.autopilot.answers import whole
from ml_intern.llm.autopilot.case import Case, Data
from ml_intern.llm.autopilot.reading.columns import alluded, mentioned
from ml_intern.llm.autopilot.rules.ask import ask
from ml_intern.llm.autopilot.step import Action, Step
from ml_intern.llm.autopilot.words import BRING_AN_LLM, listed


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
    return Step(f"First I look at the data ({source}) and at this machine.", tuple(actions))


def settle_columns(case: Case) -> Step | None:
    """Ask where it is not clear what is to be learned from what."""
    data = case.data
    if data is None or case.prepared is not None:
        return None
    unknown = _unknown_columns(case, data)
    if unknown is not None:
        return unknown
    if _is_open(case, data, "label") and not (_has_images(data) and class_count(case)):
        return _ask_column(case, data, "label")
    if _is_open(case, data, "text") and not _has_images(data):
        return _ask_column(case, data, "text")
    return None


def _is_open(case: Case, data: Data, part: str) -> bool:
    """Whether a column must be chosen and could be; blocked data has other worries."""
    chosen = label_of(case, data) if part == "label" else text_of(case, data)
    return chosen is None and (bool(data.alternatives(part)) or not data.blocking)


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
    """The label column: as named, as mentioned, or as inspection chose."""
    named = case.objective.label_column
    if named is not None:
        return _among(named, data.columns) or named
    choices = data.alternatives("label")
    mapped = data.mapped("label")
    spoken = mentioned(case.objective.words, [*choices, mapped] if mapped else choices)
    if len(spoken) == 1:
        return spoken[0]
    if mapped is None and len(choices) > 1:
        choices = alluded(case.objective.words, choices)
    return mapped or (choices[0] if len(choices) == 1 else None)


def text_of(case: Case, data: Data) -> str | None:
    """The text column, likewise."""
    named = case.objective.text_column
    if named is not None:
        return _among(named, data.columns) or named
    choices = data.alternatives("text")
    return data.mapped("text") or (choices[0] if len(choices) == 1 else None)


def class_count(case: Case) -> int:
    """How many classes the data really has; 0 when nobody knows."""
    if case.prepared is not None and case.prepared.num_labels:
        return case.prepared.num_labels
    return whole(case.data.report, "num_labels") or 0 if case.data is not None else 0


def _columns_given(case: Case) -> bool:
    return bool(case.objective.label_column or case.objective.text_column)


def _among(name: str, columns: list[str]) -> str | None:
    """The column of this name; capital letters do not matter where only one fits."""
    if name in columns:
        return name
    alike = [column for column in columns if column.casefold() == name.casefold()]
    return alike[0] if len(alike) == 1 else None


def _unknown_columns(case: Case, data: Data) -> Step | None:
    for part, named in (
        ("label", case.objective.label_column),
        ("text", case.objective.text_column),
    ):
        if named is not None and data.columns and _among(named, data.columns) is None:
            return ask(
                case,
                "label" if part == "label" else "text",
                f"There is no column {named!r} in {case.objective.source}; it has "
                f"{listed(data.columns, 20)}.",
            )
    return None


def _ask_column(case: Case, data: Data, part: str) -> Step:
    choices = data.alternatives(part) or data.columns
    return ask(
        case,
        "label" if part == "label" else "text",
        f"In {case.objective.source} it is not clear; it could be {listed(choices, 20)}.",
    )


def _found(case: Case, data: Data) -> str:
    classes = class_count(case)
    in_classes = f" in {classes} classes" if classes else ""
    if _has_images(data):
        found = f"The data holds {data.rows} images{in_classes}."
    else:
        label, text = label_of(case, data), text_of(case, data)
        found = f"The data holds {data.rows} texts{in_classes}; text {text!r}, label {label!r}."
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
        "label_column": objective.label_column and label_of(case, data)
        if is_images
        else label_of(case, data),
        "seed": objective.asked.get("seed"),
        "validation_fraction": objective.validation_fraction,
        "test_fraction": objective.test_fraction,
    }
    return arguments | {name: value for name, value in optional.items() if value is not None}
