"""The OpenAPI document, made of the structs themselves."""

from functools import cache
from typing import Any

import msgspec

from .answers import ChatCompletion, Completion
from .models import Detokenized, ModelCard, ModelList, Tokenized
from .requests import ChatRequest, CompletionRequest, DetokenizeRequest, Settings, TokenizeRequest

STRUCTS = (
    *(CompletionRequest, ChatRequest, Settings, TokenizeRequest, DetokenizeRequest),
    *(Completion, ChatCompletion, Tokenized, Detokenized, ModelList, ModelCard),
)
REFUSALS = {
    400: "Something in the request is wrong; the message says what was wanted, what came and what to do.",
    401: "No key, or a wrong one.",
    404: "No such model, or the model has no chat template.",
    408: "The body did not come in time.",
    413: "The body is too large.",
    415: "The body is no JSON by its header.",
    429: "All places are taken; Retry-After says when one is likely.",
    500: "A mistake of the server.",
    503: "Loading, draining, or out of memory.",
}


@cache
def document() -> dict[str, Any]:
    """The whole document."""
    _, schemas = msgspec.json.schema_components(STRUCTS, ref_template="#/components/schemas/{name}")
    schemas["Error"] = {
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["message", "type", "param", "code"],
                "properties": {
                    "message": {"type": "string"},
                    "type": {"type": "string"},
                    "param": {"type": ["string", "null"]},
                    "code": {"type": ["string", "null"]},
                },
            }
        },
    }
    for asked in ("CompletionRequest", "ChatRequest"):
        schemas[asked]["properties"] |= schemas["Settings"]["properties"]
    for asked in ("CompletionRequest", "ChatRequest", "TokenizeRequest", "DetokenizeRequest"):
        schemas[asked]["additionalProperties"] = False
    del schemas["Settings"]
    return {
        "openapi": "3.1.0",
        "info": {"title": "serving", "version": "2026.11.0", "description": "OpenAI's completions, for GPT-2."},
        "paths": _paths(),
        "components": {
            "schemas": schemas,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _paths() -> dict[str, Any]:
    keyed: dict[str, Any] = {"security": [{"key": []}, {}]}
    streamed = {"text/event-stream": {"schema": {"type": "string"}}}
    name = {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}
    plain = {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Prometheus' text format."}
    status = {"type": "object", "properties": {"status": {"type": "string"}}, "required": ["status"]}
    up = {"content": {"application/json": {"schema": status}}, "description": "The state."}
    return {
        "/v1/completions": {"post": {**_post("CompletionRequest", "Completion", streamed), **keyed}},
        "/v1/chat/completions": {"post": {**_post("ChatRequest", "ChatCompletion", streamed), **keyed}},
        "/v1/tokenize": {"post": {**_post("TokenizeRequest", "Tokenized"), **keyed}},
        "/v1/detokenize": {"post": {**_post("DetokenizeRequest", "Detokenized"), **keyed}},
        "/v1/models": {"get": {"responses": {"200": _body("ModelList"), "401": _refusal(401)}, **keyed}},
        "/v1/models/{name}": {
            "get": {
                "parameters": [name],
                "responses": {"200": _body("ModelCard"), **{str(code): _refusal(code) for code in (401, 404, 503)}},
                **keyed,
            }
        },
        "/health": {"get": {"responses": {"200": up, "503": up}}},
        "/ready": {"get": {"responses": {"200": up, "503": up}}},
        "/metrics": {"get": {"responses": {"200": plain, "401": _refusal(401)}, **keyed}},
        "/openapi.json": {
            "get": {"responses": {"200": {"description": "This document.", "content": {"application/json": {}}}}}
        },
    }


def _post(asked: str, answer: str, more: dict[str, Any] | None = None) -> dict[str, Any]:
    body = {"required": True, "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{asked}"}}}}
    found = _body(answer)
    found["content"] |= more or {}
    return {
        "requestBody": body,
        "responses": {"200": found, **{str(code): _refusal(code) for code in REFUSALS}},
    }


def _body(name: str) -> dict[str, Any]:
    return {
        "description": "The answer.",
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}},
    }


def _refusal(status: int) -> dict[str, Any]:
    return {
        "description": REFUSALS[status],
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }
