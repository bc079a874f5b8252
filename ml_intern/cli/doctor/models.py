"""The models of the settings: whether they are there, what they take and what they cost."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

from ml_intern.cli.doctor.check import Check, warned
from ml_intern.cli.quantities import count
from ml_intern.daemon.cautions import (
    idle_fallbacks,
    passed_over,
)
from ml_intern.daemon.models import AUTOPILOT, Models, known_price
from ml_intern.effort import Effort
from ml_intern.errors import MLInternError
from ml_intern.llm.client import ModelClient, window_of
from ml_intern.llm.hosted import GUESS, HostedModel, price_list
from ml_intern.llm.weights import WeightsModel
from ml_intern.settings import Settings


def model(settings: Settings) -> Check:
    with closing(Models(settings)) as models:
        return _seen(models.named(settings.model), settings.reasoning_effort, where="`api_base`")


def fallbacks(settings: Settings) -> Iterator[Check]:
    """Each of them. None is an error: the chain goes on without one that cannot be used."""
    idle = idle_fallbacks(settings)
    if idle is not None:
        yield warned("fallback", idle)
    with closing(Models(settings)) as models:
        for name in settings.fallback_models:
            if name != settings.model:
                yield from _fallback(name, models, settings)


def _fallback(name: str, models: Models, settings: Settings) -> Iterator[Check]:
    try:
        model, effort = models.named(name), settings.reasoning_effort
        seen = _seen(model, effort, where="its variable in docs/models.md")
        is_priced = known_price(name, settings).origin != "unknown"
    except (MLInternError, OSError, subprocess.SubprocessError) as exc:
        yield warned("fallback", passed_over(name, exc))
        return
    yield replace(seen, name="fallback")
    if not is_priced:
        words = f"nobody knows what {name} costs, so it is passed over while another one is left"
        step = _how_to_price(name)
        yield Check(name="fallback", verdict="warn", found=words, next_step=step)


def _seen(model: ModelClient, effort: Effort | None, *, where: str) -> Check:
    """What one model takes, and whether it is there. `where`: its address is set."""
    if isinstance(model, WeightsModel):
        return _weights(model)
    name, window = model.name, window_of(model)
    if isinstance(model, HostedModel) and model.is_away():
        return Check(
            name="model",
            verdict="warn",
            found=f"{name}: its server does not answer",
            next_step=f"start it, or check the address ({where})",
        )
    if window is None:
        words = " (in this process: no key, no network, no cost)" if name == AUTOPILOT else ""
        return Check(name="model", verdict="ok", found=name + words)
    words = f"{name}: window {window.tokens:,} ({window.source}), answer {window.answer:,}"
    if isinstance(model, HostedModel):
        words += _effort(model, effort)
    if window.source != GUESS:
        return Check(name="model", verdict="ok", found=words)
    return Check(
        name="model",
        verdict="warn",
        found=words,
        next_step="set what it takes: "
        f"context_windows = {{{json.dumps(name)} = TOKENS}} in config.toml",
    )


def _effort(model: HostedModel, wanted: Effort | None) -> str:
    """The level of the settings, and what becomes of it."""
    if wanted is None:
        return ""
    taken = model.effort_taken()
    if taken is None:
        return f", reasoning_effort {wanted} not asked for: it has no such levels"
    return f", reasoning_effort {wanted}" + (f" (it takes {taken})" if taken != wanted else "")


def _weights(model: WeightsModel) -> Check:
    """Whether a model that is to run here has room now. Imports torch in its process: seconds."""
    weighed, window = model.weigh(), model.window()
    return Check(
        name="model",
        verdict="ok" if weighed["fits"] else "warn",
        found=f"{model.name}: window {window.tokens:,} ({window.source}), answer "
        f"{window.answer:,}; {weighed['words']}",
        next_step=""
        if weighed["fits"]
        else "free memory, choose a smaller model, or set context_windows lower",
    )


def prices(settings: Settings) -> Check:
    """Whether it is known what the model of the settings costs."""
    own = count(len(settings.model_prices), "price")
    words = f"{price_list()}; {own} and {len(settings.free_models)} free by the settings"
    if known_price(settings.model, settings).origin != "unknown":
        return Check(name="prices", verdict="ok", found=words)
    return Check(
        name="prices",
        verdict="warn",
        found=f"{words}; nobody knows what {settings.model} costs, so its sessions wait for a yes",
        next_step=_how_to_price(settings.model),
    )


def _how_to_price(name: str) -> str:
    return (
        "if it is free, such as a server of your own, set free_models = "
        f"[{json.dumps(name)}] in config.toml, else give its price in model_prices"
    )
