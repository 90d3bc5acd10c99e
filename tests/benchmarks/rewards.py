"""How far a reward takes a model that has begun to learn a task: exact answers before and after `finetuning reinforce`.

    uv run python tests/benchmarks/rewards.py [--seeds 5] [--steps 1000] [--learning-rate RATE] [--threads 1]

A small model learns from nothing to reverse and sort words, from examples, until about 60 % of its likeliest answers to
held-out prompts are right. Then it gets no more examples, only a number for each of its own answers: half of it for the
share of letters in their right places, half for an answer that is right as a whole. One line a seed; at the end the
mean with its 95 % interval over seeds (Student's t).
"""

import argparse
import math
import statistics
import tempfile
import time
from pathlib import Path

REWARD = '''"""Half for letters in their right places, half for all of them."""

from finetuning import solution


def score(prompt, answer):
    right, got = solution(prompt), answer.strip()
    places = max(len(right), len(got), 1)
    share = sum(a == b for a, b in zip(right, got)) / places
    return 0.5 * share + 0.5 * (right == got)
'''
TASKS = "tasks:reverse,sort"
STUDENT = {2: 12.71, 3: 4.303, 4: 3.182, 5: 2.776}
"""The 97.5 % point of Student's t for so many seeds."""


def exact(rewards: list[float]) -> float:
    """The share of answers that are right as a whole."""
    return sum(reward > 0.999 for reward in rewards) / len(rewards)


def once(folder: Path, seed: int, options: argparse.Namespace) -> tuple[float, float, float]:
    """Exact answers before and after, and the CPU seconds of the reinforcement alone."""
    import torch

    import gpt2
    from finetuning import ReinforceSettings, TuneSettings, reinforce, tune

    torch.set_num_threads(options.threads)
    tokenizer = gpt2.Tokenizer.train(["reverse : sort : "] * 50, 257 + 16)
    shape = gpt2.GPT2Config(tokenizer.n_vocab, 32, 96, 4, 3)
    gpt2.save(folder / "base", gpt2.GPT2(shape, generator=torch.Generator().manual_seed(seed)), tokenizer)
    learned = TuneSettings(
        source=str(folder / "base"), data=Path(f"{TASKS}:20000"), method="full", learning_rate=2e-3, batch_size=64,
        steps=options.examples, evaluate_every=10**6, device="cpu", seed=seed, out=folder / "examples",
    )  # fmt: skip
    for _ in tune(learned):
        pass
    (folder / "reward.py").write_text(REWARD, "utf-8")
    settings = ReinforceSettings(
        source=str(folder / "examples" / "model"), data=Path(f"{TASKS}:60000:1"),
        reward=f"{folder / 'reward.py'}:score",
        method="full", learning_rate=options.learning_rate, batch_size=options.prompts, group=options.group,
        max_new_tokens=8, steps=options.steps, evaluate_every=10**6, device="cpu", seed=seed,
        out=folder / "rewards",
    )  # fmt: skip
    began = time.process_time()
    run = reinforce(settings)
    before = exact(run.record.before["rewards"])
    for step in run:
        if options.curve and step.number % options.curve == 0:
            right = exact(run.curriculum.judge(run.curriculum.judged))
            print(f"  step {step.number}: {right:.1%}, {time.process_time() - began:.0f} CPU s", flush=True)
    seconds = time.process_time() - began
    return before, exact(run.curriculum.judge(run.curriculum.judged)), seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--examples", type=int, default=300, help="steps of learning from examples")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--prompts", type=int, default=64)
    parser.add_argument("--group", type=int, default=8)
    parser.add_argument("--learning-rate", type=float, help="default: that of `finetuning reinforce`")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--curve", type=int, default=0, metavar="N", help="print exact answers every N steps")
    options = parser.parse_args()
    found = []
    for seed in range(options.first, options.first + options.seeds):
        with tempfile.TemporaryDirectory() as place:
            before, after, seconds = once(Path(place), seed, options)
        found.append(after)
        print(f"seed {seed}: {before:.1%} -> {after:.1%} exact, {seconds:.0f} CPU s", flush=True)
    if len(found) > 1:
        mean = statistics.mean(found)
        half = STUDENT.get(len(found), 1.96) * statistics.stdev(found) / math.sqrt(len(found))
        print(f"mean {mean:.1%} ({mean - half:.1%} to {mean + half:.1%})")


if __name__ == "__main__":
    main()
