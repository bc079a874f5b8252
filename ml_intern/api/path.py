"""One path of the API with its methods: from the bytes of a request to those of its answer."""

import re
from collections.abc import Sequence
from functools import partial
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from ml_intern.api import request
from ml_intern.api.answer import WrongMethod
from ml_intern.api.bounds import Bounds
from ml_intern.api.operation import AnyOperation, Call
from ml_intern.api.request import ClientGone
from ml_intern.api.stream import HEADERS, Streams
from ml_intern.api.threads import Threads
from ml_intern.client.door import Door
from ml_intern.messages import SessionId

_SUBJECT = re.compile(r"\\\{\w+\\\}")


class ApiPath(BaseRoute):
    """Matches the path as it was sent, so that an id may hold whatever a person typed."""

    def __init__(
        self,
        operations: Sequence[AnyOperation],
        door: Door,
        threads: Threads,
        streams: Streams,
        bounds: Bounds,
    ) -> None:
        self.template = operations[0].path
        self._operations: dict[str, AnyOperation] = {
            operation.method: operation for operation in operations
        }
        self._pattern = re.compile(_SUBJECT.sub("([^/]*)", re.escape(self.template)))
        self._door = door
        self._threads = threads
        self._streams = streams
        self._bounds = bounds

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """See `BaseRoute`: the scope learns the template, which names the path in metrics."""
        if scope["type"] != "http":
            return Match.NONE, {}
        found = self._pattern.fullmatch(scope["raw_path"].decode("ascii"))
        if found is None:
            return Match.NONE, {}
        return Match.FULL, {"template": self.template, "parts": found.groups()}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See `BaseRoute`. Raises MLInternError, which the app answers."""
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        operation = self._operations.get(method)
        if operation is None:
            raise WrongMethod(scope["method"], self.template, tuple(self._operations))
        subject = request.parse_subject("".join(scope["parts"]))
        asked = request.wants_stream(Headers(scope=scope))
        if operation.streams == "always" or (operation.streams == "when asked" and asked):
            await self._follow(operation, subject, scope, receive, send)
            return
        try:
            call = await self._call(operation, subject, scope, receive)
        except ClientGone:
            return
        answer = partial(_answer, operation, call)
        body = await self._threads.run(answer) if operation.blocks else answer()
        await Response(body, operation.status, media_type=operation.media_type)(
            scope, receive, send
        )

    async def _call(
        self, operation: AnyOperation, subject: str, scope: Scope, receive: Receive
    ) -> Call[Any, Any]:
        headers = Headers(scope=scope)
        query = request.parse_query(scope["query_string"], operation.query)
        key = request.parse_key(headers) if operation.keyed else None
        if operation.streams != "never":
            request.parse_cursor(headers, 0)  # of no use for a page, and wrong all the same
        body = None
        if operation.body is not None:
            sent = await request.read_body(headers, receive, self._bounds)
            body = request.parse_body(sent, operation.body)
        return Call(door=self._door, subject=subject, query=query, body=body, key=key)

    async def _follow(
        self, operation: AnyOperation, subject: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        query = request.parse_query(scope["query_string"], operation.query)
        after = request.parse_cursor(Headers(scope=scope), query.after)
        stream = self._streams.new()
        try:
            await stream.open(self._door, SessionId(subject), after)
            if scope["method"] == "HEAD":
                await Response(headers=HEADERS)(scope, receive, send)
            else:
                await stream.send(receive, send)
        finally:
            self._streams.drop(stream)


def _answer(operation: AnyOperation, call: Call[Any, Any]) -> bytes:
    return operation.encode(operation.answer(call))
