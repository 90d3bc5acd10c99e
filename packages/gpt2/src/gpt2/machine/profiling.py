"""`train --profile`: where the time goes, as a table of the whole run and as a trace of a few of its steps."""

import os
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity

from trainkit import Stopwatch, is_first_rank

FIRST, STEPS = 3, 3
"""The trace begins after so many steps, when caches and allocators have settled, and covers so many."""


class Profile:
    """`watch` is for the loop and what is around it; `look(step)` after every step. Files: RUN/profile/."""

    def __init__(self, folder: Path, start: int, total: int) -> None:
        self.folder, self.start, self.watch = folder / "profile", start, Stopwatch()
        self._first = start + min(FIRST, max(0, total - start - STEPS))
        self._tracer: torch.profiler.profile | None = None
        self._last, self.seconds = start, dict[str, float]()

    def look(self, step: int) -> None:
        """Begin and end the trace at its steps."""
        self._last = step
        if self._tracer is None and step == self._first and is_first_rank():
            with self.watch("profiler"):
                os.environ.setdefault("KINETO_LOG_LEVEL", "6")  # torch's tracer talks to stderr
                self._tracer = torch.profiler.profile(activities=_activities())
                self._tracer.start()
        elif self._tracer is not None and step == self._first + STEPS:
            self._end_trace()

    def close(self) -> None:
        """Stop the clock and write what there is; once."""
        if self._tracer is not None:
            self._end_trace()
        self.seconds = self.watch.seconds
        if is_first_rank():
            self.folder.mkdir(exist_ok=True)
            (self.folder / "time.txt").write_text(self.table() + "\n", encoding="utf-8")

    def table(self) -> str:
        """Seconds, share and milliseconds a step of every part, the longest first; what the trace took stands below."""
        seconds = dict(self.seconds)
        tracing = seconds.pop("profiler", 0.0)
        steps, total = max(1, self._last - self.start), max(1e-9, sum(seconds.values()))
        rows = [
            f"  {part:17}{spent:9.2f} s{100 * spent / total:7.1f} %{1000 * spent / steps:10.2f} ms a step"
            for part, spent in seconds.items()
        ]
        return "\n".join([f"Time of {steps} steps: {total:.2f} s", *rows, f"Besides, {tracing:.2f} s for the trace"])

    def _end_trace(self) -> None:
        tracer, self._tracer = self._tracer, None
        if tracer is not None:
            with self.watch("profiler"):
                tracer.stop()
                self.folder.mkdir(exist_ok=True)
                tracer.export_chrome_trace(str(self.folder / "trace.json"))


def _activities() -> list[ProfilerActivity]:
    return [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if torch.cuda.is_available() else [])]
