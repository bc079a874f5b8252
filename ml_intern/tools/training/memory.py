"""How much memory a training step needs: a formula for transformers, and the largest batch.

Bytes per parameter, activations and logits follow the usual accounting (Korthikanti et al. 2022,
ZeRO): within some 10 % of measurements for language models in float32 on a CPU. The term for
attention scores is kept although fused kernels avoid it: with dropout on a CPU they do not. The
real check is the dummy forward pass; this only keeps hopeless launches from starting.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

Precision = Literal["float32", "bfloat16", "bfloat16_mixed"]
Method = Literal["full", "lora"]

PROCESS_BYTES = 450_000_000
"""Resident size of a process that has imported torch and transformers (measured, CPU)."""
CUDA_CONTEXT_BYTES = 1_250_000_000
FRAGMENTATION = 0.15
"""Share that a caching GPU allocator loses to fragmentation."""
_LARGEST_BATCH = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Load:
    """What is trained, and how: everything that the estimate depends on."""

    parameters: int | None
    """None: estimated from the shape."""
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    sequence_length: int
    vocab_size: int
    per_device_train_batch_size: int
    intermediate_size: int | None = None
    """None: four times `hidden_size`."""
    logits_per_example: int = 0
    """Numbers that the head puts out for one example."""
    precision: Precision = "float32"
    optimizer: str = "adamw_torch"
    method: Method = "full"
    lora_rank: int = 8


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Bytes by what they are for, on one device."""

    parameters: int
    weights_bytes: int
    gradients_bytes: int
    optimizer_bytes: int
    activations_bytes: int
    logits_bytes: int
    overhead_bytes: int

    @property
    def total_bytes(self) -> int:
        """All of them."""
        return (
            self.weights_bytes
            + self.gradients_bytes
            + self.optimizer_bytes
            + self.activations_bytes
            + self.logits_bytes
            + self.overhead_bytes
        )


def estimate(load: Load, *, gpu: bool) -> Estimate:
    """What one training step of `load` needs."""
    parameters = load.parameters or count_parameters(load)
    weights, gradients, optimizer = _model_bytes(load, parameters)
    activations, logits = _activations_bytes(load), _logits_bytes(load)
    used = weights + gradients + optimizer + activations + logits
    overhead = CUDA_CONTEXT_BYTES + round(FRAGMENTATION * used) if gpu else PROCESS_BYTES
    return Estimate(
        parameters=parameters,
        weights_bytes=weights,
        gradients_bytes=gradients,
        optimizer_bytes=optimizer,
        activations_bytes=activations,
        logits_bytes=logits,
        overhead_bytes=overhead,
    )


def judge(load: Load, available_bytes: int, *, gpu: bool) -> dict[str, Any]:
    """The estimate beside what there is, JSON-ready: `fits`, and the largest batch that does."""
    needed = estimate(load, gpu=gpu)
    return {
        "parameters": needed.parameters,
        "weights_bytes": needed.weights_bytes,
        "gradients_bytes": needed.gradients_bytes,
        "optimizer_bytes": needed.optimizer_bytes,
        "activations_bytes": needed.activations_bytes,
        "logits_bytes": needed.logits_bytes,
        "overhead_bytes": needed.overhead_bytes,
        "total_bytes": needed.total_bytes,
        "available_bytes": available_bytes,
        "fits": needed.total_bytes <= available_bytes,
        "largest_batch_size_that_fits": largest_batch(load, available_bytes, gpu=gpu),
    }


def largest_batch(load: Load, available_bytes: int, *, gpu: bool) -> int:
    """The largest `per_device_train_batch_size` that fits; 0 when not even one example does."""
    none = estimate(replace(load, per_device_train_batch_size=0), gpu=gpu).total_bytes
    one = estimate(replace(load, per_device_train_batch_size=1), gpu=gpu).total_bytes - none
    left = available_bytes - none
    return 0 if left < one else min(left // max(one, 1), _LARGEST_BATCH)


def count_parameters(load: Load) -> int:
    """Parameters of an encoder of this shape with learned positions, without its head."""
    hidden, wide = load.hidden_size, _intermediate(load)
    attention = 4 * hidden * (hidden + 1)
    perceptron = 2 * hidden * wide + hidden + wide
    norms = 4 * hidden
    embeddings = (load.vocab_size + load.sequence_length) * hidden
    return load.num_hidden_layers * (attention + perceptron + norms) + embeddings + 2 * hidden


def from_report(report: Mapping[str, Any]) -> Load | None:
    """The load that a script's dummy forward pass reports; None when it leaves the shape out."""
    shape = {name: _whole(report.get(name)) for name in _SHAPE}
    if not all(shape.values()):
        return None
    batch = shape["per_device_train_batch_size"] or 1
    logits = [_whole(size) or 1 for size in report.get("logits_shape") or ()]
    return Load(
        parameters=shape["parameters"],
        hidden_size=shape["hidden_size"] or 1,
        num_hidden_layers=shape["num_hidden_layers"] or 1,
        num_attention_heads=shape["num_attention_heads"] or 1,
        sequence_length=shape["sequence_length"] or 1,
        per_device_train_batch_size=batch,
        vocab_size=_whole(report.get("vocab_size")) or 0,
        intermediate_size=_whole(report.get("intermediate_size")),
        logits_per_example=math.ceil(math.prod(logits) / batch) if logits else 0,
        precision="float32" if report.get("precision") == "float32" else "bfloat16_mixed",
        optimizer=str(report.get("optimizer") or "adamw_torch"),
    )


_SHAPE = (
    "parameters",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "sequence_length",
    "per_device_train_batch_size",
)


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _intermediate(load: Load) -> int:
    return load.intermediate_size or 4 * load.hidden_size


def _model_bytes(load: Load, parameters: int) -> tuple[int, int, int]:
    """Weights, gradients, optimizer state."""
    if load.method == "lora":
        base = 4 if load.precision == "float32" else 2
        adapter = _adapter_parameters(load)
        return base * parameters + 4 * adapter, 4 * adapter, 8 * adapter
    weight, gradient, state = {
        "float32": (4, 4, 4),
        "bfloat16": (2, 2, 2),
        "bfloat16_mixed": (6, 4, 4),
    }[load.precision]
    return weight * parameters, gradient * parameters, _state_bytes(load, state) * parameters


def _state_bytes(load: Load, element: int) -> int:
    """Bytes per parameter; an optimizer that we do not know counts as Adam."""
    if "8bit" in load.optimizer:
        return 2
    if load.optimizer.startswith("sgd"):
        return 0
    return 2 * element


def _adapter_parameters(load: Load) -> int:
    """Of LoRA on every linear layer."""
    hidden, wide = load.hidden_size, _intermediate(load)
    return load.num_hidden_layers * load.lora_rank * (4 * 2 * hidden + 2 * (hidden + wide))


def _activations_bytes(load: Load) -> int:
    """L·s·b·h·(34 + 5·a·s/h) bytes in 16 bit, where 34 is 18 + 4·(intermediate / hidden)."""
    hidden, length = load.hidden_size, load.sequence_length
    per_value = 18 + 4 * _intermediate(load) / hidden
    scores = 5 * load.num_attention_heads * length / hidden
    values = load.num_hidden_layers * length * load.per_device_train_batch_size * hidden
    return round(values * (per_value + scores) * (2 if load.precision == "float32" else 1))


def _logits_bytes(load: Load) -> int:
    """Logits, their gradient and a float32 copy of them."""
    return load.per_device_train_batch_size * load.logits_per_example * 4 * 3
