"""Rules of the store and the turn, broken one at a time, to see that the suite would notice."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Mutation:
    """A rule that does not hold in this process."""

    name: str
    install: Callable[[], None]
    caught_at: tuple[str, ...]
    """Points that are tried, one after the other, until one notices."""


MUTATIONS: tuple[Mutation, ...] = ()
BY_NAME = {mutation.name: mutation for mutation in MUTATIONS}
