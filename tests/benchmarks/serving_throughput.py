"""A server beside the bare loop, and beside llama.cpp's: GPT-2 124M's shape with random weights, 8 clients.

    uv run python tests/benchmarks/serving_throughput.py [--llama-server PATH] [--tokens 128] [--turns 3] [--small]

All sides take turns: `decoding.generate_ids` with 8 rows in this process, `serving run` in processes of its own
(float32 and int8), and llama-server (`-np 8`, float32 and q8_0, of files that `serving hand-off` writes) where one is
named. Two more figures: the share of the server's CPU time that is not its engine's, and what the first token of an
idle server takes, beside the same step without a server.
"""

import argparse
import asyncio
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import torch

from decoding import Batch, GenerationSettings, generate_ids
from gpt2 import GPT2, GPT2Config, Tokenizer, save
from serving.bench.addresses import address
from serving.bench.client import complete
from serving.bench.driving import Load, Turn, drive, prompt
from serving.bench.figures import figures
from serving.hand_off.gguf_file import write_gguf
from workbench import spin_briefly

ROWS = 8
Side = Callable[[int], float]
"""A turn by its number; gives tokens a second."""


def tokenizer_of(n_vocab: int) -> Tokenizer:
    """One with so many ids: all bytes, then pairs of bytes, as nobody would train it."""
    pairs = (bytes([a, b]) for a in range(256) for b in range(256))
    tokens = [bytes([byte]) for byte in range(256)] + [next(pairs) for _ in range(n_vocab - 257)]
    return Tokenizer({token: id for id, token in enumerate(tokens)})


def seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


