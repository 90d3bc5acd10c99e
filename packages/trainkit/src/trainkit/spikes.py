"""Steps that must not be taken: a loss or gradient that is not finite, or far outside the recent ones."""

import json
import math
import statistics
from collections import deque
from pathlib import Path

from .processes.ranks import is_first_rank


class NonFiniteLoss(ValueError):
    """The loss or the gradient norm of a step is infinite or NaN; model and optimizer are as they were before it."""

    def __init__(self, step: int, learning_rate: float, loss: float, gradient_norm: float):
        super().__init__(
            f"wanted a finite loss and gradient norm, got loss {loss} and norm {gradient_norm} in step {step} at "
            f"learning rate {learning_rate:.3g}; the weights are those before it. Look for NaN in the data, lower the "
            f"rate, or warm it up longer"
        )
        self.step, self.learning_rate, self.loss, self.gradient_norm = step, learning_rate, loss, gradient_norm


class LossSpike(ValueError):
    """The loss or the gradient norm of a step lies far above the recent ones; nothing was touched by it."""


class SpikeGuard:
    """Judges each step against the last `window` good ones: more than `sigmas` standard deviations above their mean,
    in loss or gradient norm, is a spike (after Olmo et al.'s skip-step rule: 6 sigma over 128 steps).

    By default a spike stops the run. With `skip_limit` that many spikes or non-finite steps of the run are skipped, and
    counted in `.skipped`; one more stops it. Its history decides about updates, so it is a part of the checkpoint.
    """

    def __init__(self, window: int = 128, sigmas: float = 6.0, skip_limit: int = 0):
        if not (window >= 0 and sigmas > 0 and skip_limit >= 0):
            raise ValueError(
                f"wanted window >= 0, sigmas > 0, skip_limit >= 0, got {window}, {sigmas}, {skip_limit}; "
                f"leave out what you do not want to change"
            )
        self.window, self.sigmas, self.skip_limit, self.skipped = window, sigmas, skip_limit, 0
        self.losses: deque[float] = deque(maxlen=window)
        self.norms: deque[float] = deque(maxlen=window)

    def skips(self, loss: float, gradient_norm: float, step: int, learning_rate: float) -> bool:
        """Whether to leave this step out; raises NonFiniteLoss or LossSpike where it should stop the run."""
        finite = math.isfinite(loss) and math.isfinite(gradient_norm)
        if finite and not (self._far(loss, self.losses) or self._far(gradient_norm, self.norms)):
            self.losses.append(loss)
            self.norms.append(gradient_norm)
            return False
        if self.skipped < self.skip_limit:
            self.skipped += 1
            return True
        if not finite:
            raise NonFiniteLoss(step, learning_rate, loss, gradient_norm)
        raise LossSpike(
            f"wanted loss and gradient norm within {self.sigmas:g} standard deviations of the last {len(self.losses)}, "
            f"got loss {loss:.4g} (mean {statistics.fmean(self.losses):.4g}) and norm {gradient_norm:.4g} (mean "
            f"{statistics.fmean(self.norms):.4g}) in step {step} at learning rate {learning_rate:.3g}, "
            f"{self.skipped} skipped before; look at that batch, lower the rate, or allow more with skip_limit"
        )

    def _far(self, value: float, past: deque[float]) -> bool:
        """Half a window of history comes first: a spread over fewer says little."""
        if len(past) < max(2, self.window // 2):
            return False
        return value > statistics.fmean(past) + self.sigmas * statistics.pstdev(past)

    def save(self, folder: Path) -> None:
        if is_first_rank():
            state = {"skipped": self.skipped, "losses": [*self.losses], "norms": [*self.norms]}
            (folder / "spikes.json").write_text(json.dumps(state), encoding="utf-8")

    def load(self, folder: Path) -> None:
        state = json.loads((folder / "spikes.json").read_text(encoding="utf-8"))
        self.skipped = state["skipped"]
        self.losses, self.norms = (deque(state[key], maxlen=self.window) for key in ("losses", "norms"))
