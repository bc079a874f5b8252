"""Model clients by the names in the settings; each is made once. Safe from any thread."""

import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path

from ml_intern.daemon.hub_access import token_of
from ml_intern.errors import ConfigError
from ml_intern.llm import by_hand, hosted, replay, scripted, weights
from ml_intern.llm.client import ModelClient
from ml_intern.llm.named_file import file_of
from ml_intern.settings import ModelPrice, Settings

AUTOPILOT = "autopilot"
_OF_THEIR_OWN = (AUTOPILOT, by_hand.NAME)
"""They go by what is said, not by the conversation alone; nobody goes on in their place."""


class Models:
    """Every model that this process has been asked for."""

    def __init__(self, settings: Settings, clients: Iterable[ModelClient] = ()) -> None:
        """`clients` are asked under their own names, before any of that name is made."""
        self._settings = settings
        self._lock = threading.Lock()  # protects _made and _seen
        self._seen: dict[str, tuple[int, ...]] = {}
        """The files of recordings and scripts, as they were read."""
        self._made = {client.name: client for client in clients}
        self._loop = hosted.RequestLoop()

    def named(self, name: str) -> ModelClient:
        """The client of a model. Raises ConfigError for one that cannot be used."""
        with self._lock:
            if name not in self._made or self._is_outdated(name):
                self._made[name] = self._make(name)
            return self._made[name]

    def warm(self) -> None:
        """Load what the first request to a model of the settings would have to load.

        Raises ConfigError when the first of them cannot be used.
        """
        clients = [self.named(self._settings.model), *self._fallbacks()]
        if any(isinstance(client, hosted.HostedModel) for client in clients):
            hosted.warm()

    def close(self) -> None:
        """Hang up on every model that still answers, and end those that run here."""
        self._loop.close()
        with self._lock:
            made = tuple(self._made.values())
        for client in made:
            if isinstance(client, weights.WeightsModel):
                client.close()

    def _fallbacks(self) -> Iterator[ModelClient]:
        """Those of the settings' model that can be used."""
        for name in chain_of(self._settings.model, self._settings)[1:]:
            with suppress(ConfigError):  # told by `cautions`
                yield self.named(name)

    def _is_outdated(self, name: str) -> bool:
        return name in self._seen and self._seen[name] != _seen(name)

    def _make(self, name: str) -> ModelClient:
        if name == AUTOPILOT:
            # Here, because what it reads sentences with takes an eighth of a second to import.
            from ml_intern.llm.autopilot import Autopilot

            return Autopilot()
        if name == by_hand.NAME:
            return by_hand.ByHand()
        if name.startswith(replay.PREFIX):
            self._seen[name] = _seen(name)
            return replay.replay_model(name)
        if name.startswith(scripted.PREFIX):
            self._seen[name] = _seen(name)
            return scripted.script_model(name)
        settings = self._settings
        if name.startswith(weights.PREFIX):
            return _from_weights(name, settings)
        # Address and key belong to the model of the settings, and go to no other one's host.
        is_own = name == settings.model
        key = settings.api_key.get_secret_value() if settings.api_key and is_own else None
        return hosted.hosted_model(
            name,
            self._loop,
            api_base=settings.api_base if is_own else None,
            api_key=key,
            is_own=is_own,
            request_timeout_s=settings.request_timeout_s,
            stall_timeout_s=settings.stall_timeout_s,
            max_output_tokens=settings.max_output_tokens,
            price=_price(settings.model_prices.get(name)),
            is_free=_is_free(name, settings),
            context_windows=settings.context_windows,
            effort=settings.reasoning_effort,
        )


def chain_of(name: str, settings: Settings) -> tuple[str, ...]:
    """The models that a session may ask whose own is `name`: itself, then its fallbacks."""
    if name in _OF_THEIR_OWN or name.startswith((replay.PREFIX, scripted.PREFIX)):
        return (name,)
    return (name, *(other for other in settings.fallback_models if other != name))


def known_price(name: str, settings: Settings) -> hosted.KnownPrice:
    """What a model would cost, asked by these settings. Raises ConfigError for no such model."""
    free = (replay.PREFIX, scripted.PREFIX, weights.PREFIX)
    if name in _OF_THEIR_OWN or name.startswith(free):
        return hosted.KnownPrice(model=name, origin="free")
    return hosted.known_price(
        name,
        api_base=settings.api_base if name == settings.model else None,
        price=_price(settings.model_prices.get(name)),
        is_free=_is_free(name, settings),
        max_output_tokens=settings.max_output_tokens,
    )


def training_python(settings: Settings) -> Path:
    """The interpreter that training code runs with, and models from their weights."""
    return settings.training_python or Path(sys.executable)


def _from_weights(name: str, settings: Settings) -> weights.WeightsModel:
    return weights.weights_model(
        name,
        python=training_python(settings),
        wanted=weights.Wanted(
            device=settings.weights_device,
            dtype=settings.weights_dtype,
            four_bit=settings.weights_4bit,
            idle_s=settings.weights_idle_s,
            request_timeout_s=settings.request_timeout_s,
            stall_timeout_s=settings.stall_timeout_s,
        ),
        window_tokens=min(
            (size for names, size in settings.context_windows.items() if fnmatchcase(name, names)),
            default=None,
        ),
        max_output_tokens=settings.max_output_tokens,
        token=partial(token_of, settings),
        endpoint=settings.hf_endpoint,
    )


def _is_free(name: str, settings: Settings) -> bool:
    return any(fnmatchcase(name, free) for free in settings.free_models)


def _seen(name: str) -> tuple[int, ...]:
    """By what it is noticed that the file in the name of a model is another one now."""
    found = file_of(name, "file").stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _price(given: ModelPrice | None) -> hosted.Price | None:
    if given is None:
        return None
    return hosted.Price(
        input_usd=given.input_usd_per_million,
        output_usd=given.output_usd_per_million,
        cache_read_usd=given.cache_read_usd_per_million,
        cache_write_usd=given.cache_write_usd_per_million,
        max_output_tokens=given.max_output_tokens,
    )
