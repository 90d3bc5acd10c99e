"""Learners' code from outside: a process that is stopped in time, and whose prints are cut."""

import contextlib
import json
import os
import queue
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..exercise import Exercise
from .jobs import check_job
from .worker import END, PATIENCE, TOO_LONG

SECONDS = 10.0
"""What a check may take of the processor; `PATIENCE` times as much on the clock."""
STARTING = 180.0
"""What a process may take until it is ready: the first import of torch on a machine compiles it."""
KEPT, MOST = 2_000, 5_000_000
"""Characters of prints that are shown, and bytes after which a process is stopped."""


@dataclass(frozen=True)
class Verdict:
    """What a check found."""

    name: str
    state: str
    """passed, open (nothing is written yet) or failed."""
    lines: tuple[str, ...] = ()
    """What to tell the learner."""
    printed: str = ""
    """What the code printed, cut."""
    seconds: float = 0.0
    """Of the calls, where they were measured."""

    @property
    def passed(self) -> bool:
        return self.state == "passed"


class Output:
    """What a process prints, read as it comes and mostly forgotten."""

    def __init__(self, stream: Any, flooded: Callable[[], None]) -> None:
        self.kept, self.count, self.ended = "", 0, threading.Event()
        self._stream, self._flooded, self._tail, self._mark = stream, flooded, b"", b"\x00"
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def expect(self, mark: bytes) -> None:
        """A new job, whose output ends with this mark."""
        self.kept, self.count, self._tail, self._mark = "", -len(mark) - 1, b"", mark
        self.ended.clear()

    def _read(self) -> None:
        while part := os.read(self._stream.fileno(), 65_536):
            self._tail = (self._tail + part)[-len(part) - 200 :]
            self.count += len(part)
            if len(self.kept) < KEPT:
                self.kept += part.decode("utf-8", "replace")
            if self._mark in self._tail:
                self.ended.set()
            if self.count > MOST:
                self._flooded()
        self.ended.set()

    def shown(self) -> str:
        """The beginning of it."""
        text = re.sub("\x00end of job \\d+\x00\n", "", self.kept)
        return text if len(text) <= KEPT else f"{text[:KEPT]}\n… ({self.count:,} bytes in all)"


class Checker:
    """Checks files, each in a process that is stopped when it takes too long or prints too much.

        with Checker() as checker:
            verdict = checker.check(exercise, path)

    The process serves for the next file, too, unless it had to be stopped.
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        self.seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._answers: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._output: Output | None = None
        self._flooded = False
        self._number = 0
        self._folder = tempfile.TemporaryDirectory(prefix="ladder-")

    def __enter__(self) -> "Checker":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the process."""
        self._stop()
        self._folder.cleanup()

    def check(self, exercise: Exercise, path: Path, measured: bool = False) -> Verdict:
        """The verdict on one file. measured: also how long its calls take."""
        path = path.absolute()
        if not path.is_file():
            line = f"there is no {path.name} any more; `ladder reset {exercise.name}` brings the exercise back"
            return Verdict(exercise.name, "failed", (line,))
        answer = self.ask(check_job(exercise, path, measured), path, self.seconds)
        printed = self._output.shown() if self._output else ""
        lines = tuple(answer.get("lines", ()))
        return Verdict(exercise.name, answer["state"], lines, printed, answer.get("seconds", 0.0))

    def ask(
        self, job: dict[str, Any], path: Path, seconds: float, heard: Callable[[dict[str, Any]], None] | None = None
    ) -> dict[str, Any]:
        """The answer to a job, or what became of the process. heard: told what the job says on its way."""
        self._start()
        assert self._process is not None
        assert self._output is not None
        assert self._process.stdin is not None
        self._number += 1
        stack = Path(self._folder.name) / f"stack-{self._number}"
        self._output.expect(END.format(self._number).strip("\n").encode())
        sent = {"id": self._number, "stack": str(stack), "seconds": seconds, **job}
        self._process.stdin.write(f"{json.dumps(sent)}\n".encode())
        self._process.stdin.flush()
        limit = STARTING
        while True:
            try:
                answer = self._answers.get(timeout=limit)
            except queue.Empty:
                self._stop()
                return {"state": "failed", "lines": [still_running(stack, path, seconds)]}
            if answer is None:
                return self._ended(stack, path, seconds)
            if answer.get("id") == self._number:
                self._output.ended.wait(5)
                return answer
            if answer.get("began"):
                limit = PATIENCE * seconds + 10.0
            elif heard is not None:
                heard(answer)

    def _ended(self, stack: Path, path: Path, seconds: float) -> dict[str, Any]:
        code = self._process.wait() if self._process else 0
        self._stop()
        if self._flooded:
            line = f"your code printed more than {MOST // 10**6} MB and was stopped; take the print out of the loop"
        elif code == TOO_LONG and stack.is_file():
            line = still_running(stack, path, seconds)
        else:
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            line = f"your code ended the whole process ({how}); let the function return instead"
        return {"state": "failed", "lines": [line]}

    def _start(self) -> None:
        if self._process is not None and self._process.poll() is None:
            return
        self._stop()
        self._answers, self._flooded = queue.Queue(), False
        command = [sys.executable, "-u", "-m", f"{__package__}.worker"]
        environment = {"OMP_WAIT_POLICY": "passive", **os.environ, "PYTHONIOENCODING": "utf-8:replace"}
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self._folder.name,
            env=environment,
        )

        def flooded() -> None:
            self._flooded = True
            process.kill()

        self._process, self._output = process, Output(process.stderr, flooded)
        threading.Thread(target=_listen, args=(process.stdout, self._answers), daemon=True).start()
        ready = self._answers.get(timeout=STARTING)
        if ready is None:
            raise OSError(f"wanted a process to check in, got one that ended: {self._output.shown()[-300:]}")

    def _stop(self) -> None:
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        self._process = None


def _listen(stream: Any, answers: "queue.Queue[dict[str, Any] | None]") -> None:
    for line in stream:
        answers.put(json.loads(line))
    answers.put(None)


def still_running(stack: Path, path: Path, seconds: float) -> str:
    """A sentence for what had to be stopped, with the line where it was."""
    said = f"your code was still running after {seconds:g} seconds and was stopped"
    found = re.findall(r'File "(.*)", line (\d+)', stack.read_text("utf-8")) if stack.is_file() else []
    lines = [int(number) for name, number in found if name == str(path)]
    if not lines:
        return f"{said}; is there a loop that never ends?"
    text = path.read_text("utf-8", "replace").splitlines()
    line = text[lines[0] - 1].strip() if lines[0] <= len(text) else ""
    return f"{said}, in line {lines[0]}: {line}\nis there a loop that never ends?"
