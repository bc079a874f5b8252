"""The routes that are the same for repositories of every kind: making one, and trying its card."""

import json
from collections.abc import Callable, Mapping

import yaml
from aiohttp import web

from tests.support.hub.people import People, refusal, token_of
from tests.support.hub.repositories import Repositories


class Making:
    """`of`: the repositories, by their kind."""

    def __init__(
        self, people: People, url: Callable[[], str], of: Mapping[str, Repositories]
    ) -> None:
        self._people = people
        self._url = url
        self._of = of

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/api/repos/create", self._create),
            web.post("/api/validate-yaml", self._validate),
        ]

    async def _create(self, request: web.Request) -> web.Response:
        who = self._people.who(token_of(request))
        if who is None:
            return refusal(401, "Invalid username or password.")
        wanted = await request.json()
        there = self._of[wanted.get("type", "model")]
        owner = wanted["organization"] or who.user
        repo_id = f"{owner}/{wanted['name']}"
        if not who.may_write(owner):
            right = f'the rights to create a {there.kind} under the namespace "{owner}"'
            return refusal(403, f"You don't have {right}")
        url = f"{self._url()}{there.page}/{repo_id}"
        if there.has(repo_id):
            words = f"You already created this {there.kind} repo"
            taken = refusal(409, words)
            taken.text = json.dumps({"error": words, "url": url})
            return taken
        there.add(repo_id, private=wanted.get("visibility") == "private")
        return web.json_response({"url": url, "name": repo_id, "id": "0"})

    async def _validate(self, request: web.Request) -> web.Response:
        content = (await request.json())["content"]
        try:
            head = content.split("---\n")[1] if content.startswith("---\n") else ""
            valid = isinstance(yaml.safe_load(head), dict)
        except (IndexError, yaml.YAMLError):
            valid = False
        if not valid:
            found = [{"message": "the metadata is no YAML object"}]
            return web.json_response({"errors": found, "warnings": []}, status=400)
        return web.json_response({"errors": [], "warnings": []})
