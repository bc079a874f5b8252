"""The app: every operation of the API, over one door."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from itertools import groupby
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from ml_intern.api import (
    answer,
    approvals,
    budgets,
    journal,
    policy,
    service,
    sessions,
    unknowns,
)
from ml_intern.api.bounds import Bounds
from ml_intern.api.metrics import Counting, Metrics
from ml_intern.api.openapi import describe
from ml_intern.api.operation import AnyOperation
from ml_intern.api.path import ApiPath
from ml_intern.api.stream import Streams
from ml_intern.api.threads import Threads
from ml_intern.client.door import Door
from ml_intern.errors import MLInternError


def build_app(door: Door, bounds: Bounds | None = None) -> Starlette:
    """The app over `door`, for one event loop; `ApiServer` runs it."""
    bounds = bounds or Bounds()
    threads = Threads()
    streams = Streams(threads, bounds)
    metrics = Metrics(door, streams)

    @cache
    def openapi() -> dict[str, Any]:
        return describe(operations)

    operations: Sequence[AnyOperation] = (
        *service.operations(metrics, openapi),
        *sessions.OPERATIONS,
        *journal.OPERATIONS,
        *approvals.OPERATIONS,
        *unknowns.OPERATIONS,
        *policy.OPERATIONS,
        *budgets.OPERATIONS,
    )

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        threads.close()

    by_path = sorted(operations, key=lambda operation: operation.path)
    app = Starlette(
        routes=[
            ApiPath(tuple(of_one), door, threads, streams, bounds)
            for _, of_one in groupby(by_path, key=lambda operation: operation.path)
        ],
        middleware=[Middleware(Counting, metrics=metrics)],
        exception_handlers={
            MLInternError: answer.refuse,
            HTTPException: answer.refuse_path,
            Exception: answer.confess,
        },
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.state.streams = streams
    return app
