"""The tool `plan_experiment`: steps from a recipe to a comparison with what the paper reports."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from ml_intern.errors import InputError
from ml_intern.events import Effect, Fact, Recovery
from ml_intern.money import MICRO_USD, dollars
from ml_intern.tools.papers.recipe.machine import Machine, machine_of
from ml_intern.tools.papers.recipe.plan import (
    Change,
    Scaled,
    Speed,
    Values,
    Work,
    evaluation_s,
    memory_of,
    plausible,
    scaled,
    stated_speed,
    training_s,
    work_of,
)
from ml_intern.tools.papers.recipe.settings import not_followed, settings_of, tidy
from ml_intern.tools.papers.recipe.words import VALUES, Dataset, Recipe, Value
from ml_intern.tools.protocol import Arguments, Tool, ToolContext, ToolOutcome, succeed

MOST_TARGETS = 10
_MOST_EXAMPLES = 10**12


Scale = Mapping[
    Literal["fraction", "updates", "hours", "usd"], Annotated[float, Field(gt=0, le=1_000_000)]
]


class PlanArguments(Arguments):
    """Which recipe, on what, and how large."""

    paper: str = Field("", max_length=2_000, description="Empty: the one extracted last.")
    values: dict[str, float | str] = Field(
        default={},
        max_length=60,
        description="In place of the recipe's, by its names; and train_examples, test_examples.",
    )
    defaults: dict[str, float | str] = Field(
        default={}, max_length=60, description="The same, where the paper says nothing usable."
    )
    dataset: str = Field("", max_length=200, description="To train on, of several.")
    flavor: str = Field("", max_length=100, description="Of the Hub; empty: this machine.")
    examples_per_second: float = Field(0, ge=0, description="In training there; 0: unknown.")
    measured_how: str = Field("", max_length=300)
    scale: Scale = Field(default={}, max_length=1, description="Empty: the whole recipe.")


class PlanExperiment(Tool[PlanArguments]):
    """Computes from what is known, and says what is not."""

    name: ClassVar[str] = "plan_experiment"
    description: ClassVar[str] = (
        "Plan the experiment of an extracted recipe: steps with tool, hardware, time, cost and what "
        "each estimate rests on, and the values for write_recipe; scaled down by a fraction or to a "
        "budget, with what changes and why. Unknown stays null. Call survey_hardware first."
    )
    arguments = PlanArguments
    effect: ClassVar[Effect] = "read"
    recovery: ClassVar[Recovery] = "pure"
    reads_outside: ClassVar[bool] = True  # it quotes the paper

    def run(self, args: PlanArguments, ctx: ToolContext) -> ToolOutcome:
        """Raises InputError for no recipe, and for a scale that cannot be reached."""
        planned = _plan(args, ctx)
        fact = _fact(args.paper, ctx) or {}
        kept = ("scaled_to", "changes", "not_followed", "not_from_the_paper")
        data = {name: fact.get(name, "") for name in ("paper", "title", "url")}
        data |= {name: planned[name] for name in kept if name in planned}
        url = str(data["url"])
        outcome = succeed(planned, Fact(kind="experiment_planned", data=data))
        return replace(outcome, sources=(url,) if "://" in url else ())


@dataclass(frozen=True, kw_only=True)
class _Ground:
    """What a plan stands on."""

    title: str
    recipe: Recipe
    ambiguous: tuple[str, ...]
    dataset: Dataset | None
    values: Values
    implausible: tuple[Change, ...]
    train_examples: int | None
    """To be trained on."""
    stated_examples: int | None
    """That the paper trains on."""
    test_examples: int | None


def _plan(args: PlanArguments, ctx: ToolContext) -> dict[str, Any]:
    ground = _ground(args, ctx)
    machine = machine_of(args.flavor, ctx)
    whole = work_of(ground.values, ground.train_examples, ground.stated_examples)
    speed = _speed(args, ground.values, whole, machine)
    small = _scaled(args.scale, whole, speed, machine)
    memory, lacks = _memory(_of_batch(ground.values, small.work), machine)
    train_s = training_s(small.work, speed)
    changes = [*ground.implausible, *_replaced(args.values, ground), *_fitted(ground, whole)]
    changes += small.changes
    left = not_followed(ground.values, whole)
    return {
        "recipe": ground.title,
        "hardware": machine.words,
        "work": _work(small.work),
        **({"scaled_to": _rounded(small.fraction)} if args.scale else {}),
        **({"changes": [each._asdict() for each in changes]} if changes or args.scale else {}),
        "settings": settings_of(ground.values, small.work, whole, memory, machine.devices),
        **({"not_followed": [each._asdict() for each in left]} if left else {}),
        "memory": memory or {"unknown": f"the recipe lacks {', '.join(lacks)}"},
        "throughput": {
            "examples_per_second": _rounded(speed.examples_per_second),
            "basis": speed.basis,
        },
        "steps": _steps(ground, small.work, machine, speed, memory),
        "total": {
            "time_s": _rounded(train_s),
            "cost": dollars(machine.cost_micro_usd(train_s)),
            "basis": machine.price,
        },
        "compare_with": _targets(ground, small),
        "unknown": _unknown(ground, whole),
        **_given(ground),
    }


def _ground(args: PlanArguments, ctx: ToolContext) -> _Ground:
    fact = _fact(args.paper, ctx)
    recipe = Recipe.model_validate(fact["recipe"]) if fact else Recipe()
    if not fact and not args.values:
        raise InputError(
            "No recipe was extracted in this session. Call extract_recipe first, or give `values`."
        )
    known = (*VALUES, "train_examples", "test_examples")
    if wrong := sorted(({*args.values} - {*known}) | ({*args.defaults} - {*VALUES})):
        raise InputError(f"There is no value {', '.join(wrong)}; there are {', '.join(known)}.")
    dataset = _dataset(recipe, args.dataset)
    test = args.values.get("test_examples")
    size = dataset.test if dataset else None
    said = size.value if size and size.unit == "examples" else None
    said_values, implausible = plausible(_values(recipe, args.values))
    values = _filled(said_values, args.defaults)
    stated = _stated(dataset)
    given = args.values.get("train_examples", stated)
    return _Ground(
        title=str(fact["title"] or fact["url"]) if fact else "given values",
        recipe=recipe,
        ambiguous=tuple(fact["ambiguous"]) if fact else (),
        dataset=dataset,
        values=values,
        implausible=tuple(implausible),
        train_examples=_whole(given),
        stated_examples=stated,
        test_examples=_whole(test if test is not None else said),
    )


def _fact(paper: str, ctx: ToolContext) -> dict[str, Any] | None:
    if not paper:
        return ctx.facts.latest("recipe_extracted")
    for name in ("paper", "url", "title"):
        if (fact := ctx.facts.latest("recipe_extracted", **{name: paper})) is not None:
            return fact
    raise InputError(f"No recipe of {paper} was extracted in this session; call extract_recipe.")


def _url(args: PlanArguments, ctx: ToolContext) -> str:
    return str((_fact(args.paper, ctx) or {}).get("url", ""))


def _dataset(recipe: Recipe, name: str) -> Dataset | None:
    """The one to train on: of this name, or the only one whose size is known."""
    if name:
        found = [each for each in recipe.data if str(each.name.value).lower() == name.lower()]
        if not found and recipe.data:
            names = ", ".join(str(each.name.value) for each in recipe.data)
            raise InputError(f"The recipe has no dataset {name}; it has {names}.")
        return found[0] if found else None
    sized = [each for each in recipe.data if each.train is not None]
    return sized[0] if len(sized) == 1 else None


def _values(recipe: Recipe, given: Mapping[str, Value]) -> Values:
    numbers: dict[str, float] = {}
    words: dict[str, str] = {}
    units: dict[str, str] = {}
    for name in VALUES:
        found = getattr(recipe, name)
        value = given.get(name, found.value if found else None)
        if isinstance(value, str):
            words[name] = value
        elif value is not None:
            numbers[name] = value
        if name in given:
            units[name] = _given_unit(name, value, found.unit if found else "")
        elif found is not None:
            units[name] = found.unit
    return Values(numbers=numbers, words=words, units=units, given=frozenset(given))


def _filled(values: Values, defaults: Mapping[str, Value]) -> Values:
    """With these for what is open. Who has steps needs no epochs."""
    known = {*values.numbers, *values.words, *(("epochs",) if "steps" in values.numbers else ())}
    taken = {name: value for name, value in defaults.items() if name not in known}
    more = _values(Recipe(), taken)
    return Values(
        numbers={**values.numbers, **more.numbers},
        words={**values.words, **more.words},
        units={**values.units, **more.units},
        given=values.given | more.given,
    )


_UNITS = {"batch_size": "examples", "seeds": "seeds", "training_time": "hours"}


def _given_unit(name: str, value: Value | None, before: str) -> str:
    if name == "warmup":
        return "fraction" if isinstance(value, float) and value < 1 else "steps"
    return _UNITS.get(name, before)


def _stated(dataset: Dataset | None) -> int | None:
    """Examples to train on, as the paper has them."""
    size = dataset.train if dataset else None
    return _whole(size.value) if size and size.unit == "examples" else None


def _replaced(given: Mapping[str, Value], ground: _Ground) -> list[Change]:
    """What the caller gave in place of what the paper says."""
    said = {name: getattr(ground.recipe, name, None) for name in given}
    was = {name: found.value for name, found in said.items() if found is not None}
    if ground.stated_examples is not None:
        was["train_examples"] = ground.stated_examples
    return [
        Change(name, was[name], tidy(value), _WHY_GIVEN.get(name, "chosen for this run"))
        for name, value in given.items()
        if name in was and was[name] != value
    ]


_WHY_GIVEN = {"train_examples": "other data"}


def _fitted(ground: _Ground, whole: Work) -> list[Change]:
    """A batch that is larger than the data."""
    batch = ground.values.whole("batch_size", "examples")
    if batch is None or batch == whole.batch_examples:
        return []
    return [Change("batch_size", batch, whole.batch_examples, "one pass has no more examples")]


def _of_batch(values: Values, work: Work) -> Values:
    """With the batch that is left."""
    if work.batch_examples is None:
        return values
    return replace(values, numbers={**values.numbers, "batch_size": work.batch_examples})


def _whole(value: Value | None) -> int | None:
    if not isinstance(value, int | float) or not 1 <= value <= _MOST_EXAMPLES:
        return None
    return int(value)


def _speed(args: PlanArguments, values: Values, work: Work, machine: Machine) -> Speed:
    if args.examples_per_second:
        how = args.measured_how or "how is not said"
        return Speed(examples_per_second=args.examples_per_second, basis=f"measured: {how}")
    return stated_speed(values, work, machine.gpus)


def _scaled(scale: Scale, work: Work, speed: Speed, machine: Machine) -> Scaled:
    if not scale:
        return Scaled(work=work, fraction=1.0)
    if "fraction" in scale:
        return scaled(work, scale["fraction"])
    if "updates" in scale:
        return _within_updates(work, scale["updates"])
    one_run_s = training_s(replace(work, seeds=1), speed)
    if one_run_s is None:
        raise InputError(
            f"How long the recipe takes is unknown ({speed.basis}), so it cannot be scaled to a "
            "budget. Give examples_per_second and what `unknown` lists, or a fraction."
        )
    if "hours" in scale:
        return _within(work, scale["hours"] * 3600 / one_run_s)
    budget = round(scale["usd"] * MICRO_USD)
    return _within(work, machine.seconds_for(budget) / one_run_s)


def _within_updates(work: Work, most: float) -> Scaled:
    if work.updates is None:
        raise InputError(
            "How many updates the recipe takes is unknown, so it cannot be scaled to some. Give "
            "what `unknown` lists of train_examples, batch_size and epochs, or a fraction."
        )
    return scaled(work, most / work.updates)


def _within(work: Work, runs: float) -> Scaled:
    """What a budget for so many runs of the whole recipe pays for."""
    if runs < 1:
        return scaled(work, runs)
    seeds = min(work.seeds, math.floor(runs))
    if seeds == work.seeds:
        return Scaled(work=work, fraction=1.0)
    why = "the budget pays for no more runs; the noise between seeds is known less well"
    change = Change("seeds", work.seeds, seeds, why)
    return Scaled(work=replace(work, seeds=seeds), fraction=1.0, changes=(change,))


def _memory(values: Values, machine: Machine) -> tuple[dict[str, Any] | None, list[str]]:
    if machine.available_bytes is None:
        return None, [f"nothing, but the memory of {machine.words} is not known"]
    return memory_of(values, machine.devices, machine.available_bytes, gpu=bool(machine.gpus))


def _work(work: Work) -> dict[str, Any]:
    return {
        "train_examples": work.train_examples,
        "batch_size": work.batch_examples,
        "epochs": _rounded(work.epochs),
        "updates": work.updates,
        "warmup_updates": work.warmup_updates,
        "seeds": work.seeds,
    }


def _steps(
    ground: _Ground, work: Work, machine: Machine, speed: Speed, memory: dict[str, Any] | None
) -> list[dict[str, Any]]:
    data = str(ground.dataset.name.value) if ground.dataset else "the data"
    fits = "unknown" if memory is None else "yes" if memory["fits"] else "no"
    if memory and not memory["fits"] and memory["per_device_train_batch_size"]:
        fits = (
            f"with {memory['per_device_train_batch_size']} examples per device and "
            f"{memory['gradient_accumulation_steps']} accumulation steps (same effective batch)"
        )
    train_s = training_s(work, speed)
    here, free = "this machine", dollars(0)
    brief = None if machine.micro_usd_per_minute != 0 else free
    runs = f"{work.seeds} run{'' if work.seeds == 1 else 's'}, one first"
    return [
        _step("inspect_dataset", f"Read {data}: schema, sizes, licence.", here, None, free),
        _step("prepare_dataset", "Make splits as the paper has them.", here, None, free),
        _step("write_recipe", "Write the script with `settings` as values.", here, None, free),
        _step(
            "dummy_forward", f"Check shapes and memory; fits: {fits}.", machine.words, None, brief
        ),
        _step("smoke_test", "A few steps; time them.", machine.words, None, brief),
        _step(
            "launch_training",
            f"Train {runs}.",
            machine.words,
            _rounded(train_s),
            dollars(machine.cost_micro_usd(train_s)),
        ),
        _step(
            "evaluate",
            "Measure on the test split; forward passes count as a third of training.",
            machine.words,
            _rounded(evaluation_s(ground.test_examples, work.seeds, speed)),
            brief,
        ),
    ]


def _step(
    tool: str, what: str, hardware: str, time_s: float | None, cost: str | None
) -> dict[str, Any]:
    return {"tool": tool, "what": what, "hardware": hardware, "time_s": time_s, "cost": cost}


def _targets(ground: _Ground, small: Scaled) -> list[dict[str, Any]]:
    """What the paper reports, with its sentence; on less data it need not be reached."""
    is_less = small.fraction < 1 or ground.train_examples != ground.stated_examples
    return [
        {
            "dataset": each.dataset,
            "metric": each.metric,
            "value": each.value.value,
            "unit": each.value.unit,
            "sentence": each.value.sentence,
            **({"note": "of the whole recipe"} if is_less else {}),
        }
        for each in ground.recipe.metrics[:MOST_TARGETS]
    ]


_NEEDED = (
    *("architecture", "loss", "optimiser", "learning_rate", "schedule", "batch_size"),
    *("weight_decay", "precision"),
)


def _unknown(ground: _Ground, work: Work) -> list[str]:
    known = {*ground.values.numbers, *ground.values.words}
    missing = [
        f"{name} (the paper says several)" if name in ground.ambiguous else name
        for name in _NEEDED
        if name not in known
    ]
    if work.train_examples is None:
        missing.append("train_examples")
    if work.updates is None and work.epochs is None:
        missing.append("epochs or steps")
    return missing


def _given(ground: _Ground) -> dict[str, Any]:
    given = sorted(ground.values.given)
    return {"not_from_the_paper": given} if given else {}


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.3g}") if value < 1000 else round(value)
