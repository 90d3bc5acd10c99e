"""A server of the web half in a thread of its own, over whatever engine keeps to the seam."""

import asyncio
import importlib.util
import socket
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from serving.web.application import Web
from serving.web.server import address, listening, quiet_server


def _module(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


fake = _module(Path(__file__).parent / "web" / "fake_engine.py")


@contextmanager
def running(engine, room=None, **facts):
    """The address of a server over an engine, until the `with` ends. room: bytes that it may have sent to a client who
    does not read, of which the system by itself holds megabytes."""
    web = Web(engine, **facts)
    server, sock = quiet_server(web), listening("127.0.0.1", 0)
    if room is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, room)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[sock])), daemon=True)
    thread.start()
    try:
        yield address(sock), web
    finally:
        engine.stop()
        server.should_exit = True
        thread.join(20)
        sock.close()
        assert not thread.is_alive()


@pytest.fixture
def fakes():
    """The module of the fake engine."""
    return fake


@pytest.fixture(scope="session")
def serve():
    """`with serve(engine, limits=…) as (address, web)`."""
    return running


@pytest.fixture(scope="module")
def url():
    """A server over a fake engine, for tests that leave nothing behind."""
    with running(fake.FakeEngine()) as (address, _):
        yield address


@pytest.fixture(scope="session")
def http():
    """A client that keeps its connections."""
    with httpx.Client(timeout=60, trust_env=False) as client:
        yield client


@pytest.fixture
def until():
    """Wait until something holds, for at most some seconds."""

    def wait(holds, seconds=20.0):
        end = time.perf_counter() + seconds
        while not holds():
            assert time.perf_counter() < end, "it did not come to hold"
            time.sleep(0.002)

    return wait
