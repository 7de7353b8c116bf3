"""A key that requests to our own server have to bring."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import Any

Application = Callable[[Any, Any, Any], Awaitable[None]]
"""An ASGI application: scope, receive, send."""

VARIABLE = "SECPI_API_KEY"
"""The environment variable that holds the key. Without it the server answers everybody."""

OPEN = "/health"
"""What is told without a key: that the server is there."""


def demand_key(application: Application, key: str) -> Application:
    """The application for those who say `Authorization: Bearer <key>`; 401 for everybody else."""
    expected = f"Bearer {key}".encode()

    async def guarded(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI has no types of its own
        if scope["type"] == "lifespan" or scope.get("path") == OPEN:
            await application(scope, receive, send)
            return
        said = dict(scope.get("headers", [])).get(b"authorization", b"")
        if scope["type"] == "http" and hmac.compare_digest(said, expected):
            await application(scope, receive, send)
            return
        if scope["type"] == "http":
            body = b'{"error": {"message": "the key is missing or wrong", "code": 401}}'
            headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": 401, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    return guarded
