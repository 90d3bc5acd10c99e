"""The routes: what is asked where, and the application that answers."""

import time
from asyncio import to_thread
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from ..jobs import Serves
from ..protocol.chats import ids_of_chat
from ..protocol.limits import Limits
from ..protocol.models import ModelList, card, detokenized, tokenized
from ..protocol.openapi import document
from ..protocol.plans import Plan, plan_chat, plan_completion
from ..protocol.reading import read, read_with_settings
from ..protocol.refusals import Refused, unknown_model
from ..protocol.requests import ChatRequest, CompletionRequest, DetokenizeRequest, TokenizeRequest
from ..protocol.writers import ChatWriter, Writer
from ..status import Served
from .access_log import AccessLog, Record
from .answering import Answer, submit
from .bodies import body_of
from .front import Front, Running, refusal
from .inbox import Mail
from .keys import Keys
from .metrics import CONTENT_TYPE, Metrics

SMALL = 16_384
"""Bytes of a body that is read and encoded at once; a larger one in a thread, while others are answered."""


@dataclass
class Web:
    """The web half of a server: an engine, and how it is shown."""

    engine: Serves
    limits: Limits = field(default_factory=Limits)
    keys: Keys = field(default_factory=Keys)
    log: AccessLog = field(default_factory=lambda: AccessLog(quiet=True))
    origins: Sequence[str] = ()
    """Origins of pages that may ask (CORS); "*" for all."""

    def __post_init__(self) -> None:
        self.metrics, self.running, self.began = Metrics(self.engine), Running(), int(time.time())
        self.mail: Mail | None = None  # of the loop, which runs once a request is there

    def application(self) -> Starlette:
        """The ASGI application."""
        get, post = ["GET"], ["POST"]
        routes = [
            Route("/v1/completions", self.complete, methods=post),
            Route("/v1/chat/completions", self.chat, methods=post),
            Route("/v1/models", self.models, methods=get),
            Route("/v1/models/{name:path}", self.model, methods=get),
            Route("/v1/tokenize", self.tokenize, methods=post),
            Route("/v1/detokenize", self.detokenize, methods=post),
            Route("/health", self.health, methods=get),
            Route("/ready", self.ready, methods=get),
            Route("/metrics", self.numbers, methods=get),
            Route("/openapi.json", self.openapi, methods=get),
        ]
        self.metrics.paths = frozenset(route.path for route in routes)
        front = Middleware(Front, keys=self.keys, log=self.log, running=self.running, count=self.metrics.count)
        cors = Middleware(
            CORSMiddleware,
            allow_origins=list(self.origins),
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=["Retry-After", "X-Request-Id"],
        )
        handlers: dict[Any, Any] = {
            Refused: _refused,
            HTTPException: _not_found,
            ClientDisconnect: _left,
            Exception: _broken,
        }
        return Starlette(
            routes=routes, middleware=[cors, front] if self.origins else [front], exception_handlers=handlers
        )

    async def complete(self, request: Request) -> Answer:
        """POST /v1/completions."""
        body = await body_of(request, self.limits.body_bytes)
        return self._answer(request, body, await self._planned(body, self._completion), Writer, "cmpl")

    async def chat(self, request: Request) -> Answer:
        """POST /v1/chat/completions."""
        body = await body_of(request, self.limits.body_bytes)
        return self._answer(request, body, await self._planned(body, self._chat), ChatWriter, "chatcmpl")

    async def _planned(self, body: bytes, plan: Any) -> Plan:
        return plan(body) if len(body) <= SMALL else await to_thread(plan, body)

    def _completion(self, body: bytes) -> Plan:
        asked, given = read_with_settings(body, CompletionRequest)
        return plan_completion(asked, given, self._served(asked.model), self.limits)

    def _chat(self, body: bytes) -> Plan:
        asked, given = read_with_settings(body, ChatRequest)
        served = self._served(asked.model)
        return plan_chat(asked, given, ids_of_chat(asked.messages, served), served, self.limits)

    def _answer(self, request: Request, body: bytes, plan: Plan, kind: type[Writer], prefix: str) -> Answer:
        record: Record = request.scope["record"]
        record.name = record.name.replace("req", prefix, 1)
        facts = {"model": plan.served.name, "stream": plan.stream, "rows": plan.rows, "seed": plan.settings.seed}
        record.facts |= {**facts, "system_fingerprint": plan.served.system_fingerprint}
        if plan.user is not None:
            record.facts["user"] = plan.user
        if self.log.texts:
            record.facts["request"] = msgspec.json.decode(body)
        if self.mail is None:
            self.mail = Mail()
        ticket, inbox = submit(self.engine, plan, record.name, float(self.limits.seconds), self.mail)
        return Answer(ticket, inbox, kind(plan, record.name), record, texts=self.log.texts)

    def _served(self, name: str | None) -> Served:
        models = self.engine.models
        if not models:
            raise Refused(
                "wanted a model that is loaded, got one that is loading; try again later", status=503, retry_after=5
            )
        if name is None:
            return next(iter(models.values()))
        if name not in models:
            raise unknown_model(name[:80], list(models))
        return models[name]

    async def models(self, request: Request) -> Response:
        """GET /v1/models."""
        cards = [card(served, self.limits, self.began) for served in self.engine.models.values()]
        return as_json(ModelList(data=cards))

    async def model(self, request: Request) -> Response:
        """GET /v1/models/NAME."""
        return as_json(card(self._served(request.path_params["name"]), self.limits, self.began))

    async def tokenize(self, request: Request) -> Response:
        """POST /v1/tokenize."""
        asked = read(await body_of(request, self.limits.body_bytes), TokenizeRequest)
        return as_json(await to_thread(tokenized, asked.prompt, self._served(asked.model)))

    async def detokenize(self, request: Request) -> Response:
        """POST /v1/detokenize."""
        asked = read(await body_of(request, self.limits.body_bytes), DetokenizeRequest)
        return as_json(await to_thread(detokenized, asked.tokens, self._served(asked.model)))

    async def health(self, request: Request) -> Response:
        """GET /health: 200 as long as the process answers and the engine is not broken."""
        state = self.engine.state
        return as_json({"status": "ok" if state != "broken" else state}, 503 if state == "broken" else 200)

    async def ready(self, request: Request) -> Response:
        """GET /ready: 200 where a request would be taken now, else 503."""
        state = self.engine.state
        said = {"status": state} | ({"problem": self.engine.problem} if self.engine.problem else {})
        return as_json(said, 200 if state == "ready" else 503)

    async def numbers(self, request: Request) -> Response:
        """GET /metrics."""
        return Response(self.metrics.text(), media_type=CONTENT_TYPE)

    async def openapi(self, request: Request) -> Response:
        """GET /openapi.json."""
        return as_json(document())


def as_json(answer: Any, status: int = 200) -> Response:
    """A struct as a response."""
    return Response(msgspec.json.encode(answer), status, media_type="application/json")


async def _refused(request: Request, refused: Refused) -> Response:
    if refused.param is not None or refused.status != 500:
        request.scope["record"].facts["refused"] = refused.message
    return refusal(refused)


async def _not_found(request: Request, error: HTTPException) -> Response:
    path = request.url.path[:80]
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "another")
        refused = Refused(f"{path}: wanted the method {allowed}, got {request.method[:20]}; use that", status=405)
        return refusal(refused)
    return refusal(Refused(f"wanted a path of this server, got {path}; GET /openapi.json lists them", status=404))


async def _left(request: Request, error: ClientDisconnect) -> Response:
    request.scope["record"].facts["left"] = True
    return Response(status_code=499)


async def _broken(request: Request, error: Exception) -> Response:
    return refusal(Refused("the server failed at this request, which is a mistake of ours; its log has it", status=500))
