"""Time to a given quality: nanoGPT's recipe for a processor against `train --recipe small`, whole processes, in turn.

    uv run python tests/benchmarks/time_to_quality.py --text FILE [--turns 3]

Both learn the same bytes and are judged on the same held-out bytes; bits per byte compare across tokenizers. Seconds
count from the start of the process: imports, ours also the training of a tokenizer, checkpoints and the saved model.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

BASELINE = Path(__file__).with_name("nanogpt_baseline.py")


def measured(command: list[str]) -> tuple[float, float, str]:
    """Wall seconds, processor seconds and standard output of a process."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    output = process.stdout.read() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"wanted exit code 0, got status {status} of {' '.join(command)}")
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime, output


def baseline(text: str) -> tuple[float, float, float]:
    wall, processor, output = measured([sys.executable, str(BASELINE), "--text", text])
    return wall, processor, json.loads(output)["bits_per_byte"]


def ours(text: str) -> tuple[float, float, float]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "run")
        command = [sys.executable, "-m", "gpt2", "train", "--text", text, "--recipe", "small", "--out", str(out)]
        wall, processor, _ = measured(command)
        lines = map(json.loads, (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines())
        return wall, processor, [line["bits_per_byte"] for line in lines if line.get("bits_per_byte")][-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", required=True, help="about a megabyte of plain text")
    parser.add_argument("--turns", type=int, default=3)
    arguments = parser.parse_args()
    figures: dict[str, list[tuple[float, float, float]]] = {"nanoGPT": [], "ours": []}
    print("   side  wall s  processor s  bits/byte")
    for _ in range(arguments.turns):
        for name, side in (("nanoGPT", baseline), ("ours", ours)):
            figures[name].append(side(arguments.text))
            wall, processor, bits = figures[name][-1]
            print(f"{name:>7} {wall:>7.1f} {processor:>12.1f} {bits:>10.4f}", flush=True)
    ratios = [median(a[k] / b[k] for a, b in zip(*figures.values(), strict=True)) for k in (0, 1)]
    print(f"nanoGPT over ours, medians: {ratios[0]:.1f} of wall, {ratios[1]:.1f} of processor seconds")


if __name__ == "__main__":
    main()
