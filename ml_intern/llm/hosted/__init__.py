"""Any model behind an HTTP interface, through LiteLLM.

A start-up border: LiteLLM takes seconds and 170 MB to import, so this package imports it at the
first request, or in `warm`, and never because it was imported itself.
"""

from ml_intern.llm.hosted.known import KnownPrice, known_price
from ml_intern.llm.hosted.loop import RequestLoop
from ml_intern.llm.hosted.model import HostedModel, hosted_model
from ml_intern.llm.hosted.offline import warm
from ml_intern.llm.hosted.prices import Price, price_list
from ml_intern.llm.hosted.windows import GUESS

__all__ = [
    "GUESS",
    "HostedModel",
    "KnownPrice",
    "Price",
    "RequestLoop",
    "hosted_model",
    "known_price",
    "price_list",
    "warm",
]
