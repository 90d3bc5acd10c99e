"""What a reward teaches a model that knows two tasks and mixes them up: exact answers before and after `reinforce`.

    uv run python tests/benchmarks/rewards.py [--seeds 5] [--steps 200] [--learning-rate 3e-4] [--curve 20]

The base is made for this question. A small model learns from nothing to reverse and to sort words, from examples of
which nearly half are wrong in one way: they carry the answer of the other task. So it comes to write hardly anything
but the reversed or the sorted word ("one of the two" below), and which one it writes is little better than chance:
50-70 % of its likeliest answers are right. Then it gets no more examples, only 1 for an answer that is right and 0 for
any other, as `finetuning reinforce --task reverse,sort` gives. Nothing that is judged or rewarded was an example.

A base that has simply been trained too shortly is another question, and a harder one: see packages/finetuning/docs/
measurements.md. One line a seed, of which base and reinforcement both are new; at the end the mean with its 95 %
interval over seeds (Student's t).
"""

import argparse
import json
import math
import random
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

TASKS = "tasks:reverse,sort"
REWARDED = f"{TASKS}:60000:1"
STUDENT = {2: 12.71, 3: 4.303, 4: 3.182, 5: 2.776}
"""The 97.5 % point of Student's t for so many seeds."""


def of_the_other_task(prompt: str) -> str:
    """The answer to a prompt as if it asked for the other one of the two."""
    kind, word = prompt.removesuffix(":").split()
    return "".join(sorted(word)) if kind == "reverse" else word[::-1]


def one_of_the_two(prompt: str, answer: str) -> float:
    """Whether an answer is right for one of the two tasks."""
    from finetuning import solution

    return float(answer.strip() in (solution(prompt), of_the_other_task(prompt)))


def write_examples(path: Path, seed: int, share: float) -> None:
    """Tasks none of which is rewarded later; a share of them carries the answer of the other task."""
    from finetuning import task_records
    from finetuning.tasks.records import read_names

    rewarded = {record["prompt"] for _, record in task_records(read_names(REWARDED))}
    draw = random.Random(seed)
    with open(path, "w", encoding="utf-8") as file:
        for _, record in task_records(read_names(f"{TASKS}:20000:{100 + seed}")):
            prompt, right = record["prompt"], record["completion"]
            if prompt not in rewarded:
                answer = f" {of_the_other_task(prompt)}" if draw.random() < share else right
                file.write(json.dumps({"prompt": prompt, "completion": answer}) + "\n")


def based(folder: Path, seed: int, options: argparse.Namespace) -> Path:
    """The folder of a model that has learned from examples."""
    import torch

    import gpt2
    from finetuning import TuneSettings, tune

    tokenizer = gpt2.Tokenizer.train(["reverse : sort : "] * 50, 257 + 16)
    shape = gpt2.GPT2Config(tokenizer.n_vocab, 32, 96, 4, 3)
    gpt2.save(folder / "base", gpt2.GPT2(shape, generator=torch.Generator().manual_seed(seed)), tokenizer)
    write_examples(folder / "examples.jsonl", seed, options.mixed)
    settings = TuneSettings(
        source=str(folder / "base"), data=folder / "examples.jsonl", method="full", learning_rate=3e-3, batch_size=64,
        steps=options.examples, evaluate_every=10**6, device="cpu", seed=seed, out=folder / "examples",
    )  # fmt: skip
    for _ in tune(settings):
        pass
    return folder / "examples" / "model"


def exact(rewards: list[float]) -> float:
    """The share of answers that are right."""
    return sum(rewards) / len(rewards)


def once(folder: Path, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """Of one seed: answers right before and after and one of the two before, shares; the CPU seconds of both parts."""
    import torch

    from finetuning import ReinforceSettings, reinforce

    torch.set_num_threads(1)
    began = time.process_time()
    model = based(folder, seed, options)
    examples = time.process_time() - began
    settings = ReinforceSettings(
        source=str(model), data=Path(REWARDED), method="full", learning_rate=options.learning_rate,
        batch_size=options.prompts, group=options.group, max_new_tokens=8, steps=options.steps, evaluate_every=10**6,
        device="cpu", seed=seed, out=folder / "rewards",
    )  # fmt: skip
    began = time.process_time()
    run = reinforce(settings)
    seconds = time.process_time() - began
    known = exact(replace(run.curriculum, reward=one_of_the_two).judge(run.curriculum.judged))
    began = time.process_time()
    for step in run:
        if options.curve and step.number % options.curve == 0:
            right = exact(run.curriculum.judge(run.curriculum.judged))
            print(f"  step {step.number}: {right:.1%}, {seconds + time.process_time() - began:.0f} CPU s", flush=True)
    after = exact(run.curriculum.judge(run.curriculum.judged))
    seconds += time.process_time() - began
    before = exact(run.record.before["rewards"])
    return {"known": known, "before": before, "after": after, "examples": examples, "seconds": seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--examples", type=int, default=1200, help="steps of learning from examples")
    parser.add_argument("--mixed", type=float, default=0.46, help="share of the examples with the other task's answer")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--prompts", type=int, default=64)
    parser.add_argument("--group", type=int, default=8)
    parser.add_argument("--learning-rate", type=float, default=3e-4)
    parser.add_argument("--curve", type=int, default=0, metavar="N", help="print exact answers every N steps")
    options = parser.parse_args()
    found = []
    for seed in range(options.first, options.first + options.seeds):
        with tempfile.TemporaryDirectory() as place:
            one = once(Path(place), seed, options)
        found.append(one["after"])
        print(
            f"seed {seed}: {one['before']:.1%} -> {one['after']:.1%} exact in {one['seconds']:.0f} CPU s; before, "
            f"{one['known']:.1%} were one of the two ({one['examples']:.0f} CPU s of examples)",
            flush=True,
        )
    if len(found) > 1:
        mean = statistics.mean(found)
        half = STUDENT.get(len(found), 1.96) * statistics.stdev(found) / math.sqrt(len(found))
        print(f"mean {mean:.1%} ({mean - half:.1%} to {mean + half:.1%})")


if __name__ == "__main__":
    main()
