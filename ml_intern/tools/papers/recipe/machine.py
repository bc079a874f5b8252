"""Where a plan's experiment would run: this machine as it was surveyed, or one of the Hub's."""

import re
from dataclasses import dataclass

from ml_intern.compute.hub.prices import MOST_TIMEOUT_S, STARTING_S, cost_micro_usd
from ml_intern.errors import InputError
from ml_intern.money import dollars
from ml_intern.tools.protocol import ToolContext
from ml_intern.tools.training.hardware import available_bytes, usable_cpus

_ACCELERATOR = re.compile(r"(?P<count>\d+) x (?P<model>.+), (?P<gb>\d+(?:\.\d+)?) ?GB")


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What counts of it for a plan."""

    words: str
    """For people."""
    gpus: tuple[str, ...]
    """Model of each."""
    available_bytes: int | None
    """Of one GPU, or of the machine where it has none; None: unknown."""
    micro_usd_per_minute: int | None
    """0: it costs nothing. None: nobody knows."""
    price: str
    """What that rests on."""

    @property
    def devices(self) -> int:
        """That a batch is divided among."""
        return max(1, len(self.gpus))

    def cost_micro_usd(self, seconds: float | None) -> int | None:
        """Of one job that runs for so long, its start included; None: unknown."""
        if self.micro_usd_per_minute == 0:
            return 0
        if self.micro_usd_per_minute is None or seconds is None or seconds > MOST_TIMEOUT_S:
            return None
        return cost_micro_usd(self.micro_usd_per_minute, seconds + STARTING_S)

    def seconds_for(self, micro_usd: int) -> float:
        """That so much money buys. Raises InputError where it buys none, or the price is unknown."""
        if not self.micro_usd_per_minute:
            raise InputError(
                f"A budget in dollars needs hardware with a price: {self.price}. Name one of the "
                "Hub's as `flavor`, or give a budget in hours."
            )
        seconds = micro_usd / self.micro_usd_per_minute * 60 - STARTING_S
        if seconds <= 0:
            raise InputError(
                f"{dollars(micro_usd)} does not even pay for the start of a job ({self.price})."
            )
        return seconds


def machine_of(flavor: str, ctx: ToolContext) -> Machine:
    """`flavor`: a name of the Hub's hardware; empty for this machine.

    Raises InputError for hardware that the Hub does not have.
    """
    return _on_hub(flavor, ctx) if flavor else _here(ctx)


def _here(ctx: ToolContext) -> Machine:
    report = (ctx.facts.latest("hardware") or {}).get("report")
    gpus = tuple(str(gpu.get("name") or "GPU") for gpu in (report or {}).get("gpus", []))
    free, _ = available_bytes(ctx.place, ctx.facts)
    words = (
        f"this machine: {len(gpus)} x {gpus[0]}" if gpus else f"this machine: {usable_cpus()} CPUs"
    )
    if report is None:
        words += " (not surveyed: call survey_hardware, so that its GPUs count)"
    return Machine(
        words=words,
        gpus=gpus,
        available_bytes=free,
        micro_usd_per_minute=0,
        price="your own machine, free",
    )


def _on_hub(flavor: str, ctx: ToolContext) -> Machine:
    prices = ctx.place.hub.prices()
    found = prices.named(flavor)
    listed = prices.described(ctx.place.clock.now())
    if found is None:
        names = ", ".join(each.name for each in prices.flavors[:30]) or "none is known"
        raise InputError(f"The Hub has no hardware {flavor} ({listed}); there is: {names}.")
    gpu = _ACCELERATOR.fullmatch(found.accelerator)
    per_minute = found.micro_usd_per_minute
    return Machine(
        words=f"{flavor} on the Hub: {found.accelerator or found.title}",
        gpus=(gpu["model"],) * int(gpu["count"]) if gpu else (),
        available_bytes=round(float(gpu["gb"]) * 10**9) if gpu else None,
        micro_usd_per_minute=per_minute,
        price=f"{flavor} at {dollars(per_minute)} a minute; {listed}"
        if per_minute
        else f"{flavor}: {found.trouble}; {listed}",
    )
