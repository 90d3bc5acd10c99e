"""Muon's step in its plain form, its Gram form, and this in four fitted rounds, in turn, on the matrices of recipe
`quick`: CPU ms, and the ratio to the plain one; then Muon's share of a whole training step of `quick` for a megabyte.

    uv run python tests/benchmarks/muon_gram.py [--turns 30]

One thread, so that CPU seconds are those of the work and not of waiting. The column "difference" is the largest of the
two results, whose entries have a root mean square of 1 / sqrt(longer side).
"""

import argparse
import time
from statistics import median

import torch

from gpt2 import GPT2, recipe
from gpt2.training.optimizing import optimizer_of
from trainkit import orthogonalise, train_steps

SHAPES = ((6, 256, 256), (2, 256, 256), (2, 1024, 256), (2, 256, 1024))
PRODUCTS = (("float32", "none"), ("bfloat16", "bf16"))


FORMS = {"plain": {}, "Gram": {"gram": True}, "fitted": {"gram": True, "fitted": True}}


def measured(stacks: list[torch.Tensor], form: str) -> float:
    began = time.thread_time()
    for stack in stacks:
        orthogonalise(stack, **FORMS[form])
    return 1000 * (time.thread_time() - began)


class Step:
    """Steps of `quick` on random tokens, with the CPU ms of Muon's part of each."""

    def __init__(self, form: str) -> None:
        made = recipe("quick", 10**6)
        model = GPT2(made.config, generator=torch.Generator().manual_seed(0))
        optimizer = optimizer_of(
            model, made.replace(muon_gram="gram" in FORMS[form], muon_fitted="fitted" in FORMS[form])
        )
        tokens = torch.randint(made.config.n_vocab, (made.batch_size, made.config.n_ctx + 1))
        batches = iter(lambda: [(tokens[:, :-1], tokens[:, 1:])], None)
        self.spent, plain = 0.0, optimizer._step_muon  # type: ignore[attr-defined]

        def timed(*arguments: object) -> None:
            began = time.thread_time()
            plain(*arguments)
            self.spent += 1000 * (time.thread_time() - began)  # in one call for each group

        optimizer._step_muon = timed  # type: ignore[attr-defined]
        self.steps = train_steps(model, batches, lambda model, batch: model.loss(*batch), optimizer)

    def take(self) -> tuple[float, float]:
        """CPU ms of Muon and of the whole step."""
        self.spent, began = 0.0, time.thread_time()
        next(self.steps)
        return self.spent, 1000 * (time.thread_time() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=30)
    turns = parser.parse_args().turns
    torch.set_num_threads(1)
    stacks = [torch.randn(shape, generator=torch.Generator().manual_seed(0)) for shape in SHAPES]
    print(
        f"{'products':10}{'plain, ms':>11}{'Gram, ms':>10}{'ratio':>7}{'difference':>12}{'fitted, ms':>12}{'ratio':>7}"
    )
    for name, allowed in PRODUCTS:
        torch.backends.mkldnn.matmul.fp32_precision = allowed
        taken = [[measured(stacks, form) for form in FORMS] for _ in range(turns + 2)][2:]
        apart = max(float((orthogonalise(s) - orthogonalise(s, gram=True)).abs().max()) for s in stacks)
        plain, gram, fitted = (median(one[k] for one in taken) for k in range(3))
        ratios = [median(one[k] / one[0] for one in taken) for k in (1, 2)]
        print(
            f"{name:10}{plain:11.1f}{gram:10.1f}{ratios[0]:7.2f}{apart:12.5f}{fitted:12.1f}{ratios[1]:7.2f}", flush=True
        )
    print(f"\n{'a step with':14}{'Muon, ms':>9}{'step, ms':>10}{'share':>7}")
    for name, allowed in PRODUCTS:
        torch.backends.mkldnn.matmul.fp32_precision = allowed
        sides = {form: Step(form) for form in FORMS}
        steps = [{form: side.take() for form, side in sides.items()} for _ in range(turns + 2)][2:]
        for form in sides:
            muon, step = (median(one[form][k] for one in steps) for k in (0, 1))
            print(f"{name + ', ' + form:14}{muon:9.1f}{step:10.1f}{muon / step:7.2f}", flush=True)


if __name__ == "__main__":
    main()
