"""The process in which learners' code runs: jobs come as lines of JSON on standard input, answers go out the same way.

What the code prints goes to standard error, where the one who started this reads it, and stops reading in time.
"""

import faulthandler
import importlib
import json
import os
import sys
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

END = "\x00end of job {}\x00\n"
"""What follows the output of a job."""
TOO_LONG = 124
"""The exit code of a process that took too long."""
PATIENCE = 6
"""How much more than seconds of the processor may pass on the clock, where others need the machine, too."""
Tell = Callable[[dict[str, Any]], None]


def main() -> None:
    """Answer every job until there are none."""
    jobs, answers = os.fdopen(os.dup(0), encoding="utf-8"), os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", errors="replace", closefd=False)
    warnings.simplefilter("ignore")

    def tell(answer: dict[str, Any]) -> None:
        answers.write(f"{json.dumps(answer)}\n")
        answers.flush()

    import torch

    threads = torch.get_num_threads()
    from .guard import watch_imports

    watch_imports()
    tell({"ready": True})
    for line in jobs:
        job = json.loads(line)
        tell({"began": job["id"]})
        torch.set_num_threads(1 if job.get("small") else threads)  # a second thread only waits for the first
        job["seconds"] *= torch.get_num_threads()
        answer = done(job, tell)
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os.write(2, END.format(job["id"]).encode())
        tell({"id": job["id"], **answer})


def done(job: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """The answer to one job. The process ends where it takes too long, and leaves its stack in a file."""
    import torch

    torch.set_default_dtype(torch.float32)
    torch.set_grad_enabled(True)
    over = threading.Event()
    watchdog = threading.Thread(target=watch, args=(job["seconds"], job["stack"], over), daemon=True)
    watchdog.start()
    try:
        work = importlib.import_module(job["module"])
        answer: dict[str, Any] = work.answer(job, tell)
    finally:
        over.set()
        watchdog.join()
    return answer


def watch(seconds: float, stack: str, over: threading.Event) -> None:
    """End the process after so many seconds of the processor, or `PATIENCE` times as many on the clock."""
    used, began = time.process_time(), time.monotonic()
    while not over.wait(0.1):
        if time.process_time() - used > seconds or time.monotonic() - began > PATIENCE * seconds:
            with open(stack, "w", encoding="utf-8") as file:
                faulthandler.dump_traceback(file, all_threads=True)
            os._exit(TOO_LONG)


if __name__ == "__main__":
    main()
