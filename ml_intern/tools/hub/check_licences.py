"""The tool `check_licences`: whether what a model is made of may be used as is meant.

Where a licence conflicts with the use it is itself the question: a person is asked, no rule can
answer for them, and the call runs only after their yes. What was asked stands in the arguments, so
that a yes holds for these questions: one that comes up later is asked again.
"""

from typing import Any, ClassVar

from pydantic import Field, model_validator

from ml_intern.errors import MLInternError
from ml_intern.events import Effect, Exhibit, Fact, Recovery
from ml_intern.tools.hub import ingredients
from ml_intern.tools.hub.licences import Ingredient, Use, licence, listed, questions
from ml_intern.tools.hub.names import Kind
from ml_intern.tools.protocol import Arguments, Tool, ToolContext, ToolOutcome, fail
from ml_intern.tools.untrusted import answered


class LicenceArguments(Arguments):
    """What a model is made of, and what it is for."""

    use: Use = Field(
        description="private: trained and kept. publish: passed on to others. commercial: made "
        "money of."
    )
    models: list[str] = Field([], max_length=10, description="Base models, as OWNER/NAME.")
    datasets: list[str] = Field([], max_length=20, description="Datasets, as OWNER/NAME.")
    others: dict[str, str] = Field(
        {}, description="Code and local data: name to licence id (`mit`; empty where unknown)."
    )
    under: str = Field("", description="Licence that the result will be published under.")
    conflicts: list[str] = Field([], description="Leave it out: it is filled in.")

    @model_validator(mode="after")
    def _says_something(self) -> "LicenceArguments":
        if not (self.models or self.datasets or self.others):
            raise ValueError("name at least one model, dataset or other thing")
        return self


class CheckLicences(Tool[LicenceArguments]):
    """Reads the cards; asks a person where they do not plainly allow the use."""

    name: ClassVar[str] = "check_licences"
    description: ClassVar[str] = (
        "Check the licences of base models, datasets and code against what the result is for. A "
        "conflict is put to the person, and the call waits for their yes. Needed before a model is "
        "published on the Hub."
    )
    arguments = LicenceArguments
    effect: ClassVar[Effect] = "read"
    recovery: ClassVar[Recovery] = "pure"
    reads_outside: ClassVar[bool] = True
    timeout_s: ClassVar[float] = 300.0

    def settle(self, args: LicenceArguments, ctx: ToolContext) -> LicenceArguments:
        """With the questions that a yes would answer; none where the licences cannot be read."""
        try:
            made_of, _ = _made_of(args, ctx)
        except MLInternError:  # `run` will say why
            return args.model_copy(update={"conflicts": []})
        asked = questions(made_of, args.use, args.under)
        return args.model_copy(update={"conflicts": asked})

    def asks_person(self, args: LicenceArguments, ctx: ToolContext) -> bool:
        return bool(args.conflicts)

    def ask_reason(self, args: LicenceArguments, ctx: ToolContext) -> str | None:
        return " ".join(args.conflicts) or None

    def exhibits(self, args: LicenceArguments, ctx: ToolContext) -> tuple[Exhibit, ...]:
        """Every licence, with where it was read."""
        made_of, _ = _made_of(args, ctx)
        return (Exhibit(title="Licences", kind="text", text=listed(made_of)),)

    def run(self, args: LicenceArguments, ctx: ToolContext) -> ToolOutcome:
        made_of, sources = _made_of(args, ctx)
        asked = questions(made_of, args.use, args.under)
        if not set(asked) <= set(args.conflicts):
            return fail(
                "The licences are not what they were when this call was looked at, so nobody has "
                "been asked about them. Call check_licences again.",
                conflicts=asked,
            )
        found: list[dict[str, Any]] = [
            {
                "role": each.role,
                "name": each.name,
                "licences": [one.told() for one in each.licences],
                **({"note": each.note} if each.note else {}),
            }
            for each in made_of
        ]
        settled = {"use": args.use, "under": args.under, "licences": found, "agreed": asked}
        outcome = answered(
            {"use": args.use, "licences": found, "conflicts": asked}
            | ({"agreed": True} if asked else {}),
            *sources,
        )
        return ToolOutcome(
            ok=True,
            output=outcome.output,
            facts=(Fact(kind="licences_checked", data=settled),),
            sources=sources,
        )


def _made_of(args: LicenceArguments, ctx: ToolContext) -> tuple[list[Ingredient], tuple[str, ...]]:
    """All ingredients, and what was read for them. Raises InputError, OutsideError."""
    named: list[tuple[Kind, str]] = [
        *(("model", name) for name in args.models),
        *(("dataset", name) for name in args.datasets),
    ]
    read = [ingredients.read(name, kind, ctx) for kind, name in named]
    found = [made for made, _ in read]
    found += [
        Ingredient(role="code or data", name=name, licences=(licence(said),))
        for name, said in args.others.items()
    ]
    return found, tuple(url for _, urls in read for url in urls)
