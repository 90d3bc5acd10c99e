"""A step of LoRA on the shapes of GPT-2 124M: ours beside peft with transformers' Trainer.

    uv run python tests/benchmarks/adapter_step.py [--turns 3] [--steps 4] [--rank 8] [--targets all|qkv]
        [--scheme int8] [--sides auto,float32,peft]

The sides learn from 8 rows of 128 tokens a step, each in a process of its own; they take turns, so many steps at a
time, and the medians of tokens per second are compared with the last side's; and those of tokens per CPU second, which
suffer less where others are at work. Memory is that of the whole process at its peak, and beside it that of a process
that has imported the side's packages and loaded the model.

Sides: "auto" is `finetuning tune` as it comes, with 16-bit products where the processor has units for them; "float32"
and "bfloat16" are its precisions by name; "peft" is Trainer as it comes, in float32; "peft-bf16" Trainer with
bf16=True. With --scheme the sides are ours in float32, on a base in whole numbers and on one in float32.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

LENGTH, ROWS, WARM = 128, 8, 2
OUR_SIDES, THEIR_SIDES = ("auto", "float32", "bfloat16"), ("peft", "peft-bf16")
WORDS = ["fox", "dog", "quick", "brown", "lazy", "jumps", "over", "the", "course"]
OURS = {"qkv": ("attention.qkv",), "all": ("attention.qkv", "attention.out", "feed_forward.up", "feed_forward.down")}
THEIRS = {"qkv": ["c_attn"], "all": ["c_attn", "c_proj", "c_fc"]}


def served(steps: Iterator[object]) -> None:
    """Take as many steps as each line of standard input says, and answer with the seconds."""
    for _ in range(WARM):
        next(steps)
    print("ready", flush=True)
    for line in sys.stdin:
        began, used = time.perf_counter(), time.process_time()
        for _ in range(int(line)):
            next(steps)
        print(time.perf_counter() - began, time.process_time() - used, flush=True)


def ours(folder: Path, rank: int, targets: str, total: int, side: str) -> None:
    from finetuning import TuneSettings, tune
    from finetuning.running import forgetting

    forgetting.old_documents = lambda: ("The lazy dog is quick.",)
    model, precision = (side, "float32") if (folder / side).is_dir() else ("model", side)
    settings = TuneSettings(
        source=str(folder / model), precision=precision, data=folder / "data.jsonl",
        method="lora", rank=rank, targets=OURS[targets], batch_size=ROWS, steps=total,
        evaluate_every=10**6, save_every=10**6, device="cpu", out=folder / f"run-{side}",
    )  # fmt: skip
    served(iter(tune(settings)))


def theirs(folder: Path, rank: int, targets: str, total: int, side: str) -> None:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import GPT2LMHeadModel, Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

    model = get_peft_model(
        GPT2LMHeadModel.from_pretrained(folder / "model"),
        LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=THEIRS[targets], fan_in_fan_out=True),
    )
    ids = torch.randint(0, 50_257, (256, LENGTH), generator=torch.Generator().manual_seed(0))
    rows = [{"input_ids": row, "labels": row} for row in ids]

    class Turns(TrainerCallback):
        """Holds the training between two turns."""

        def __init__(self) -> None:
            self.left, self.began, self.used = WARM, 0.0, 0.0

        def on_step_end(
            self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
        ) -> None:
            self.left -= 1
            if self.left == 0:
                seconds = f"{time.perf_counter() - self.began} {time.process_time() - self.used}"
                print(seconds if self.began else "ready", flush=True)
                line = sys.stdin.readline()
                if not line:
                    os._exit(0)
                self.left, self.began, self.used = int(line), time.perf_counter(), time.process_time()

    arguments = TrainingArguments(
        output_dir=str(folder / side), bf16=side == "peft-bf16",
        per_device_train_batch_size=ROWS, max_steps=total + 9, save_strategy="no",
        logging_strategy="no", report_to=[], disable_tqdm=True, use_cpu=True, optim="adamw_torch", learning_rate=1e-3,
    )  # fmt: skip
    Trainer(model=model, args=arguments, train_dataset=rows, callbacks=[Turns()]).train()


def loaded(folder: Path, side: str) -> None:
    """Only what every run of a side begins with."""
    if side not in THEIR_SIDES:
        from finetuning import tune
        from finetuning.files.models import load_model

        assert callable(tune)
        load_model(str(folder / side if (folder / side).is_dir() else folder / "model"))
    else:
        from peft import get_peft_model
        from transformers import GPT2LMHeadModel, Trainer

        assert callable(get_peft_model)
        assert callable(Trainer)
        GPT2LMHeadModel.from_pretrained(folder / "model")


def prepare(folder: Path, scheme: str | None) -> None:
    """A model of 124M parameters, in whole numbers too where a scheme is given, and answers that fill its rows."""
    import torch

    import gpt2

    tokenizer = gpt2.Tokenizer({bytes([byte]): byte for byte in range(256)})
    shape = gpt2.GPT2Config(50_257, LENGTH, 768, 12, 12)
    model = gpt2.GPT2(shape, generator=torch.Generator().manual_seed(0)).eval()
    gpt2.save(folder / "model", model, tokenizer)
    if scheme is not None:
        import quantization

        quantization.save(folder / scheme, quantization.quantize(model, scheme), tokenizer)
    texts = (" ".join(WORDS[(n + place) % len(WORDS)] for place in range(LENGTH)) for n in range(256))
    records = ({"prompt": f"{n:03d}", "completion": text[: LENGTH - 4]} for n, text in enumerate(texts))
    (folder / "data.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")


def ended(process: "subprocess.Popen[str]") -> float:
    """Megabytes of a process at its peak, once it has ended."""
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"wanted exit code 0, got status {status} of {process.args}")
    return usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--targets", choices=["all", "qkv"], default="all")
    parser.add_argument("--scheme", choices=["int8", "int4"], help="of the base (default: beside peft, in float32)")
    parser.add_argument("--sides", default="auto,float32,peft", help=f"some of {', '.join(OUR_SIDES + THEIR_SIDES)}")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    total = WARM + options.turns * options.steps
    if options.child:
        what, side, place = options.child
        if what == "prepare":
            prepare(Path(place), options.scheme)
        elif what == "load":
            loaded(Path(place), side)
        elif side in THEIR_SIDES:
            theirs(Path(place), options.rank, options.targets, total + 1, side)
        else:
            ours(Path(place), options.rank, options.targets, total + 1, side)
        return
    chosen = options.sides.split(",") if options.scheme is None else [options.scheme, "float32"]
    if unknown := set(chosen) - {*OUR_SIDES, *THEIR_SIDES, options.scheme}:
        parser.error(f"--sides: wanted some of {', '.join(OUR_SIDES + THEIR_SIDES)}, got {', '.join(unknown)}")
    with tempfile.TemporaryDirectory() as place:
        words = [sys.executable, __file__, "--turns", str(options.turns), "--steps", str(options.steps)]
        words += ["--rank", str(options.rank), "--targets", options.targets]
        words += ["--scheme", options.scheme] if options.scheme else []
        words += ["--child"]
        # in a process of its own: a process counts as its peak what its parent held when it began
        subprocess.run([*words, "prepare", "model", place], check=True)
        floor = {side: ended(subprocess.Popen([*words, "load", side, place])) for side in chosen}
        sides = {
            side: subprocess.Popen(
                [*words, "run", side, place], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
            )
            for side in chosen
        }
        for process in sides.values():
            assert process.stdout is not None
            while (line := process.stdout.readline()) and line.strip() != "ready":
                pass
        speeds: dict[str, list[float]] = {side: [] for side in sides}
        work: dict[str, list[float]] = {side: [] for side in sides}
        for turn in range(options.turns):
            for side in sorted(sides, key=chosen.index, reverse=bool(turn % 2)):
                stdin, stdout = sides[side].stdin, sides[side].stdout
                assert stdin is not None
                assert stdout is not None
                stdin.write(f"{options.steps}\n")
                seconds, used = map(float, stdout.readline().split())
                speeds[side].append(options.steps * ROWS * LENGTH / seconds)
                work[side].append(options.steps * ROWS * LENGTH / used)
        for process in sides.values():
            assert process.stdin is not None
            process.stdin.close()
        peaks = {side: ended(process) for side, process in sides.items()}
    print(f"{'':<10}{'tokens/s':>10}{'from':>8}{'to':>8}{'a CPU s':>9}{'peak':>10}{'loaded':>10}")
    for side in chosen:
        found = speeds[side]
        print(f"{side:<10}{statistics.median(found):>10,.0f}{min(found):>8,.0f}{max(found):>8,.0f}", end="")
        print(f"{statistics.median(work[side]):>9,.0f}", end="")
        print(f"{peaks[side]:>7.0f} MB{floor[side]:>7.0f} MB")
    last = chosen[-1]
    print(f"beside {last}:")
    for side in chosen[:-1]:
        pairs = [mine / other for mine, other in zip(speeds[side], speeds[last], strict=True)]
        used = statistics.median(mine / other for mine, other in zip(work[side], work[last], strict=True))
        print(f"{side:<10}{statistics.median(pairs):>10.2f}{min(pairs):>8.2f}{max(pairs):>8.2f}{used:>9.2f}", end="")
        print(f"{peaks[side] / peaks[last]:>9.2f}x")


if __name__ == "__main__":
    main()
