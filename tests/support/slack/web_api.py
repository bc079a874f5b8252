"""The Web API over HTTP: reads a call, refuses or runs it, and lets planned faults happen.

https://docs.slack.dev/apis/web-api
"""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from aiohttp import web

from tests.support.slack.call import Call, Desk
from tests.support.slack.connections import hang_up
from tests.support.slack.faults import HANG_UP_AFTER, HANG_UP_BEFORE, Fault, Faults
from tests.support.slack.methods import METHODS, Method
from tests.support.slack.refusals import Refused
from tests.support.slack.tokens import Token, Tokens
from tests.support.slack.workspace import Json

PAGE = "<!DOCTYPE html>\n<html><head><title>Server Error</title></head><body>Oh no</body></html>\n"
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class WebApi:
    """Runs in the server's loop. `record` is given every call before anything is decided."""

    def __init__(
        self, desk: Desk, tokens: Tokens, faults: Faults, record: Callable[[Call], None]
    ) -> None:
        self._desk, self._tokens, self._faults, self._record = desk, tokens, faults, record

    async def handle(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["method"]
        body = await request.read()
        headers = {key.lower(): value for key, value in request.headers.items()}
        call = Call(name, headers, {}, self._desk.workspace.now())
        try:
            call.params = await _params(request, body)
            problem = None
        except Refused as refused:
            problem = refused
        self._record(call)
        fault = self._faults.take(name) or Fault(name, 1)
        return await self._under(fault, request, call, problem)

    async def _under(
        self, fault: Fault, request: web.Request, call: Call, problem: Refused | None
    ) -> web.StreamResponse:
        """Let the fault happen around the call, or instead of it."""
        await asyncio.sleep(fault.wait_s)
        if fault.mute or fault.hang_up == HANG_UP_BEFORE:
            return self._cut(request, call)
        if fault.html is not None:
            self._end(call, f"status {fault.html}", {})
            return web.Response(status=fault.html, text=PAGE, content_type="text/html")
        if fault.refusal is not None:
            return self._refuse(call, fault.refusal)
        response = self._answer(call, problem)
        return self._cut(request, call) if fault.hang_up == HANG_UP_AFTER else response

    def _answer(self, call: Call, problem: Refused | None) -> web.Response:
        try:
            if problem:
                raise problem
            with self._desk.workspace.change():
                answer = {"ok": True, **self._run(call)}
        except Refused as refused:
            return self._refuse(call, refused)
        if call.headers.get("content-type") == "application/json" and call.params:
            answer["warning"] = "missing_charset"
        self._end(call, "ok", answer)
        return web.json_response(answer, headers=_scopes(call))

    def _run(self, call: Call) -> Json:
        method = METHODS.get(call.method)
        if method is None:
            raise Refused("unknown_method", req_method=call.method)
        call.token = self._tokens.find(_token(call))
        _check_token(method, call.token)
        self._desk.limits.method(call.method, method.tier)
        return method.run(self._desk, call)

    def _refuse(self, call: Call, refused: Refused) -> web.Response:
        self._end(call, refused.error, refused.body())
        headers = _scopes(call) | refused.headers
        return web.json_response(refused.body(), status=refused.status, headers=headers)

    def _cut(self, request: web.Request, call: Call) -> web.Response:
        self._end(call, f"{call.outcome}, cut", call.answer)
        hang_up(request.transport)
        return web.Response()

    def _end(self, call: Call, outcome: str, answer: Json) -> None:
        with self._desk.workspace.change():
            call.outcome, call.answer = outcome, answer


def _check_token(method: Method, token: Token) -> None:
    if method.for_app != token.for_app and method is not METHODS["auth.test"]:
        raise Refused("not_allowed_token_type")
    token.need(*method.scopes)


def _token(call: Call) -> str | None:
    """From the header, or from a form; a JSON body cannot carry it."""
    kind, _, value = call.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return value.strip()
    sent_json = call.headers.get("content-type", "").startswith("application/json")
    return None if sent_json else call.params.get("token")


def _scopes(call: Call) -> dict[str, str]:
    if call.token is None:
        return {}
    accepted = METHODS[call.method].scopes
    return {
        "x-oauth-scopes": ",".join(sorted(call.token.scopes)),
        "x-accepted-oauth-scopes": ",".join(accepted),
    }


async def _params(request: web.Request, body: bytes) -> dict[str, Any]:
    """Query, form or JSON. Whatever the type says, no body is no arguments."""
    params: dict[str, Any] = dict(request.query)
    if not body:
        return params
    if "content-type" not in request.headers:
        raise Refused("missing_post_type")
    if request.content_type == "application/json":
        return params | _json(body)
    if request.content_type not in FORMS:
        raise Refused("invalid_post_type")
    try:
        return params | dict(await request.post())
    except ValueError:
        raise Refused("invalid_form_data") from None


def _json(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body)
    except ValueError:
        raise Refused("invalid_json") from None
    if not isinstance(parsed, dict):
        raise Refused("json_not_object")
    return parsed
