"""Put a tested training script into the workspace, with the defaults that this task needs."""

import hashlib
from typing import Any, ClassVar

from pydantic import Field

from ml_intern.errors import InputError
from ml_intern.events import Effect, Fact, Recovery
from ml_intern.tools.atomic import write_whole
from ml_intern.tools.protocol import Arguments, Tool, ToolContext, ToolOutcome, succeed
from ml_intern.tools.training.base_model import brought
from ml_intern.tools.training.recipe import RecipeName, parameters, source_of, with_values
from ml_intern.tools.training.script import relative, syntax_error

MODEL = "model_name_or_path"


class RecipeArguments(Arguments):
    """Which recipe, where to, and what to change in it."""

    recipe: RecipeName
    path: str = Field("train.py", min_length=1, description="In the workspace.")
    values: dict[str, bool | int | float | str] = Field(
        default_factory=dict, description="New defaults by argument name; the others stay."
    )


class WriteRecipe(Tool[RecipeArguments]):
    """Copies a recipe's source and replaces defaults in it, each on its own line."""

    name: ClassVar[str] = "write_recipe"
    description: ClassVar[str] = (
        "Write a training script from a tested recipe, with your values as defaults; without "
        "values the answer shows every argument and its default. The script reports metrics as "
        "JSON lines and understands --dummy_forward and --smoke."
    )
    arguments = RecipeArguments
    effect: ClassVar[Effect] = "write"
    # The file is written whole or not at all, so writing it again ends in the same state.
    recovery: ClassVar[Recovery] = "pure"

    def run(self, args: RecipeArguments, ctx: ToolContext) -> ToolOutcome:
        path = ctx.place.writable(args.path)
        if path.suffix != ".py" or path.is_dir():
            raise InputError(f"{args.path} is no file name for a script; end it in .py.")
        text = with_values(source_of(args.recipe), _with_model(args.values, ctx))
        error = syntax_error(text.encode())
        if error is not None:
            raise InputError(f"With these values the recipe does not parse: {error}.")
        write_whole(path, text.encode())
        return _answer(args, relative(ctx.place, path), text)


def _with_model(
    values: dict[str, bool | int | float | str], ctx: ToolContext
) -> dict[str, bool | int | float | str]:
    """A model in a folder of the person's is brought to where training code may see it."""
    model = values.get(MODEL)
    return {**values, MODEL: brought(ctx.place, model)} if isinstance(model, str) else values


def _answer(args: RecipeArguments, name: str, text: str) -> ToolOutcome:
    digest = hashlib.sha256(text.encode()).hexdigest()
    document: dict[str, Any] = {
        "path": name,
        "sha256": digest,
        "recipe": args.recipe,
        "values": args.values,
        "arguments": {key: found.default for key, found in parameters(text).items()},
    }
    fact = Fact(kind="script_written", data={"path": name, "sha256": digest, "recipe": args.recipe})
    return succeed(document, fact)
