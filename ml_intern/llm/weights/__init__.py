"""A language model in a process of our own, from its weights: `transformers/PLACE`.

No server and, for a folder or what is in the Hub's cache, no network. torch and transformers are
imported by that process only (`child/`).
"""

from ml_intern.llm.weights.host import Wanted
from ml_intern.llm.weights.model import WeightsModel, weights_model
from ml_intern.llm.weights.names import PREFIX

__all__ = ["PREFIX", "Wanted", "WeightsModel", "weights_model"]
