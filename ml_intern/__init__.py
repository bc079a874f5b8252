"""A machine-learning engineer that works overnight."""

__version__ = "0.1.0"
