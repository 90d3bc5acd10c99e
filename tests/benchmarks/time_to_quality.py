"""Time to a given quality: nanoGPT's recipe for a processor against `train`, whole processes, in turn.

    uv run python tests/benchmarks/time_to_quality.py [--text FILE] [--turns 5] [--recipe small] [--recipe quick]

Both learn the same bytes and are judged on the same held-out bytes: the end of a text, its last tenth in one piece
unless --held-out says otherwise; of many documents (the text that comes with Python) whole ones. Bits per byte compare
across tokenizers. Every turn has a seed of its own, and at the end each side's mean stands with Student's interval;
--baseline-turns N gives nanoGPT fewer turns than ours, or none. Seconds count from the start of the process: imports,
ours also the training of a tokenizer, checkpoints and the saved model. Without --text both learn what comes with
Python.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from statistics import mean

from evaluation import mean_estimate

BASELINE = Path(__file__).with_name("nanogpt_baseline.py")


def measured(command: list[str], environment: Mapping[str, str] | None = None) -> tuple[float, float, str]:
    """Wall seconds, processor seconds and standard output of a process."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
    output = process.stdout.read() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"wanted exit code 0, got status {status} of {' '.join(command)}")
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime, output


def baseline(text: list[str], seed: int) -> tuple[float, float, float]:
    wall, processor, output = measured([sys.executable, str(BASELINE), *text, "--seed", str(seed)])
    return wall, processor, json.loads(output)["bits_per_byte"]


def ours(text: list[str], recipe: str, seed: int) -> tuple[float, float, float]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "run")
        cache = os.environ | {"TENSORS_TO_GPT2_CACHE": folder}  # its tokenizer is trained in every turn
        command = [sys.executable, "-m", "gpt2", "train", *text, "--recipe", recipe, "--seed", str(seed)]
        wall, processor, _ = measured([*command, "--out", str(out)], cache)
        lines = map(json.loads, (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines())
        return wall, processor, [line["bits_per_byte"] for line in lines if line.get("bits_per_byte")][-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", help="about a megabyte of plain text")
    parser.add_argument("--held-out", type=float, default=0.1, help="share that is judged on")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--baseline-turns", type=int, metavar="N", help="of nanoGPT (default: as many)")
    parser.add_argument("--recipe", action="append", help="ours; again for more (default: small and quick)")
    arguments = parser.parse_args()
    text = ["--held-out", str(arguments.held_out), *(["--text", arguments.text] if arguments.text else [])]
    sides = {"nanoGPT": partial(baseline, text)}
    sides |= {name: partial(ours, text, name) for name in arguments.recipe or ("small", "quick")}
    figures: dict[str, list[tuple[float, float, float]]] = {name: [] for name in sides}
    theirs = arguments.turns if arguments.baseline_turns is None else arguments.baseline_turns
    print("   side  seed  wall s  processor s  bits/byte")
    for seed in range(arguments.turns):
        for name, side in sides.items():
            if name == "nanoGPT" and seed >= theirs:
                continue
            figures[name].append(side(seed=seed))
            wall, processor, bits = figures[name][-1]
            print(f"{name:>7} {seed:>5} {wall:>7.1f} {processor:>12.1f} {bits:>10.4f}", flush=True)
    figures = {name: found for name, found in figures.items() if found}
    spent = {name: [mean(one[k] for one in found) for k in (0, 1)] for name, found in figures.items()}
    for name, found in figures.items():
        bits = mean_estimate([one[2] for one in found]) if len(found) > 1 else None
        told = f"{bits.value:.3f} ({bits.low:.3f} to {bits.high:.3f})" if bits else f"{found[0][2]:.3f} (one run)"
        print(
            f"{name}: {told} bits/byte after {spent[name][0]:.1f} s and {spent[name][1]:.1f} processor seconds (means)"
        )
        if name != "nanoGPT" and "nanoGPT" in spent:
            ratios = [a / b for a, b in zip(spent["nanoGPT"], spent[name], strict=True)]
            print(f"  nanoGPT takes {ratios[0]:.1f} times the wall and {ratios[1]:.1f} times the processor seconds")


if __name__ == "__main__":
    main()
