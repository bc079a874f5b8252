"""Who may ask for what: tokens, and whose they are."""

from dataclasses import dataclass
from typing import Any, Literal

from aiohttp import web

USER = "ada"
TOKEN = "hf_test_token"
READ_TOKEN = "hf_test_read_token"
SCOPED_TOKEN = "hf_test_scoped_token"
"""Fine-grained, for other repositories than those of the test."""


@dataclass(frozen=True)
class Bearer:
    """Somebody with a token."""

    user: str
    role: Literal["write", "read", "fineGrained"] = "write"
    orgs: tuple[str, ...] = ()
    sees: bool = True
    """Private repositories that are there."""

    def may_write(self, namespace: str) -> bool:
        return self.role == "write" and namespace in (self.user, *self.orgs)

    def may_see(self, namespace: str) -> bool:
        """Private repositories of this namespace."""
        return self.sees and self.role != "fineGrained" and namespace in (self.user, *self.orgs)


class People:
    """The tokens that there are; a test may take one away, or add one."""

    def __init__(self) -> None:
        self.tokens = {
            TOKEN: Bearer(USER, orgs=("acme",)),
            READ_TOKEN: Bearer(USER, "read"),
            SCOPED_TOKEN: Bearer(USER, "fineGrained"),
        }

    def who(self, token: str | None) -> Bearer | None:
        return self.tokens.get(token or "")

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/api/whoami-v2", self._whoami)]

    async def _whoami(self, request: web.Request) -> web.Response:
        who = self.who(token_of(request))
        if who is None:
            return refusal(401, "Invalid username or password.")
        access: dict[str, Any] = {"displayName": "test", "role": who.role}
        if who.role == "fineGrained":
            access["fineGrained"] = {"global": [], "scoped": []}
        return web.json_response(
            {
                "type": "user",
                "id": "0",
                "name": who.user,
                "orgs": [{"type": "org", "name": name} for name in who.orgs],
                "auth": {"type": "access_token", "accessToken": access},
            }
        )


def token_of(request: web.Request) -> str | None:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if kind == "Bearer" else None


def refusal(status: int, message: str, code: str = "") -> web.Response:
    """An error as the Hub writes it."""
    headers = {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {})
    return web.json_response({"error": message}, status=status, headers=headers)
