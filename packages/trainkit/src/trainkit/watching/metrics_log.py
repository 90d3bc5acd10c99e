"""A run's numbers: metrics.jsonl for programs, TensorBoard events for eyes; both resume without doubled points."""

import json
import logging
import math
import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from workbench import make_folder

from ..evaluation import evaluating
from ..loop import Step
from ..processes.ranks import is_first_rank, whole
from .log_cutting import cut_events, cut_lines

logger = logging.getLogger(__name__)


class MetricsLog:
    """`write(step, loss=..., ...)` appends one line {"step", "seconds", values...} to FOLDER/metrics.jsonl, flushed.

    A step's training and validation values may come in two calls: they are then two lines of that step. `seconds` are
    those of the run: from the creation of this object, and before it those of the lines that a resumed run keeps. NaN
    and infinities are written as null, which JSON can hold.
    With `start`, the step that a run resumes from, lines and TensorBoard points of later steps are removed first.
    Of several processes only the first one writes.
    """

    def __init__(self, folder: str | Path, start: int = 0):
        self.folder, self.start = Path(folder), start
        self._began = time.perf_counter()
        self.tensorboard: Any = None
        if not is_first_rank():
            return
        from torch.utils.tensorboard import SummaryWriter

        make_folder(self.folder)
        self._began -= cut_lines(self.folder / "metrics.jsonl", start)
        cut_events(self.folder, start)
        self._lines = (self.folder / "metrics.jsonl").open("a", encoding="utf-8")
        self.tensorboard = SummaryWriter(str(self.folder), purge_step=start + 1)

    @property
    def seconds(self) -> float:
        """How long the run has taken, with what came before it was resumed."""
        return time.perf_counter() - self._began

    def write(self, step: int, **values: float | None) -> None:
        """Values that are None were not measured and are left out."""
        if self.tensorboard is None:
            return
        measured = {name: float(value) for name, value in values.items() if value is not None}
        line = {"step": step, "seconds": round(self.seconds, 3)}
        finite = {name: value if math.isfinite(value) else None for name, value in measured.items()}
        self._lines.write(json.dumps({**line, **finite}) + "\n")
        self._lines.flush()
        for name, value in measured.items():
            self.tensorboard.add_scalar(name, value, step)

    def histograms(self, step: int, tensors: Iterable[tuple[str, Tensor]]) -> None:
        """Distributions of named tensors, e.g. `model.named_parameters()`; sharded ones are gathered first."""
        for name, tensor in tensors:
            values = whole(tensor.detach()).float().cpu()
            if self.tensorboard is not None:
                self.tensorboard.add_histogram(name, values, step)

    def image(self, step: int, name: str, pixels: Float[Tensor, "C H W"]) -> None:
        """One image, 1 or 3 channels of values from 0 to 1."""
        if self.tensorboard is not None:
            self.tensorboard.add_image(name, pixels, step)

    def text(self, step: int, name: str, text: str) -> None:
        """A text, as it is (indented, so that TensorBoard's Markdown leaves it alone)."""
        if self.tensorboard is not None:
            self.tensorboard.add_text(name, "    " + text.replace("\n", "\n    "), step)

    def graph(self, model: nn.Module, inputs: Any) -> None:
        """The operations of `model(inputs)`, drawn by TensorBoard; written once, not on resume.

        torch traces one forward pass for it, in evaluation mode and without touching random state. A model that
        cannot be traced is a logged warning: a missing picture ends no run.
        """
        if self.tensorboard is None or self.start > 0:
            return
        try:
            # torch prints what goes wrong as well as raising it, and warns of tracing's own deprecation.
            with evaluating(model), warnings.catch_warnings(), redirect_stdout(StringIO()):
                warnings.simplefilter("ignore")
                # Traced here, since TensorBoard would have torch run it again to compare, which imports sympy: seconds.
                self.tensorboard.add_graph(torch.jit.trace(model, inputs, check_trace=False), inputs)
        except Exception as error:
            logger.warning("TensorBoard gets no graph of %s, which torch cannot trace: %s", type(model).__name__, error)

    def hyper_parameters(self, values: dict[str, bool | str | float | int], metrics: Iterable[str] = ("loss",)) -> None:
        """The settings of the run and the names of the scalars to compare runs by; written once, not on resume."""
        if self.tensorboard is None or self.start > 0:
            return
        from torch.utils.tensorboard.summary import hparams

        for summary in hparams(values, dict.fromkeys(metrics, 0)):
            self.tensorboard.file_writer.add_summary(summary)

    def close(self) -> None:
        if self.tensorboard is not None:
            self._lines.close()
            self.tensorboard.close()

    def __enter__(self) -> "MetricsLog":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def log(steps: Iterable[Step], metrics: MetricsLog, every: int = 10, unit: str = "tokens") -> Iterator[Step]:
    """Pass the steps through; write loss, gradient norm, rate and items per second of each `every`-th.

    Loss, norm and rate are those of that step; the speed is the mean since the last line. `unit` says what the loss
    counts, and so names the speed: tokens_per_second, images_per_second.
    """
    items, seconds = 0.0, 0.0
    for step in steps:
        items, seconds = items + step.items, seconds + step.seconds
        if step.number % every == 0:
            metrics.write(
                step.number,
                loss=step.loss,
                learning_rate=step.learning_rate,
                gradient_norm=step.gradient_norm,
                **{f"{unit}_per_second": items / max(seconds, 1e-9)},
            )
            items, seconds = 0.0, 0.0
        yield step
