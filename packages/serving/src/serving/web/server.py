"""The server's life: it listens before the model is loaded, answers, and leaves without cutting anything off."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from .application import Web

FLUSH_SECONDS = 5
"""After the last text has ended, for readers to take what is written to them."""
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Quiet(uvicorn.Server):
    """uvicorn's server, which leaves the signals to us: it would cut streams off."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def quiet_server(web: Web) -> Quiet:
    """uvicorn as it is used here: no signals, no log of its own."""
    config = uvicorn.Config(
        web.application(),
        http="httptools",
        loop="asyncio",
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=FLUSH_SECONDS,
    )
    return Quiet(config)


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens at host and port (0: any that is free). OSError that says what to do where it cannot."""
    if not 0 <= port <= 65_535:
        raise ValueError(f"--port: wanted 0 to 65535, got {port}; 8000 is usual")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        said = (error.strerror or str(error)).lower()
        raise OSError(f"{host}:{port}: wanted an address to listen at, got one where {said}; try --port 0") from None


def address(sock: socket.socket) -> str:
    """Where a socket listens, as a client writes it."""
    host, port = sock.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(
    web: Web,
    sock: socket.socket,
    *,
    drain: float,
    ready: Callable[[], None],
    say: Callable[[str], None],
    end_at_once: Callable[[int], None] = os._exit,
) -> bool:
    """Serve until a signal comes, then drain: take nothing new, let what runs finish for at most `drain` seconds, end
    the rest as "cancelled", each with its last event. True where nothing had to be cancelled.

    ready: called once the engine is, in the server's thread. say: told what goes on, a line each. A second signal calls
    end_at_once with the code that a shell reports for it. ValueError where the engine broke while it loaded.
    """
    return asyncio.run(_serve(web, sock, drain, ready, say, end_at_once))


async def _serve(
    web: Web,
    sock: socket.socket,
    drain: float,
    ready: Callable[[], None],
    say: Callable[[str], None],
    end_at_once: Callable[[int], None],
) -> bool:
    server = quiet_server(web)
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def signaled(number: int) -> None:
        if stop.is_set() or web.engine.state == "loading":
            say("ended at once")
            end_at_once(128 + number)
        say(f"{signal.Signals(number).name}: finishing what runs, for at most {drain:g} s; once more ends at once")
        stop.set()

    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, signaled, number)
    serving = asyncio.create_task(server.serve(sockets=[sock]))
    watching = asyncio.create_task(_loaded(web, ready))
    try:
        waiting = asyncio.create_task(stop.wait())
        await asyncio.wait((serving, waiting, watching), return_when=asyncio.FIRST_COMPLETED)
        if watching.done() and watching.exception() is None:
            await asyncio.wait((serving, waiting), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        whole = await asyncio.to_thread(web.engine.drain, drain)
        await _flushed(web)
        if watching.done():
            watching.result()
        return whole
    finally:
        watching.cancel()
        server.should_exit = True
        await serving
        for number in numbers:
            loop.remove_signal_handler(number)


async def _loaded(web: Web, ready: Callable[[], None]) -> None:
    while web.engine.state == "loading":
        await asyncio.sleep(0.02)
    if web.engine.state == "broken":
        raise ValueError(web.engine.problem or "the engine is broken")
    ready()


async def _flushed(web: Web) -> None:
    """Wait until every answer is with its reader, but for those who do not read."""
    for _ in range(FLUSH_SECONDS * 50):
        if not web.running.requests:
            return
        await asyncio.sleep(0.02)
