"""On which device a model runs, in which number format, and whether it fits there.

What is needed: the weights, the keys and values of a full window, and a tenth for the work itself.
What there is: free memory of the device, or what this machine, the control group and RLIMIT_AS
leave.
"""

import contextlib
import importlib.util
import os
import resource
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from .channel import Failed
from .files import Counts

WORK_SHARE = 0.1
BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
STORED_BYTES = {"F64": 8, "I64": 8, "F32": 4, "I32": 4, "F16": 2, "BF16": 2, "I16": 2}
"""Of a number in a file; all others take one."""
FLOATS = ("F64", "F32", "F16", "BF16")
FOUR_BIT_BYTES = 0.55
"""Of a number in NF4, with its share of the scales."""


@dataclass(frozen=True)
class Weighed:
    """What a model needs and where, in bytes."""

    device: str
    dtype: str
    four_bit: bool
    weights_bytes: int
    cache_bytes: int
    needed_bytes: int
    free_bytes: int
    window: int

    def told(self) -> dict[str, Any]:
        """As it is sent."""
        return {**asdict(self), "fits": self.fits, "words": self.words()}

    @property
    def fits(self) -> bool:
        return self.needed_bytes <= self.free_bytes

    def words(self) -> str:
        """For a person."""
        return (
            f"it needs {gb(self.needed_bytes)} on {self.device} in {self.dtype}"
            f"{', 4 bit' if self.four_bit else ''} ({gb(self.weights_bytes)} of weights, "
            f"{gb(self.cache_bytes)} for a window of {self.window:,} tokens), and "
            f"{gb(self.free_bytes)} are free"
        )


def weigh_model(order: dict[str, Any], config: dict[str, Any], counts: Counts) -> Weighed:
    """By what the settings want (`device`, `dtype`, `four_bit`, `window`). Raises Failed."""
    device = device_of(order["device"])
    if order["four_bit"]:
        _check_four_bit(device)
    dtype = dtype_of(order["dtype"], device)
    weights = weights_bytes(counts, config, dtype, four_bit=order["four_bit"])
    cache = cache_bytes(config, order["window"], dtype)
    return Weighed(
        device=device,
        dtype=dtype,
        four_bit=order["four_bit"],
        weights_bytes=weights,
        cache_bytes=cache,
        needed_bytes=round((weights + cache) * (1 + WORK_SHARE)),
        free_bytes=free_bytes(device),
        window=order["window"],
    )


def device_of(wanted: str) -> str:
    """The one that was asked for, else the best that there is. Raises Failed."""
    if wanted == "auto":
        if torch.cuda.is_available():
            free = [torch.cuda.mem_get_info(at)[0] for at in range(torch.cuda.device_count())]
            return f"cuda:{free.index(max(free))}"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.empty(1, device=wanted)
    except (RuntimeError, AssertionError, NotImplementedError) as exc:
        line = str(exc).splitlines()[0] if str(exc) else type(exc).__name__
        raise Failed("setting", f"weights_device = {wanted} is not here: {line}") from exc
    return wanted


def dtype_of(wanted: str, device: str) -> str:
    """The one that was asked for, else what the device computes well in."""
    if wanted != "auto":
        return wanted
    if device.startswith("cuda"):
        return "bfloat16" if torch.cuda.get_device_capability(device) >= (8, 0) else "float16"
    return "float16" if device == "mps" else "float32"


def weights_bytes(counts: Counts, config: dict[str, Any], dtype: str, *, four_bit: bool) -> int:
    """In memory; weights that were quantized before they were saved stay as they are."""
    if config.get("quantization_config"):
        return sum(count * STORED_BYTES.get(name, 1) for name, count in counts.items())
    floats = sum(count for name, count in counts.items() if name in FLOATS)
    others = sum(n * STORED_BYTES.get(name, 1) for name, n in counts.items() if name not in FLOATS)
    if not four_bit:
        return floats * BYTES[dtype] + others
    text = config.get("text_config") or config
    apart = min(floats, 2 * int(text.get("vocab_size", 0)) * int(text.get("hidden_size", 0)))
    return round((floats - apart) * FOUR_BIT_BYTES) + apart * BYTES[dtype] + others


def cache_bytes(config: dict[str, Any], window: int, dtype: str) -> int:
    """Keys and values of `window` tokens in all layers."""
    text = config.get("text_config") or config
    layers = _first(text, "num_hidden_layers", "n_layer", "num_layers") or 1
    hidden = _first(text, "hidden_size", "n_embd", "d_model") or 0
    heads = _first(text, "num_attention_heads", "n_head", "num_heads") or 1
    head_size = _first(text, "head_dim") or hidden // heads
    pairs = _first(text, "num_key_value_heads") or heads
    return 2 * layers * pairs * head_size * window * BYTES[dtype]


def free_bytes(device: str) -> int:
    """What can still be taken there."""
    if device.startswith("cuda"):
        return torch.cuda.mem_get_info(device)[0]
    if device == "mps":
        used = torch.mps.driver_allocated_memory()
        return max(0, min(torch.mps.recommended_max_memory() - used, _memory()))
    return _memory()


def gb(size: int) -> str:
    """`1.2 GB`."""
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"


def _check_four_bit(device: str) -> None:
    if not device.startswith("cuda"):
        raise Failed("setting", f"weights_4bit needs a CUDA device, and this is {device}.")
    for name in ("bitsandbytes", "accelerate"):
        if importlib.util.find_spec(name) is None:
            raise Failed("setting", f"weights_4bit needs {name}: install it in training_python.")


def _memory() -> int:
    return max(0, min(_limits()))


def _limits() -> Iterator[int]:
    yield _of_machine()
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY:
        yield soft - _address_space()
    yield from _of_groups(Path("/"))


def _of_machine() -> int:
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        line = next(line for line in lines if line.startswith("MemAvailable:"))
        return int(line.split()[1]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 3 // 4


def _address_space() -> int:
    with contextlib.suppress(OSError, ValueError):
        return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def _of_groups(root: Path) -> Iterator[int]:
    """What the control groups of this process leave, from its own up to the root."""
    with contextlib.suppress(OSError):
        lines = (root / "proc/self/cgroup").read_text().splitlines()
        for line in lines:
            _, kinds, path = line.split(":", 2)
            yield from _of_group(root, kinds, path)


def _of_group(root: Path, kinds: str, path: str) -> Iterator[int]:
    if kinds and "memory" not in kinds.split(","):
        return
    mount = root / ("sys/fs/cgroup/memory" if kinds else "sys/fs/cgroup")
    limit, used = (
        ("memory.limit_in_bytes", "memory.usage_in_bytes")
        if kinds
        else ("memory.max", "memory.current")
    )
    group = mount / path.lstrip("/")
    for folder in (group, *group.parents):
        if folder.is_relative_to(mount):
            with contextlib.suppress(OSError, ValueError):  # `max`: no limit
                taken = int((folder / used).read_text()) - _reclaimable(folder)
                yield int((folder / limit).read_text()) - taken


def _reclaimable(group: Path) -> int:
    """Files that are kept in memory only while nobody needs it."""
    with contextlib.suppress(OSError):
        for line in (group / "memory.stat").read_text().splitlines():
            if line.startswith(("inactive_file ", "total_inactive_file ")):
                return int(line.split()[1])
    return 0


def _first(config: dict[str, Any], *names: str) -> int | None:
    return next((value for name in names if isinstance(value := config.get(name), int)), None)
