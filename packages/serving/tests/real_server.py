"""A program that serves a model over the real engine, again for each line that it reads: torch is imported once. Each
server is a process of its own, which says where it listens and its id, then what it says, then how it ended."""

import os
import sys
from functools import partial

from serving.engine.engine import Engine
from serving.engine.loading import load
from serving.web.application import Web
from serving.web.server import address, listening, serve


def say(line):
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def served(folder, drain):
    engine = Engine([partial(load, "m", folder, rows=4)])
    with listening("127.0.0.1", 0) as sock:
        whole = serve(Web(engine), sock, drain=drain, ready=lambda: say(f"{address(sock)} {os.getpid()}"), say=say)
    say("whole" if whole else "cut")


if __name__ == "__main__":
    for _ in sys.stdin:
        child = os.fork()
        if not child:
            served(sys.argv[1], float(sys.argv[2]))
            os._exit(0)
        say(f"exit {os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}")
