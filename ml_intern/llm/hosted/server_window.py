"""How many tokens a model takes, as its own server tells.

Each server tells in a way of its own. What a model was trained for is no answer: a server that was
started with less cuts the rest off, some without a word. A key goes only to the address that the
model itself is asked at, and no redirect is followed.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from ml_intern.llm.hosted.meaning import LARGEST_WINDOW, SMALLEST_WINDOW
from ml_intern.llm.hosted.names import Endpoint

TIMEOUT_S = 3.0
LONGEST_ANSWER = 32 << 20
"""Bytes; the lists of the large routers are a few megabytes."""
_FIELDS = ("max_model_len", "context_length", "context_window", "max_context_length", "n_ctx")
_BY_SPEED_OR_PRICE = ("fastest", "cheapest", "preferred")


class Untold(Exception):
    """The server could not be asked, or did not answer as such a server does."""

    def __init__(self, message: str, *, is_away: bool = False) -> None:
        """`is_away`: nobody answered at all."""
        super().__init__(message)
        self.is_away = is_away


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a server says of a model."""

    tokens: int | None = None
    """None: it does not say."""
    most: int | None = None
    """However it is started: what the model was trained for."""


def told_by_server(endpoint: Endpoint) -> Told | None:
    """None: it is of no use to ask it. Raises Untold. Waits for seconds at most."""
    look = _LOOKS.get(endpoint.window_told_by)
    if look is None:
        return None
    with httpx.Client(timeout=TIMEOUT_S, follow_redirects=False) as client:
        return look(_Server(client, endpoint))


class _Server:
    """The place where a model is asked, and what it is called there."""

    def __init__(self, client: httpx.Client, endpoint: Endpoint) -> None:
        self._client = client
        self._key = endpoint.key
        self._until = time.monotonic() + TIMEOUT_S
        self.base = (endpoint.lookup_address or "").rstrip("/")
        self.root = self.base.removesuffix("/v1")
        self.model = endpoint.model.partition("/")[2]

    def get(self, url: str) -> Any:
        return self._answer(self._client.build_request("GET", url, headers=self._headers()))

    def post(self, url: str, body: Mapping[str, Any]) -> Any:
        headers = self._headers()
        return self._answer(self._client.build_request("POST", url, headers=headers, json=body))

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._key}"} if self._key else {}

    def _answer(self, request: httpx.Request) -> Any:
        response = None
        try:
            response = self._client.send(request, stream=True)
            response.raise_for_status()
            return json.loads(b"".join(self._pieces(response)))
        except (httpx.HTTPError, ValueError, RecursionError) as exc:
            is_away = isinstance(exc, httpx.TransportError)
            raise Untold(f"{request.url.path}: {exc}", is_away=is_away) from exc
        finally:
            if response is not None:
                response.close()

    def _pieces(self, response: httpx.Response) -> Iterator[bytes]:
        size = 0
        for piece in response.iter_bytes():
            size += len(piece)
            if size > LONGEST_ANSWER or time.monotonic() > self._until:
                raise Untold("it does not come to an end")
            yield piece


def _by_models(server: _Server) -> Told:
    """`GET /v1/models`: vLLM, SGLang, OpenRouter, most gateways."""
    return Told(tokens=_smallest(_sizes(_entry(server.get(f"{server.base}/models"), server.model))))


def _by_router(server: _Server) -> Told:
    """The Hugging Face Router: each model is served by several, who take differently much."""
    name, _, chosen = server.model.partition(":")
    entry = _entry(server.get(f"{server.base}/models"), name)
    if "providers" not in entry:  # a server of one's own
        return Told(tokens=_smallest(_sizes(entry)))
    live = [
        each
        for each in _mappings(entry["providers"])
        if each.get("status", "live") == "live"
        and (not chosen or chosen in _BY_SPEED_OR_PRICE or each.get("provider") == chosen)
    ]
    return Told(tokens=_smallest(each.get("context_length") for each in live))


def _by_llamacpp(server: _Server) -> Told:
    """`GET /props`: what one of its slots takes."""
    props = _mapping(server.get(f"{server.root}/props"))
    settings = _mapping(props.get("default_generation_settings"))
    return Told(tokens=_smallest([settings.get("n_ctx", props.get("n_ctx"))]))


def _by_lm_studio(server: _Server) -> Told:
    """`GET /api/v0/models`: how the model was loaded. One that is not is loaded with who knows."""
    entry = _entry(server.get(f"{server.root}/api/v0/models"), server.model)
    return Told(
        tokens=_smallest([entry.get("loaded_context_length")]),
        most=_smallest([entry.get("max_context_length")]),
    )


def _by_ollama(server: _Server) -> Told:
    """The Modelfile's `num_ctx`, else that of the model as it is loaded now."""
    shown = _mapping(server.post(f"{server.root}/api/show", {"model": server.model}))
    info = _mapping(shown.get("model_info"))
    trained = _smallest(size for name, size in info.items() if name.endswith(".context_length"))
    return Told(tokens=_num_ctx(shown.get("parameters")) or _loaded(server), most=trained)


def _num_ctx(parameters: Any) -> int | None:
    """Of lines like `num_ctx    8192`."""
    for line in str(parameters or "").splitlines():
        name, _, size = line.strip().partition(" ")
        if name == "num_ctx" and size.strip().isdecimal():
            return _smallest([int(size)])
    return None


def _loaded(server: _Server) -> int | None:
    running = _mapping(server.get(f"{server.root}/api/ps")).get("models")
    names = {server.model, f"{server.model}:latest"}
    return _smallest(
        each.get("context_length")
        for each in _mappings(running)
        if each.get("name") in names or each.get("model") in names
    )


_LOOKS: Mapping[str, Callable[[_Server], Told]] = {
    "models": _by_models,
    "router": _by_router,
    "llamacpp": _by_llamacpp,
    "lm_studio": _by_lm_studio,
    "ollama": _by_ollama,
}


def _entry(listing: Any, model: str) -> Mapping[str, Any]:
    """Of a model in a list; the only one there is, by whatever name."""
    entries = _mappings(listing if isinstance(listing, list) else _mapping(listing).get("data"))
    named = [each for each in entries if each.get("id") == model]
    return (named or (entries if len(entries) == 1 else [{}]))[0]


def _sizes(entry: Mapping[str, Any]) -> Iterator[Any]:
    """Of the model, as it was started (`meta`) and with the provider it goes to first."""
    for holder in (entry, _mapping(entry.get("meta")), _mapping(entry.get("top_provider"))):
        yield from (holder.get(name) for name in _FIELDS)


def _smallest(found: Iterable[Any]) -> int | None:
    """Of those that can be a window."""
    sizes = [
        each for each in found if type(each) is int and SMALLEST_WINDOW <= each <= LARGEST_WINDOW
    ]
    return min(sizes, default=None)


def _mapping(found: Any) -> Mapping[str, Any]:
    return found if isinstance(found, Mapping) else {}


def _mappings(found: Any) -> list[Mapping[str, Any]]:
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []
