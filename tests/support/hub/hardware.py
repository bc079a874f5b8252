"""Entries of `GET /api/jobs/hardware`, as the Hub writes them."""

from typing import Any

_CPU = ("16 vCPU", "124 GB", "1000 GB")


def a_machine(
    name: str, micro_usd: Any, gpus: int = 0, model: str = "A10G", vram: str = "24 GB", **more: Any
) -> dict[str, Any]:
    """One entry; `micro_usd` for a minute. `more` replaces keys of it."""
    cpu, ram, disk = _CPU
    accelerator = {
        "type": "gpu",
        "model": model,
        "quantity": str(gpus),
        "vram": vram,
        "manufacturer": "Nvidia",
    }
    entry = {
        "name": name,
        "prettyName": f"{model} x{gpus}" if gpus else name,
        "cpu": cpu,
        "ram": ram,
        "ephemeralStorage": disk,
        "accelerator": accelerator if gpus else None,
        "unitCostMicroUSD": micro_usd,
        "unitCostUSD": micro_usd / 1_000_000 if isinstance(micro_usd, int | float) else micro_usd,
        "unitLabel": "minute",
    }
    return {**entry, **more}


USUAL = (
    a_machine("cpu-basic", 167),
    a_machine("cpu-upgrade", 500),
    a_machine("t4-small", 6_667, 1, "T4", "16 GB"),
    a_machine("a10g-large", 25_000, 1),
    a_machine("a100-large", 41_667, 1, "A100", "80 GB"),
    a_machine("h200", 83_333, 1, "H200", "141 GB"),
)
