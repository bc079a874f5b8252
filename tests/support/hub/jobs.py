"""The routes of jobs."""

from typing import Any

from aiohttp import web

from tests.support.hub.hardware import USUAL


class JobRoutes:
    """The list of hardware; a test may put anything in its place."""

    def __init__(self) -> None:
        self.hardware: Any = list(USUAL)

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/api/jobs/hardware", self._hardware)]

    async def _hardware(self, _request: web.Request) -> web.Response:
        return web.json_response(self.hardware)
