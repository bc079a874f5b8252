"""`prices`: what is known of the prices of models and of the Hub's hardware, and since when."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from ml_intern.cli import exits
from ml_intern.cli.opening import log_of
from ml_intern.cli.quantities import line
from ml_intern.clock import SystemClock, stamp
from ml_intern.compute.hub import Flavor, PriceList
from ml_intern.daemon.folders import private_folder
from ml_intern.daemon.models import known_price
from ml_intern.daemon.service import hub_hardware
from ml_intern.errors import ConfigError
from ml_intern.llm.hosted import KnownPrice, price_list
from ml_intern.money import dollars
from ml_intern.settings import Settings, load

_NAME_WIDTH = 26
"""At least; the longest name of a table makes it wider."""
_LONGEST_NAME = 60


def prices(models: Sequence[str], *, as_json: bool, debug: bool) -> int:
    """The prices of these models, else of those that the settings name; and of the hardware."""
    settings = load()
    private_folder(settings.state_dir)
    log_of(settings, debug=debug)
    known, unknown = _looked_up(models or _of_settings(settings), settings)
    clock = SystemClock()
    hardware = hub_hardware(settings, clock).prices()
    if as_json:
        document = {**_as_document(known, hardware, settings), "unknown_models": unknown}
        sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2) + "\n")
    else:
        lines = [*_of_models(known, settings), *_of_hardware(hardware)]
        lines.append(f"Hardware of the Hub: {hardware.described(clock.now())}.")
        sys.stdout.writelines(f"{each}\n" for each in lines)
        sys.stderr.writelines(f"{words}\n" for words in unknown.values())
    return exits.CONFIGURATION if unknown else exits.DONE


def _looked_up(
    models: Iterable[str], settings: Settings
) -> tuple[list[KnownPrice], dict[str, str]]:
    """What is known, and what is wrong with the names that are none."""
    known: list[KnownPrice] = []
    unknown: dict[str, str] = {}
    for name in models:
        try:
            known.append(known_price(name, settings))
        except ConfigError as exc:
            unknown[name] = str(exc)
    return known, unknown


def _of_settings(settings: Settings) -> Iterable[str]:
    """Without those that only a pattern names."""
    named = [name for name in settings.free_models if not set("*?[") & set(name)]
    return dict.fromkeys(
        [settings.model, *settings.fallback_models, *settings.model_prices, *named]
    )


def _as_document(
    known: Iterable[KnownPrice], hardware: PriceList, settings: Settings
) -> dict[str, Any]:
    read_at = hardware.read_at
    return {
        "models": [asdict(each) for each in known],
        "models_list": price_list(),
        "free_models": list(settings.free_models),
        "hardware": {
            "endpoint": hardware.endpoint,
            "read_at": None if read_at is None else stamp(read_at),
            "trouble": hardware.trouble,
            "flavors": [asdict(flavor) for flavor in hardware.flavors],
        },
    }


def _of_models(known: Iterable[KnownPrice], settings: Settings) -> Iterator[str]:
    yield f"Models, for a million tokens (the list is that {price_list()}):"
    yield from _rows([(each.model, _model(each)) for each in known])
    if settings.free_models:
        yield line(f"Free by the settings: {', '.join(settings.free_models)}", 300)


def _model(known: KnownPrice) -> str:
    price = known.price
    if price is None:
        return known.origin if known.origin == "free" else "unknown: its sessions wait for a yes"
    at = "of the settings" if known.origin == "settings" else "at most, by the list"
    words = f"${price.input_usd:g} read, ${price.output_usd:g} written, {at}"
    most = known.longest_answer
    return words if most is None else f"{words}; answers of up to {most:,} tokens"


def _of_hardware(hardware: PriceList) -> Iterator[str]:
    if hardware.flavors:
        yield "The Hub's hardware, for an hour:"
    yield from _rows([(flavor.name, _flavor(flavor)) for flavor in hardware.flavors])


def _flavor(flavor: Flavor) -> str:
    per_minute = flavor.micro_usd_per_minute
    if per_minute is None:
        return f"unknown: {flavor.trouble}"
    return f"{dollars(per_minute * 60)}  {flavor.accelerator}".rstrip()


def _rows(pairs: Sequence[tuple[str, str]]) -> Iterator[str]:
    names = [line(name, _LONGEST_NAME) for name, _ in pairs]
    width = max([_NAME_WIDTH, *map(len, names)])
    for name, (_, words) in zip(names, pairs, strict=True):
        yield f"  {name:<{width}} {line(words, 200)}"
