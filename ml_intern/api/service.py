"""What there is to know about the service itself."""

import os
from collections.abc import Callable
from typing import Any

from ml_intern import __version__
from ml_intern.api.metrics import MEDIA_TYPE, Metrics
from ml_intern.api.operation import NO_QUERY, AnyOperation, Call, Operation, reading
from ml_intern.client import wire
from ml_intern.client.door import Health
from ml_intern.client.wire import Codec, NoQuery

_OPENAPI: Codec[dict[str, Any]] = Codec(dict[str, Any])


def _about(call: Call[NoQuery, None]) -> wire.About:
    return wire.About(name="ml-intern", version=__version__, api=(wire.VERSION,), pid=os.getpid())


def _tools(call: Call[NoQuery, None]) -> wire.ToolList:
    return wire.ToolList(tools=tuple(call.door.tools()))


def _health(call: Call[NoQuery, None]) -> Health:
    return call.door.health()


def operations(metrics: Metrics, openapi: Callable[[], dict[str, Any]]) -> tuple[AnyOperation, ...]:
    """They need no session."""
    return (
        Operation(
            name="about",
            path="/v1",
            summary="Who answers here.",
            query=NO_QUERY,
            answer=_about,
            blocks=False,  # a client that says hello must not wait for the store
            encode=wire.ABOUT.encode,
            document=wire.ABOUT,
        ),
        reading("list_tools", "/v1/tools", "What a model may call.", _tools, wire.TOOLS),
        reading("show_health", "/v1/health", "How the service is.", _health, wire.HEALTH),
        reading(
            "show_openapi",
            "/v1/openapi.json",
            "This description.",
            lambda call: openapi(),
            _OPENAPI,
        ),
        Operation(
            name="show_metrics",
            path="/metrics",
            summary="Figures for Prometheus.",
            query=NO_QUERY,
            answer=lambda call: metrics.text(),
            encode=bytes,
            document=Codec(str),
            media_type=MEDIA_TYPE,
        ),
    )
