"""Write the model card: what was trained, on what, how well, and how it came about."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any, ClassVar

from pydantic import Field

from ml_intern.events import Effect, Fact, Recovery
from ml_intern.tools.atomic import write_whole
from ml_intern.tools.hub.licences import inherited, licence, listed
from ml_intern.tools.papers.recipe.comparison import Comparison, Ours, compare
from ml_intern.tools.protocol import (
    Arguments,
    Tool,
    ToolContext,
    ToolOutcome,
    TraceLink,
    succeed,
)
from ml_intern.tools.training.attempts import attempts
from ml_intern.tools.training.card import Card, render
from ml_intern.tools.training.environment import run_training_side
from ml_intern.tools.training.finished import (
    Finished,
    arguments_of,
    done_of,
    find_finished,
    hardware_report,
    read_json,
)
from ml_intern.tools.training.jobs import read_log
from ml_intern.tools.training.made_of import made_of
from ml_intern.tools.training.metrics import plain, spread, thin

PICTURE = "loss_curve.png"
_MOST_POINTS = 600
_DRAWING_TIMEOUT_S = 90.0


class CardArguments(Arguments):
    """The words of the card; its numbers come from what was measured."""

    model_dir: str = Field(min_length=1, description="Folder in the workspace with the weights.")
    model_name: str = Field(min_length=1, max_length=200)
    summary: str = Field(
        min_length=1,
        max_length=4000,
        description="What it is and what it is for. Leave scores to the tables.",
    )
    limitations: str = Field("", max_length=4000)
    licence: str = Field(
        "",
        max_length=100,
        pattern=r"^[\w.+-]*$",
        description="Licence of the model (`mit`), where the person has named one; else that of "
        "the base model, if all of what it is made of allows that.",
    )


class WriteModelCard(Tool[CardArguments]):
    """Writes README.md, as the Hub reads it, and the loss curve beside it."""

    name: ClassVar[str] = "write_model_card"
    description: ClassVar[str] = (
        "Write README.md (the model card) and loss_curve.png into the model's folder. All numbers "
        "come from evaluate, the dataset and the run, beside those of a paper that was planned, "
        "each with its sentence; you give name, purpose and limitations. Evaluate on validation "
        "and test first."
    )
    arguments = CardArguments
    effect: ClassVar[Effect] = "write"
    # Both files are written whole, from records that do not change.
    recovery: ClassVar[Recovery] = "pure"

    def run(self, args: CardArguments, ctx: ToolContext) -> ToolOutcome:
        finished = find_finished(ctx, args.model_dir)
        card, link = _card(args, ctx, finished, _draw(ctx, finished)), ctx.place.trace_link()
        text = render(replace(card, trace_url=link.url)).encode()
        path = ctx.place.writable(f"{finished.model.name}/README.md")
        write_whole(path, text)
        fact = {
            "path": f"{finished.model.name}/README.md",
            "model_dir": finished.model.name,
            "sha256": hashlib.sha256(text).hexdigest(),
            "weights_sha256": finished.validation["weights_sha256"],
            "licence": card.licence.id if card.licence is not None else "",
        }
        outcome = succeed(_answer(finished, card, link), Fact(kind="card", data=fact))
        return replace(outcome, sources=tuple(_quoted(card, ctx)))


def _quoted(card: Card, ctx: ToolContext) -> Iterator[str]:
    """Whose words the answer repeats: those of the paper, and of cards that name a licence."""
    if card.paper is not None:
        yield card.paper.url or card.paper.title
    for each in card.made_of:
        if each.repo is not None:
            yield ctx.place.web.service("hub").base_url + each.repo.page


def _answer(finished: Finished, card: Card, link: TraceLink) -> dict[str, Any]:
    name = finished.model.name
    answer: dict[str, Any] = {
        "path": f"{name}/README.md",
        "picture": f"{name}/{card.picture}" if card.picture else None,
        "licence": card.licence.shown if card.licence is not None else None,
        "made_of": listed(card.made_of).splitlines(),
        "trace": link.url or f"not linked: {link.why_none}",
    }
    if card.paper is not None:
        answer["paper"] = asdict(card.paper)
    return answer


def _card(args: CardArguments, ctx: ToolContext, finished: Finished, picture: str | None) -> Card:
    forward = ctx.facts.latest("dummy_forward", sha256=finished.job.sha256) or {"report": {}}
    environment = finished.job.fact.get("environment") or {}
    ingredients = made_of(ctx, finished.job)
    return Card(
        model_name=args.model_name,
        summary=args.summary,
        limitations=args.limitations,
        task=finished.dataset.task,
        config=read_json(finished, "config.json"),
        dataset=finished.dataset.record,
        dataset_name=finished.dataset.source_name,
        validation=finished.validation,
        test=finished.test,
        parameters=forward["report"].get("parameters"),
        arguments=arguments_of(finished),
        done=done_of(finished),
        hardware=hardware_report(ctx),
        threads=environment.get("OMP_NUM_THREADS"),
        attempts=attempts(ctx, finished.job),
        changes=list(ctx.facts.all("change_agreed")),
        picture=picture,
        hub_dataset=finished.dataset.on_hub,
        made_of=ingredients,
        licence=licence(args.licence) if args.licence else inherited(ingredients),
        paper=_compared(ctx, finished),
    )


def _compared(ctx: ToolContext, finished: Finished) -> Comparison | None:
    """With the paper that the last plan was made of; None where there was none."""
    planned = ctx.facts.latest("experiment_planned") or {"paper": ""}
    recipe = ctx.facts.latest("recipe_extracted", paper=planned["paper"])
    if recipe is None:
        return None
    config = read_json(finished, "config.json")
    ours = Ours(
        arguments=arguments_of(finished),
        global_step=done_of(finished).get("global_step"),
        architecture=str((config.get("architectures") or [config.get("model_type", "")])[0]),
        data=finished.dataset.source_name,
        train_rows=finished.dataset.record["rows"].get("train"),
        devices=max(1, len(hardware_report(ctx).get("gpus", []))),
        evaluations=[each for each in (finished.validation, finished.test) if each is not None],
    )
    return compare(recipe, planned, ours)


def _draw(ctx: ToolContext, finished: Finished) -> str | None:
    """Draw the curve of the run into the model's folder; None where it cannot be drawn."""
    course = read_log(ctx, finished.job).course
    data = {
        "train": [[step.step, step.loss] for step in spread(course.steps, _MOST_POINTS)],
        "evaluations": [
            [e.step, e.eval_loss, e.eval_accuracy] for e in thin(course.evaluations, _MOST_POINTS)
        ],
    }
    target = ctx.place.writable(f"{finished.model.name}/{PICTURE}")
    arguments = [str(target), "--data", json.dumps(plain(data))]
    completed = run_training_side(ctx, "draw_curve", arguments, _DRAWING_TIMEOUT_S)
    return PICTURE if completed.exit_code == 0 else None
