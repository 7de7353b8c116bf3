"""`/tokenize`, asked and answered as vLLM does it: the ids that a request is really generated from."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from transformers.cli.serving.chat_completion import ChatCompletionHandler
from transformers.cli.serving.completion import CompletionHandler

_ALWAYS = {
    "messages": {"add_generation_prompt": True, "add_special_tokens": False},
    "prompt": {"add_special_tokens": True},
}
"""Of chats and of plain texts: what vLLM has settings for, and this server does in one way."""


class _Chats(ChatCompletionHandler):
    """Does with a chat all that comes before its generation, and tells the ids instead of generating."""

    async def _non_streaming(self, *arguments: Any, **named: Any) -> JSONResponse:  # noqa: ANN401
        return _answer(*arguments, **named)


class _Texts(CompletionHandler):
    """The same with a text."""

    async def _non_streaming(self, *arguments: Any, **named: Any) -> JSONResponse:  # noqa: ANN401
        return _answer(*arguments, **named)


def _answer(_id: str, model: Any, _processor: Any, _name: str, inputs: Any, *_: Any, **__: Any) -> JSONResponse:  # noqa: ANN401
    (ids,) = inputs["input_ids"].tolist()
    longest = getattr(model.config, "max_position_embeddings", None)
    return JSONResponse({"count": len(ids), "max_model_len": longest, "tokens": ids, "token_strs": None})


def add_tokenize(app: FastAPI, chats: ChatCompletionHandler) -> None:
    """Adds the route to a server whose chats are handled so."""
    state = (chats.model_manager, chats.generation_state)
    by_key: dict[str, Any] = {"messages": _Chats(*state, chats.chat_template_kwargs), "prompt": _Texts(*state)}

    @app.post("/tokenize")
    async def tokenize(request: Request, body: dict[str, Any]) -> JSONResponse:
        given = [key for key in by_key if key in body]
        if len(given) != 1:
            raise HTTPException(status_code=422, detail="Give either `messages` or `prompt`.")
        for name, value in _ALWAYS[given[0]].items():
            if body.pop(name, value) is not value:
                raise HTTPException(status_code=422, detail=f"With `{given[0]}`, `{name}` is always {value} here.")
        whole = {**body, "stream": False}
        answer: JSONResponse = await by_key[given[0]].handle_request(whole, request.state.request_id)
        return answer
