"""A machine-learning engineer that works overnight."""

__version__ = "0.1.0"
__all__ = ["MLIntern", "Result", "Says", "Stream", "TextPiece", "ToolContext", "tool"]

TYPE_CHECKING = False  # `typing` itself would cost more than the rest of this module
if TYPE_CHECKING:
    from ml_intern.client.door import TextPiece
    from ml_intern.client.result import Result
    from ml_intern.intern import MLIntern, Stream
    from ml_intern.tools.function_tool import Says, tool
    from ml_intern.tools.protocol import ToolContext

_HOMES = {
    "MLIntern": "ml_intern.intern",
    "Result": "ml_intern.client.result",
    "Says": "ml_intern.tools.function_tool",
    "Stream": "ml_intern.intern",
    "TextPiece": "ml_intern.client.door",
    "ToolContext": "ml_intern.tools.protocol",
    "tool": "ml_intern.tools.function_tool",
}


def __getattr__(name: str) -> object:
    """What a program needs, imported when it is asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
