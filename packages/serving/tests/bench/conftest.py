"""A server of our own making that answers completions as it is told to: the bench is held against what it knows."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route


class Scripted:
    """What the server saw, and how it is to answer."""

    def __init__(self) -> None:
        self.requests: list[dict] = []
        self.keys: list[str | None] = []
        self.under_way = self.most = 0
        self.first = self.pause = 0.0
        self.refuse_after = 10**9
        self.cut = False
        self.url = ""

    async def models(self, request: Request) -> JSONResponse:
        return JSONResponse({"object": "list", "data": [{"id": "scripted", "object": "model"}]})

    async def completions(self, request: Request):
        body = await request.json()
        self.requests.append(body)
        self.keys.append(request.headers.get("authorization"))
        if len(self.requests) > self.refuse_after:
            return JSONResponse({"error": {"message": "busy"}}, status_code=429)
        return StreamingResponse(self.events(body), media_type="text/event-stream")

    async def events(self, body: dict):
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await asyncio.sleep(self.first)
            n = body["max_tokens"]
            for i in range(n):
                choice = {"index": 0, "text": "x", "finish_reason": "length" if i == n - 1 else None}
                yield f"data: {json.dumps({'choices': [choice]})}\r\n\r\n"
                await asyncio.sleep(self.pause)
            yield f"data: {json.dumps({'choices': [], 'usage': {'completion_tokens': n}})}\n\n"
            if not self.cut:
                yield "data: [DONE]\n\n"
        finally:
            self.under_way -= 1


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    script = Scripted()
    routes = [Route("/v1/models", script.models), Route("/v1/completions", script.completions, methods=["POST"])]
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    script.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    yield script
    server.should_exit = True
    thread.join(10)
