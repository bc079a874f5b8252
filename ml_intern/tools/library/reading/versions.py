"""Which version of a package is installed."""

import importlib.metadata
from functools import cache


def installed(module: str) -> str:
    """Name and version of the distribution that a module belongs to, e.g. `trl 1.16.0`."""
    top = module.partition(".")[0]
    name = distribution(top)
    return f"{name} {importlib.metadata.version(name)}" if name else top


@cache
def distribution(top: str) -> str:
    """The distribution that brings a top-level module; empty: none says so."""
    try:
        importlib.metadata.version(top)
    except importlib.metadata.PackageNotFoundError:
        return next(iter(importlib.metadata.packages_distributions().get(top, [])), "")
    return top
