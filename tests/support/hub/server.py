"""The server: its port, who may ask, what was asked, and which routes there are."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from aiohttp import web

from tests.support.hub.faults import Faults
from tests.support.hub.jobs import JobRoutes
from tests.support.hub.making import Making
from tests.support.hub.people import People, refusal, token_of
from tests.support.hub.repositories import Repositories, Storage
from tests.support.slack.serving import LARGEST_UPLOAD, Serving

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Seen:
    """One request."""

    method: str
    path: str
    token: str | None


class HubServer:
    """Serves from `with` to its end; `down` and `up` in between.

    What is there may be asked without a token; with a wrong one nobody is answered.
    """

    def __init__(self) -> None:
        self.requests: list[Seen] = []
        self.faults = Faults()
        self.people = People()
        self.jobs = JobRoutes()
        self._storage = Storage()
        self.models, self.datasets, self.spaces = (
            Repositories(self.people, lambda: self.url, self._storage, kind)
            for kind in ("model", "dataset", "space")
        )
        self._serving = Serving(self._app)

    def __enter__(self) -> Self:
        self._serving.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._serving.stop(self.faults.release)
        if kind is None:
            assert self._serving.bugs == [], "the stand-in itself broke"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._serving.port}"

    def asked(self, path: str) -> int:
        """How often this path was asked for."""
        return sum(seen.path == path for seen in self.requests)

    def release(self) -> None:
        """Answer the requests that hang."""
        self._serving.do(self.faults.release())

    def down(self) -> None:
        """Close the port and every connection."""
        self._serving.do(self._serving.shut())

    def up(self) -> None:
        """Open the same port again."""
        self._serving.do(self._serving.open())

    def _app(self) -> web.Application:
        app = web.Application(
            middlewares=[self._record, self._check_token, self._break],
            client_max_size=LARGEST_UPLOAD,
        )
        # The client asks for it before its first request, and takes a 404 for an answer.
        app.router.add_get("/api/agent-harnesses", _no_such_page)
        repositories = (self.datasets, self.spaces, self.models)
        making = Making(self.people, lambda: self.url, {one.kind: one for one in repositories})
        for group in (self.people, self.jobs, making, self._storage, *repositories):
            app.router.add_routes(group.routes())
        return app

    @web.middleware
    async def _record(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.requests.append(Seen(request.method, request.path, token_of(request)))
        return await handler(request)

    @web.middleware
    async def _check_token(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if "Authorization" in request.headers and self.people.who(token_of(request)) is None:
            return refusal(401, "Invalid username or password.")
        return await handler(request)

    @web.middleware
    async def _break(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path == "/api/agent-harnesses":
            return await handler(request)
        fault = self.faults.next(request.path)
        return await handler(request) if fault is None else await fault(request, handler)


async def _no_such_page(_request: web.Request) -> web.Response:
    return refusal(404, "Not Found")
