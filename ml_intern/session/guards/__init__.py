"""The guards of a turn: what a model does that leads nowhere gets a hint, and in the end a stop.

Pure: `Conduct` is a fold of the journal, so that a resumed turn counts as the one before it did;
`judge` reads it. The turn records what they say.
"""

from ml_intern.session.guards.conduct import Conduct
from ml_intern.session.guards.judge import Standing, judge

__all__ = ["Conduct", "Standing", "judge"]
