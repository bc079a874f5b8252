"""What is recorded of a model that did not answer, whatever it was asked for."""

from ml_intern.effort import Effort
from ml_intern.errors import ContextOverflow, Interrupted, ModelError
from ml_intern.events import ModelFailed


def failure(
    model: str,
    exc: ModelError,
    retry_in_s: float | None = None,
    remedy: str = "",
    effort: Effort | None = None,
) -> ModelFailed:
    """`remedy`: what is done about it, for people. `effort`: with which it is asked from now on."""
    return ModelFailed(
        model=model,
        error=str(exc),
        retry_in_s=retry_in_s,
        text=exc.text,
        is_free=exc.is_free,
        trouble=exc.trouble,
        window=exc.window if isinstance(exc, ContextOverflow) else None,
        remedy=remedy,
        effort=effort,
    )


def cut_off(model: str, cut: Interrupted) -> ModelFailed:
    """The session was told to stop while it answered."""
    return ModelFailed(model=model, error=str(cut), retry_in_s=None, text=cut.text)
