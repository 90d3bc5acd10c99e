"""Peak memory of preferences against that of answers: a second model in memory would show here.

    uv run python tests/benchmarks/preference_memory.py [--width 384] [--layers 6] [--length 128] [--precision auto]

`prefer` (DPO) and `tune` on the same model, each in a process of its own, in turn; a step of both reads as many rows of
as many tokens: four pairs of answers, and eight answers. Megabytes are those of the whole process at its peak, and
those beyond a process that has imported the package and loaded the model.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

WORDS = ["fox", "dog", "quick", "brown", "lazy", "jumps", "over", "the", "course"]


def child(kind: str, method: str, folder: Path, precision: str) -> None:
    """One run, or only what every run begins with."""
    import gpt2
    from finetuning import PreferSettings, TuneSettings, prefer, tune
    from finetuning.running import forgetting

    forgetting.old_documents = lambda: ("The lazy dog is quick.",)
    same = {"source": str(folder / "model"), "method": method, "steps": 3, "evaluate_every": 3, "device": "cpu"}
    same["precision"] = precision
    out = folder / f"{kind}-{method.replace(':', '-')}"
    if kind == "none":
        gpt2.load(folder / "model")
        assert callable(prefer)
        assert callable(tune)
    elif kind == "tune":
        for _ in tune(TuneSettings(data=folder / "tune.jsonl", batch_size=8, out=out, **same)):  # type: ignore[arg-type]
            pass
    else:
        pairs = PreferSettings(data=folder / "prefer.jsonl", batch_size=4, out=out, **same)  # type: ignore[arg-type]
        for _ in prefer(pairs):
            pass


def peak(kind: str, method: str, folder: Path, precision: str) -> float:
    """Megabytes at the peak of a process."""
    process = subprocess.Popen(
        [sys.executable, __file__, "--precision", precision, "--child", kind, method, str(folder)]
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"wanted exit code 0, got status {status} of {kind} {method}")
    return usage.ru_maxrss / 1024


def prepare(folder: Path, width: int, layers: int, length: int) -> None:
    """A model with a published vocabulary's size, and answers that fill its context."""
    import torch

    import gpt2

    tokenizer = gpt2.Tokenizer({bytes([byte]): byte for byte in range(256)})
    shape = gpt2.GPT2Config(50_257, length, width, width // 64, layers)
    gpt2.save(folder / "model", gpt2.GPT2(shape, generator=torch.Generator().manual_seed(0)), tokenizer)

    def answer(number: int) -> str:
        return " ".join(WORDS[(number + place) % len(WORDS)] for place in range(length))[: length - 9]

    prompts = [f"{number:06d}:" for number in range(32)]
    tuned = [{"prompt": prompt, "completion": answer(n)} for n, prompt in enumerate(prompts)]
    paired = [
        {"prompt": prompt, "chosen": answer(n), "rejected": answer(n + 1)[::-1]} for n, prompt in enumerate(prompts)
    ]
    for name, records in (("tune", tuned), ("prefer", paired)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=384)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child and options.child[0] == "prepare":
        prepare(Path(options.child[2]), options.width, options.layers, options.length)
        return
    if options.child:
        child(options.child[0], options.child[1], Path(options.child[2]), options.precision)
        return
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        shape = ["--width", options.width, "--layers", options.layers, "--length", options.length]
        # in a process of its own: a process counts as its peak what its parent held when it began
        prepared = [sys.executable, __file__, *map(str, shape), "--child", "prepare", "", place]
        subprocess.run(prepared, check=True)
        floor = peak("none", "lora", folder, options.precision)
        print(f"{'method':<8}{'tune':>10}{'prefer':>10}{'ratio':>8}   beyond the model ({floor:.0f} MB)")
        for method in ("lora", "full"):
            tuned, paired = (peak(kind, method, folder, options.precision) for kind in ("tune", "prefer"))
            beyond = (paired - floor) / (tuned - floor)
            print(f"{method:<8}{tuned:>7.0f} MB{paired:>7.0f} MB{paired / tuned:>8.3f}{beyond:>9.3f}", flush=True)


if __name__ == "__main__":
    main()