@contextmanager
def process(command: list[str], port: int | None, ready: str) -> Iterator[tuple[str, int]]:
    """A server and its process id, once `ready` answers 200. port: None where the server says its address itself."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    out = subprocess.PIPE if port is None else subprocess.DEVNULL
    with subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL, text=True, env=environment) as child:
        try:
            url = f"http://127.0.0.1:{port}"
            while port is None and child.stdout is not None and (line := child.stdout.readline()):
                if found := re.search(r"http://[\d.]+:\d+", line):
                    url = found[0]
                    break
            until = time.monotonic() + 300
            while not answers(f"{url}{ready}"):
                if child.poll() is not None or time.monotonic() > until:
                    raise SystemExit(f"serving_throughput: this server did not become ready: {' '.join(command)}")
                time.sleep(0.2)
            yield url, child.pid
        finally:
            child.terminate()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def by_server(url: str, load: Load, fields: dict[str, object]) -> Side:
    """Turns of a server; what it says of the model is asked once."""
    load = Load(load.clients, load.requests, load.tokens, load.words, fields=fields)

    def turn(number: int) -> float:
        found: list[Turn] = asyncio.run(drive([address(url)], load, 1))[0]
        short = [answer.tokens for answer in found[0].answers if answer.tokens != load.tokens]
        if short:
            print(f"  {url}: {len(short)} answers have other lengths: {sorted(set(short))}", file=sys.stderr)
        return figures(found).tokens_a_second

    return turn


def by_loop(model: GPT2, tokenizer: Tokenizer, load: Load) -> Side:
    """`decoding.generate_ids` with all prompts at once."""
    settings = GenerationSettings(max_new_tokens=load.tokens, temperature=0.0, stop_at_end_of_text=False)

    def turn(number: int) -> float:
        prompts = [tokenizer.encode(prompt(load.seed, number, row, load.words)) for row in range(load.requests)]
        return load.requests * load.tokens / seconds(lambda: generate_ids(model, prompts, settings))

    return turn


def thread_seconds(pid: int) -> dict[int, float]:
    """CPU seconds of each thread of a process so far (Linux)."""
    tick = os.sysconf("SC_CLK_TCK")
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        fields = (task / "stat").read_text().rpartition(")")[2].split()
        found[int(task.name)] = (int(fields[11]) + int(fields[12])) / tick
    return found


def web_share(pid: int, work: Callable[[], object]) -> float:
    """Of the CPU time that a server spends on `work`, the share of its main thread, which reads and writes."""
    before = thread_seconds(pid)
    work()
    spent = {task: used - before.get(task, 0.0) for task, used in thread_seconds(pid).items()}
    return spent[pid] / sum(spent.values())


def first_tokens(url: str, model: GPT2, turns: int) -> tuple[float, float]:
    """Median seconds to the first token of 16: through an idle server, and of the same step without one, in turns."""
    settings = GenerationSettings(max_new_tokens=2, temperature=0.0, stop_at_end_of_text=False)
    batch, served, bare = Batch(model, max_rows=ROWS), [], []
    for turn in range(turns + 2):
        ids = [(turn * 16 + i) % 1000 for i in range(16)]
        request = {"prompt": ids, "max_tokens": 2, "temperature": 0, "stop_at_end_of_text": False}
        answer = asyncio.run(complete(address(url), request, None, 60.0))
        served.append(answer.times[0] if answer.times else float("nan"))
        batch.add(ids, settings)
        bare.append(seconds(batch.step))
        batch.run()
    return statistics.median(served[2:]), statistics.median(bare[2:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--llama-server", help="llama.cpp's server; without it those sides are left out")
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--small", action="store_true", help="a model of 3 million parameters, to try this program")
    given = parser.parse_args()
    config = GPT2Config(n_vocab=2048, n_ctx=512, n_embd=256, n_head=4, n_layer=3) if given.small else GPT2Config()
    model = GPT2(config, generator=torch.Generator().manual_seed(0)).eval()
    tokenizer = tokenizer_of(config.n_vocab)
    load = Load(clients=ROWS, requests=ROWS, tokens=given.tokens, words=12)
    ours: dict[str, object] = {"stop_at_end_of_text": False}
    with tempfile.TemporaryDirectory() as place, ExitStack() as stack:
        save(f"{place}/m", model, tokenizer)
        sides: dict[str, Side] = {"generate_ids, float32": by_loop(model, tokenizer, load)}
        run = [sys.executable, "-m", "serving", "run", "--port", "0", "--rows", str(ROWS), "--quiet"]
        url, pid = stack.enter_context(process([*run, f"{place}/m"], None, "/ready"))
        sides["serving, float32"] = by_server(url, load, ours)
        import quantization

        quantization.save(f"{place}/int8", quantization.quantize(model, "int8"), tokenizer)
        small, _ = stack.enter_context(process([*run, f"{place}/int8"], None, "/ready"))
        sides["serving, int8"] = by_server(small, load, ours)
        if given.llama_server is None:
            print("llama-server: not run: none was named (--llama-server PATH)", file=sys.stderr)
        for port, kind in ((18_231, "float32"), (18_232, "q8_0")) if given.llama_server else ():
            path = Path(place) / f"{kind}.gguf"
            write_gguf(path, model, tokenizer, kind)
            threads = str(torch.get_num_threads())
            sizes = ["-c", str(ROWS * config.n_ctx), "-np", str(ROWS), "-t", threads, "-tb", threads]
            command = [given.llama_server, "-m", str(path), "--port", str(port), *sizes, "--no-webui"]
            other, _ = stack.enter_context(process(command, port, "/health"))
            sides[f"llama-server, {kind}"] = by_server(other, load, {"ignore_eos": True})
        speeds: dict[str, list[float]] = {name: [] for name in sides}
        for turn in range(given.turns):
            order = list(sides) if turn % 2 == 0 else list(sides)[::-1]
            for name in order:
                speeds[name].append(sides[name](turn))
                print(f"  turn {turn + 1}: {name}: {speeds[name][-1]:,.1f} tokens/s", file=sys.stderr)
        share = web_share(pid, lambda: sides["serving, float32"](given.turns))
        served, bare = first_tokens(url, model, 11)
    print(f"{config.n_parameters / 1e6:,.0f} million parameters, {ROWS} clients x {given.tokens} tokens, ", end="")
    print(f"{torch.get_num_threads()} threads, load {os.getloadavg()[0]:.1f}; medians of {given.turns} turns\n")
    print("| side | tokens/s | beside | times |\n|---|---:|---|---:|")
    beside = {
        "serving, float32": ("generate_ids, float32", "llama-server, float32"),
        "serving, int8": ("serving, float32", "llama-server, q8_0"),
    }
    for name, found in speeds.items():
        others = [other for other in beside.get(name, ()) if other in speeds]
        times = [statistics.median(a / b for a, b in zip(found, speeds[other], strict=True)) for other in others]
        shown = ", ".join(f"{value:.2f}" for value in times)
        print(f"| {name} | {statistics.median(found):,.1f} | {'; '.join(others)} | {shown} |")
    print(f"\nThe web half's share of the server's CPU time: {share:.1%}")
    print(f"First token of an idle server: {1000 * served:.1f} ms, the bare step {1000 * bare:.1f} ms: ", end="")
    print(f"{served / bare:.2f} times")


if __name__ == "__main__":
    if (
        "OMP_WAIT_POLICY" not in os.environ
    ):  # the loop's threads wait as those of `serving run`; torch asks at its import
        spin_briefly()
        os.execv(sys.executable, [sys.executable, *sys.argv])
    main()
