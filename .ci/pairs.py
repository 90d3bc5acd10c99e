"""Run nox sessions two at a time, and print the output of each whole when it ends.

    python .ci/pairs.py tests-tensors lint types
    python .ci/pairs.py --at-a-time 1 tests-tensors lint -- -k drawing    # what follows -- goes to every session

Every session is a nox of its own, in an environment of its own. One that fails stops no other. A line after each says
how long it took and what ran beside it (`pairs > NAME took 61.2 s beside lint, types`); CI's summary reads these lines.
Exits with 1 when a session failed. Tests run on one thread each, so two of them fill two cores; less than two cores or
8 GB of memory run one session at a time.
"""

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

NOX = [sys.executable, "-m", "nox", "--session"]
LEAST_MEMORY = 8e9  # bytes for two sessions: the largest take about 3 GB, and the machine wants some


@dataclass
class Sessions:
    """Sessions under way: what each runs beside, and how to stop them all."""

    command: Sequence[str]
    arguments: Sequence[str]
    running: dict[str, subprocess.Popen[str]] = field(default_factory=dict)
    beside: dict[str, list[str]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, name: str) -> tuple[str, bool]:
        """The output of one session, closed by the line that tells its seconds, and whether it succeeded."""
        began = time.monotonic()
        with self.lock:
            self.beside[name] = list(self.running)
            for other in self.running:
                self.beside[other].append(name)
            self.running[name] = process = subprocess.Popen(
                [*self.command, name, *self.arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="replace",
            )
        output, _ = process.communicate()
        with self.lock:
            del self.running[name]
        took = f"pairs > {name} took {time.monotonic() - began:.1f} s"
        if self.beside[name]:
            took += f" beside {', '.join(self.beside[name])}"
        failed = "" if process.returncode == 0 else f"pairs > FAILED: {name}\n"
        return f"{output}{failed}{took}\n", process.returncode == 0

    def stop(self) -> None:
        """End all of them in good order: nox passes an interrupt on, and waits for what it has started."""
        for process in list(self.running.values()):
            process.send_signal(signal.SIGTERM if sys.platform == "win32" else signal.SIGINT)


def run_all(names: Sequence[str], arguments: Sequence[str], at_a_time: int, command: Sequence[str] = NOX) -> list[str]:
    """Run the sessions and print them as they end; the names of those that failed."""
    sessions, failed = Sessions(command, arguments), []
    parent = os.getppid()
    with ThreadPoolExecutor(at_a_time) as pool:
        waiting = {pool.submit(sessions.run, name): name for name in names}
        try:
            while waiting:
                ended, _ = wait(waiting, timeout=1, return_when=FIRST_COMPLETED)
                for future in ended:
                    name = waiting.pop(future)
                    output, succeeded = future.result()
                    print(output, end="", flush=True)
                    failed += [] if succeeded else [name]
                if os.getppid() != parent:  # killed: what goes on unseen would meet the next run in its environments
                    raise SystemExit(143)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            sessions.stop()
            raise
    return failed


def sessions_that_fit() -> int:
    """Two where this process may use two cores and the machine has the memory, else one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = Path("/proc/meminfo")
    available = (
        1024 * int(memory.read_text("utf-8").split("MemAvailable:")[1].split()[0]) if memory.exists() else LEAST_MEMORY
    )
    return 2 if cores >= 2 and available >= LEAST_MEMORY else 1


def stop(*_: object) -> None:
    raise SystemExit(143)


def main(arguments: Sequence[str]) -> int:
    arguments, after = split(arguments)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sessions", nargs="+")
    parser.add_argument("--at-a-time", type=int, default=sessions_that_fit(), help="sessions at a time")
    parser.add_argument("--python", help="another Python for all of them, such as 3.13")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, stop)
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a job in a shell's background ignores it, and its children
    force = ["--force-python", options.python] if options.python else []
    print(f"pairs > Running {len(options.sessions)} sessions, {options.at_a_time} at a time", flush=True)
    failed = run_all(options.sessions, [*force, *after], options.at_a_time)
    print(f"pairs > {len(options.sessions)} sessions, {len(failed)} failed: {', '.join(failed) or 'none'}")
    return 1 if failed else 0


def split(arguments: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """What comes before `--`, and `--` with what comes after it."""
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    return arguments[:cut], arguments[cut:]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
