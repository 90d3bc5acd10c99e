"""A program that serves over the fake engine, until a signal: address first, then what it says, then how it ended."""

import importlib.util
import sys
from pathlib import Path

from serving.web.application import Web
from serving.web.server import address, listening, serve

spec = importlib.util.spec_from_file_location("fake_engine", Path(__file__).parent / "fake_engine.py")
fake = importlib.util.module_from_spec(spec)
spec.loader.exec_module(fake)


def say(line):
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


pace, drain = map(float, sys.argv[1:])
with listening("127.0.0.1", 0) as sock:
    web = Web(fake.FakeEngine(pace=pace))
    whole = serve(
        web,
        sock,
        drain=drain,
        ready=lambda: say(address(sock)),
        say=say,
    )
say("whole" if whole else "cut")
