"""From a model's name, as people write it, to the one address and the one key it is asked with.

A key goes only where it belongs: what a variable holds to its provider's own address, or to the
one that the provider's own variable gives; another address (`api_base` of the settings) gets the
`api_key` that was given with it, or none. Makes no request, and does not ask LiteLLM.
"""

import difflib
import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

from ml_intern.errors import ConfigError
from ml_intern.llm.hosted.providers import ALIASES, FAMILIES, PROVIDERS, Provider

Secrets = Callable[[str], str | None]
"""The value of a variable or credential by its name."""

CACHE_BY_MARKS = ("anthropic", "bedrock", "openrouter", "vertex_ai")
OPENAI_HOST = ".api.openai.com"
"""And those before it: regions, private links."""
SIGN_THOUGHTS = ("anthropic", "bedrock", "vertex_ai")
IN_SETTINGS = "`api_key` in the settings"
EXAMPLE = "claude-opus-4-8, gpt-5.5, ollama/qwen2.5-coder:32b, huggingface/Qwen/Qwen3-32B"


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where one model is, and how to speak to it."""

    name: str
    """As the settings write it."""
    model: str
    """As LiteLLM writes it."""
    provider: Provider
    api_base: str | None
    """None: LiteLLM knows the address."""
    key: str | None = field(default=None, repr=False)
    account: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What LiteLLM wants besides the key, by its own words for it."""
    key_hint: str = IN_SETTINGS
    """What a person sets to give it a key."""

    @property
    def who(self) -> str:
        """The model and its address, for a sentence; without a password that the address holds."""
        return f"{self.name} at {self.address}" if self.api_base else self.name

    @property
    def address(self) -> str:
        parts = urlsplit(self.api_base or "")
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))

    @property
    def is_free(self) -> bool:
        """Only a server of one's own, on this very machine."""
        return self.provider.is_local and _is_loopback(urlsplit(self.api_base or "").hostname)

    @property
    def is_near(self) -> bool:
        """On this machine, or at an address of a private network."""
        return _is_near(urlsplit(self.api_base or "").hostname)

    @property
    def window_told_by(self) -> str:
        """How the server tells how many tokens the model takes; empty: it does not."""
        if self.is_like_openai and not self.provider.window_told_by:
            return "models"
        return self.provider.window_told_by if self.lookup_address else ""

    @property
    def is_like_openai(self) -> bool:
        """Of another house than OpenAI, whose interface it speaks."""
        return self.provider.route == "openai" and not self.caches_by_key

    @property
    def caches_by_key(self) -> bool:
        """Whether it keeps prompts by itself, and finds them better by a key: OpenAI."""
        host = urlsplit(self.api_base or "").hostname or ""
        return self.provider.route == "openai" and f".{host}".endswith(OPENAI_HOST)

    @property
    def signs_thoughts(self) -> bool:
        """Whether it wants its thoughts back with its signature: Anthropic's models, wherever."""
        return self.provider.route in SIGN_THOUGHTS and "claude" in self.model

    @property
    def lookup_address(self) -> str | None:
        """Where the server is asked about its models."""
        return self.api_base or self.provider.lists_models_at

    @property
    def signs_ids(self) -> bool:
        """Whether its signatures are in the ids of its calls: Gemini, as LiteLLM writes it."""
        return self.provider.route in ("gemini", "vertex_ai") and "claude" not in self.model

    @property
    def marks_cache(self) -> bool:
        """Whether it must be told what of a prompt to keep: Anthropic's models, wherever."""
        return self.provider.route in CACHE_BY_MARKS and "claude" in self.model


def endpoint_of(
    name: str,
    *,
    secrets: Secrets,
    api_base: str | None = None,
    api_key: str | None = None,
    is_own: bool = True,
) -> Endpoint:
    """`is_own`: it is the model of the settings, so `api_base` and `api_key` there are for it.

    Raises ConfigError for a name, an address or a missing key that makes asking useless.
    """
    prefix, model = _split(name)
    provider = PROVIDERS[prefix]
    given = api_base or next(filter(None, map(secrets, provider.address_variables)), None)
    address = _address(given, provider, name) if given else provider.address
    if address is None and provider.needs_address:
        otherwise = ", or `api_base` in the settings" if is_own else ""
        raise ConfigError(
            f"The model {name!r} needs its address. Set {provider.address_variables[0]}{otherwise}."
        )
    key = api_key or (None if api_base else _own_key(provider, secrets))
    if key is None and provider.needs_key and api_base is None:
        otherwise = ", or `api_key` in the settings" if is_own else ""
        without = " The model `autopilot` needs none." if is_own else ""
        raise ConfigError(
            f"The model {name!r} needs a key. Set {provider.keys[0]} in the environment or as a "
            f"systemd credential{otherwise}.{without}"
        )
    return Endpoint(
        name=name,
        model=f"{provider.route}/{model}",
        provider=provider,
        api_base=address,
        key=key,
        account={word: held for word, name in provider.account if (held := secrets(name))},
        key_hint=IN_SETTINGS if api_key or api_base or not provider.keys else provider.keys[0],
    )


