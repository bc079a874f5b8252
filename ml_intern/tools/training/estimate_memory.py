"""Estimate what a training step needs before anything is written or run."""

from typing import ClassVar

from pydantic import Field

from ml_intern.events import Effect, Recovery
from ml_intern.tools.protocol import Arguments, Tool, ToolContext, ToolOutcome, succeed
from ml_intern.tools.training.hardware import available_bytes
from ml_intern.tools.training.memory import Load, Method, Precision, judge


class MemoryArguments(Arguments):
    """The shape of a transformer and how it is trained."""

    parameters: int | None = Field(None, gt=0, description="Null: estimated from the shape.")
    hidden_size: int = Field(gt=0)
    num_hidden_layers: int = Field(gt=0)
    num_attention_heads: int = Field(gt=0)
    sequence_length: int = Field(gt=0, description="Tokens, or patches and one, of one example.")
    vocab_size: int = Field(0, ge=0)
    per_device_train_batch_size: int = Field(gt=0)
    intermediate_size: int | None = Field(None, gt=0, description="Null: 4 * hidden_size.")
    precision: Precision = Field("float32", description="bfloat16_mixed: with float32 weights.")
    optimizer: str = "adamw_torch"
    method: Method = "full"
    lora_rank: int = Field(8, gt=0)
    language_model: bool = Field(False, description="Whether there are logits for every token.")


class EstimateMemory(Tool[MemoryArguments]):
    """The formula of `memory.py` beside what this machine has free."""

    name: ClassVar[str] = "estimate_memory"
    description: ClassVar[str] = (
        "Estimate the memory of one training step in bytes, whether it fits on this machine, and "
        "the largest batch that does. Call survey_hardware first, so that a GPU counts."
    )
    arguments = MemoryArguments
    effect: ClassVar[Effect] = "read"
    recovery: ClassVar[Recovery] = "pure"

    def run(self, args: MemoryArguments, ctx: ToolContext) -> ToolOutcome:
        available, gpu = available_bytes(ctx.place, ctx.facts)
        fields = args.model_dump(exclude={"language_model"})
        logits = args.sequence_length * args.vocab_size if args.language_model else 0
        return succeed(judge(Load(**fields, logits_per_example=logits), available, gpu=gpu))
