"""What a loaded GPT-2 124M takes: memory over a process that has imported torch, its peak, and seconds to load.

    uv run python tests/benchmarks/quantized_memory.py [ROUNDS]

Every measurement is a process of its own: it imports, loads a folder (random weights) and reads 8 tokens, so that
mapped weights are really in memory. Linux (it reads /proc/self/status); medians of the rounds, in turns.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import gpt2
import quantization

PROGRAM = """
import json, sys, time, torch
def kilobytes(name):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(name))
base = kilobytes("VmRSS")
import gpt2, quantization, quantization.files.gpt2, decoding
imported = kilobytes("VmRSS") - base
began = time.perf_counter()
model, _ = gpt2.load(sys.argv[1]) if sys.argv[2] == "float32" else quantization.load(sys.argv[1])
seconds, loading = time.perf_counter() - began, kilobytes("VmHWM") - base
with torch.inference_mode():
    model(torch.arange(8)[None], cache=model.new_cache(1, 8), last_only=True)
print(json.dumps([kilobytes("VmRSS") - base, kilobytes("VmHWM") - base, loading, seconds, imported]))
"""


def main() -> None:
    rounds, schemes = int(sys.argv[1]) if len(sys.argv) > 1 else 5, ("float32", "bfloat16", "int8", "int4")
    with tempfile.TemporaryDirectory() as folder:
        model = gpt2.GPT2(gpt2.PUBLISHED["gpt2"]).eval()
        tokenizer = gpt2.Tokenizer.train([Path(__file__).read_text(encoding="utf-8")], 300)
        gpt2.save(Path(folder, "float32"), model, tokenizer)
        for name in schemes[1:]:
            quantization.save(Path(folder, name), quantization.quantize(model, name), tokenizer)
        found: dict[str, list[list[float]]] = {name: [] for name in schemes}
        for _ in range(rounds):
            for name in schemes:
                command = [sys.executable, "-c", PROGRAM, str(Path(folder, name)), name]
                found[name].append(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))
    print("| | grows by, MB | of float32 | its imports, MB | peak, MB | peak while loading, MB | seconds to load |")
    print("|---|" + "--:|" * 6)
    base = median(row[0] for row in found["float32"])
    for name, rows in found.items():
        grown, peak, loading, seconds, imported = (median(column) for column in zip(*rows, strict=True))
        cells = f"{grown / 1e3:.0f} | {grown / base:.2f} | {imported / 1e3:.0f} | {peak / 1e3:.0f}"
        print(f"| {name} | {cells} | {loading / 1e3:.0f} | {seconds:.2f} |")


if __name__ == "__main__":
    main()
