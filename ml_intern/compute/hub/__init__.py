"""The Hub's machines: what they are and what they cost."""

from ml_intern.compute.hub.hardware import HubHardware, PriceList, WorstCase
from ml_intern.compute.hub.prices import (
    STARTING_S,
    Flavor,
    cost_micro_usd,
    whole_minutes,
    worst_micro_usd,
)

__all__ = [
    "STARTING_S",
    "Flavor",
    "HubHardware",
    "PriceList",
    "WorstCase",
    "cost_micro_usd",
    "whole_minutes",
    "worst_micro_usd",
]
