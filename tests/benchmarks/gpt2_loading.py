"""Loading a 124M folder: `gpt2.load` against `transformers`, whole processes timed from outside, interleaved.

    python tests/benchmarks/gpt2_loading.py [ROUNDS]

The weights are random and of the published shape. "over torch" subtracts a process that only imports torch.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import gpt2

PROCESSES = {
    "import torch": "import torch",
    "gpt2.load": "import sys, gpt2; gpt2.load(sys.argv[1])",
    "transformers": "import sys, transformers; transformers.AutoModelForCausalLM.from_pretrained(sys.argv[1])",
}


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    seconds: dict[str, list[float]] = {name: [] for name in PROCESSES}
    with tempfile.TemporaryDirectory() as folder:
        text = Path(__file__).read_text(encoding="utf-8")
        gpt2.save(folder, gpt2.GPT2(gpt2.PUBLISHED["gpt2"]), gpt2.Tokenizer.train([text], 300))
        for _ in range(rounds + 1):  # the first round warms the page cache and does not count
            for name, code in PROCESSES.items():
                start = time.perf_counter()
                subprocess.run([sys.executable, "-c", code, folder], check=True, capture_output=True)
                seconds[name].append(time.perf_counter() - start)
    base = median(seconds["import torch"][1:])
    print(f"load average {os.getloadavg()[0]:.1f}, {rounds} rounds")
    print(f"{'process':16}{'median s':>10}{'over torch':>12}{'smallest':>10}")
    for name, times in seconds.items():
        middle = median(times[1:])
        print(f"{name:16}{middle:10.2f}{middle - base:12.2f}{min(times[1:]):10.2f}")
    ratio = median(seconds["gpt2.load"][1:]) / median(seconds["transformers"][1:])
    print(f"gpt2.load takes {ratio:.2f} of the time of transformers")


if __name__ == "__main__":
    main()
