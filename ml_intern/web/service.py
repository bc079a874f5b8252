"""The services that are asked, by name: where each is, and how it wants to be treated."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


def _nothing() -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, kw_only=True)
class Service:
    """One service, at one address."""

    name: str
    """For programs, e.g. `semantic_scholar`."""
    title: str = ""
    """As people call it, e.g. `Semantic Scholar`; it begins a sentence."""
    base_url: str
    """Without a slash at its end. Nothing secret is ever sent to another host."""
    interval_s: float = 0.0
    """Between the beginnings of two requests, at least."""
    fresh_s: float = 3600.0
    """For so long an answer is used again without asking."""
    secrets: Callable[[], Mapping[str, str]] = field(default=_nothing)
    """Headers that say who we are, e.g. `Authorization`; looked up for each request."""
    without_secrets: str = ""
    """What it means to have none, for people; e.g. how few requests are allowed then."""

    @property
    def called(self) -> str:
        """Its title, or its name where it has none."""
        return self.title or self.name