def _own_key(provider: Provider, secrets: Secrets) -> str | None:
    return next(filter(None, map(secrets, provider.keys)), None)


def _split(name: str) -> tuple[str, str]:
    """The provider's key in the table, and the model as that provider writes it."""
    stripped = name.strip()
    if "://" in stripped:
        raise ConfigError(
            f"The model {name!r} is an address. Set `api_base` in the settings to it, and the "
            "model to vllm/NAME, ollama/NAME or openai/NAME, by what the server there is."
        )
    prefix, slash, model = stripped.partition("/")
    if not slash:
        return _of_a_family(stripped), stripped
    known = ALIASES.get(prefix.lower(), prefix.lower())
    if known not in PROVIDERS:
        raise ConfigError(_unknown(name, prefix))
    if not model:
        raise ConfigError(f"The model {name!r} lacks a name after the slash. Examples: {EXAMPLE}.")
    return known, _of_the_router(model) if known == "huggingface" else model


def _of_a_family(name: str) -> str:
    for beginning, provider in FAMILIES:
        if beginning.match(name.lower()):
            return provider
    raise ConfigError(_unknown(name, name))


def _of_the_router(model: str) -> str:
    """`org/name[:provider]`, also when written LiteLLM's way, `provider/org/name`."""
    parts = model.split("/")
    return f"{parts[1]}/{parts[2]}:{parts[0]}" if len(parts) == 3 else model


def _unknown(name: str, prefix: str) -> str:
    known = sorted({*PROVIDERS, *ALIASES})
    near = difflib.get_close_matches(prefix.lower(), known, n=1)
    hint = f"Did you mean {near[0]}/...? " if near else ""
    if not near and "/" in name:
        hint = f"A model of the Hugging Face Hub is written huggingface/{name}. "
    providers = "" if near else f" Providers: {', '.join(sorted(PROVIDERS))}."
    return (
        f"There is no model {name!r}. {hint}Write the provider before the name, for example "
        f"{EXAMPLE}.{providers}"
    )


def _address(given: str, provider: Provider, name: str) -> str:
    """An address with a scheme; a local server's also with the port and path that it always has."""
    default = urlsplit(provider.address or "https://")
    text = given.strip() if "://" in given else f"{default.scheme}://{given.strip()}"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as exc:
        raise ConfigError(_no_address(given, name)) from exc
    if parts.scheme not in ("http", "https") or (not host and not provider.is_local):
        raise ConfigError(_no_address(given, name))
    if provider.is_local:
        netloc = parts.netloc
        if host in (None, "0.0.0.0", "::"):  # what a server binds to is no place to call
            netloc = f"127.0.0.1:{port or default.port}"
        elif port is None and "://" not in given:
            netloc = f"{netloc}:{default.port}"
        parts = parts._replace(netloc=netloc)
    return urlunsplit(parts._replace(path=_path(parts.path.rstrip("/"), provider)))


def _path(given: str, provider: Provider) -> str:
    """Where in a server its interface is, which people leave out, or name that of another one."""
    own = urlsplit(provider.address or "").path
    if provider.ends_in_v1:
        return given if given.endswith("/v1") else f"{given}/v1"
    if provider.is_local:
        return own if given in ("", "/v1") else given
    return given


def _no_address(given: str, name: str) -> str:
    shown = given.rpartition("@")[2]
    return (
        f"The address {shown!r} for the model {name!r} is not an http(s) URL. "
        "Write it like http://127.0.0.1:8000/v1."
    )


def _is_loopback(host: str | None) -> bool:
    found = _ip(host)
    return found is not None and found.is_loopback


def _is_near(host: str | None) -> bool:
    found = _ip(host)
    return found is not None and (found.is_loopback or found.is_private)


def _ip(host: str | None) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """None for a name, which is looked up who knows where."""
    if host == "localhost":
        return ipaddress.IPv4Address("127.0.0.1")
    try:
        return ipaddress.ip_address(host or "")
    except ValueError:
        return None
