"""Tokens a second of greedy decoding on a CPU, in every number type: ours, llama.cpp, CTranslate2 and transformers, in
turns on this machine.

    uv run --with ctranslate2 python tests/benchmarks/decoding_sides.py [--llama] [--kinds float32 …] [--rows 1 8]
        [--beams 4] [--new 48] [--turns 5]

GPT-2 124M's shape, random weights, prompts of 16 ids. Ours is the whole of `generate_ids`, CTranslate2's
`generate_batch` and transformers' `generate`: of each the time of 1 id is taken from that of 1 + NEW, so that no prompt
counts. Of llama.cpp it is the bare steps and the likeliest ids, driven from Python. `--llama` builds
it for this processor, once (`llama_cpp_native`; `--llama-source` from an archive that lies here, `--llama-python` takes
a Python that has `llama-cpp-python` and `gguf` already). Each side runs once a turn; medians count. First what the
memory gives: the most that one row could reach if reading the weights were all the work.
"""

import argparse
import importlib.util
import logging
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from decoding_speed import ids, in_a_child, save, theirs_of
from llama_cpp_native import python_with_llama_cpp
from quantized_decoding import in_a_child as converted, llama_cpp

import gpt2
from decoding import GenerationSettings, generate_ids
from quantization import quantize
from quantization.costs.benchmark import memory_bandwidth
from quantization.module_tree import bytes_of
from tensors import move_to_huge_pages

PROMPT = 16
LLAMA = {"float32": "f32", "int8": "q8_0", "int4": "q4_0"}
Seconds = Callable[[int, int, int], float]
"""Of so many ids in so many rows or by so many beams, behind a prompt that is not counted: (rows, new, beams)."""


def ours(model: gpt2.GPT2) -> Seconds:
    def whole(rows: int, new: int, beams: int) -> float:
        settings = GenerationSettings(temperature=0, max_new_tokens=new, beams=beams)
        began = time.perf_counter()
        generate_ids(model, ids(rows, PROMPT), settings)
        return time.perf_counter() - began

    return lambda rows, new, beams: whole(rows, 1 + new, beams) - whole(rows, 1, beams)


def of_a_child(run: Callable[..., object]) -> Seconds:
    def whole(rows: int, new: int, beams: int) -> float:
        prompts, began = ids(rows, PROMPT), time.perf_counter()
        run(prompts, new, beams)
        return time.perf_counter() - began

    return lambda rows, new, beams: whole(rows, 1 + new, beams) - whole(rows, 1, beams)


def of_ctranslate2(folder: str, kind: str) -> Seconds:
    run = converted(folder, kind)
    return lambda rows, new, beams: run(rows, 1 + new, beams, PROMPT) - run(rows, 1, beams, PROMPT)


def of_llama(python: str, kind: str, folder: str) -> Seconds:
    run = llama_cpp(python, kind, folder)
    return lambda rows, new, beams: run(rows, new, beams, PROMPT)


def sides(kind: str, model: gpt2.GPT2, folder: str, llama_python: str | None) -> dict[str, Seconds]:
    found = {"ours": ours(model)}
    if llama_python and kind in LLAMA:
        found[f"llama.cpp {LLAMA[kind]}"] = of_llama(llama_python, LLAMA[kind], folder)
    if importlib.util.find_spec("ctranslate2") and kind in ("float32", "int8"):
        found["CTranslate2"] = of_ctranslate2(folder, kind)
    if kind == "float32":
        found["transformers"] = of_a_child(in_a_child(theirs_of, folder))
    return found


def compare(kind: str, there: dict[str, Seconds], rows: int, beams: int, new: int, turns: int) -> None:
    able = {name: run for name, run in there.items() if beams == 1 or not name.startswith("llama")}
    seconds: dict[str, list[float]] = {name: [] for name in able}
    for _ in range(turns + 1):  # the first one warms up
        for name, run in able.items():
            time.sleep(0.3)  # the threads of the side before spin for a while
            seconds[name].append(run(rows, new, beams))
    rate = {name: rows * new / statistics.median(found[1:]) for name, found in seconds.items()}
    what = f"{beams} beams" if beams > 1 else f"{rows} row{'s' * (rows > 1)}"
    others = ", ".join(
        f"{name} {rate[name]:.1f} ({rate['ours'] / rate[name]:.2f} x)" for name in rate if name != "ours"
    )
    print(f"| {kind} | {what} | {rate['ours']:.1f} | {others or '-'} |", flush=True)


def main() -> None:
    logging.getLogger("transformers").setLevel(logging.ERROR)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--llama", action="store_true")
    parser.add_argument("--llama-source")
    parser.add_argument("--llama-python")
    parser.add_argument("--kinds", nargs="+", default=["float32", "int8", "int4"])
    parser.add_argument("--rows", nargs="+", type=int, default=[1, 8])
    parser.add_argument("--beams", type=int, default=4)
    parser.add_argument("--new", type=int, default=48)
    parser.add_argument("--turns", type=int, default=5)
    arguments = parser.parse_args()
    new, turns, llama_python = arguments.new, arguments.turns, arguments.llama_python
    if arguments.llama or arguments.llama_source:
        llama_python = python_with_llama_cpp(arguments.llama_source)
    bandwidth = memory_bandwidth()
    print(f"{torch.get_num_threads()} threads, which read memory at {bandwidth / 1e9:.1f} GB/s; medians of {turns}")
    print("| numbers | | ours, tokens/s | others (ours over theirs) |\n|---|---|--:|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        base = save(folder)
        for kind in arguments.kinds:
            model = base if kind == "float32" else quantize(base, kind)
            move_to_huge_pages(model)
            with tempfile.TemporaryDirectory() as own:
                for file in Path(folder).iterdir():
                    Path(own, file.name).symlink_to(file)
                there = sides(kind, model, own, llama_python)
                print(f"| {kind} | the memory's limit at 1 row | {bandwidth / bytes_of(model):.1f} | |", flush=True)
                for rows in arguments.rows:
                    compare(kind, there, rows, 1, new, turns)
                if kind == "float32" and arguments.beams > 1:
                    compare(kind, there, 1, arguments.beams, new, turns)


if __name__ == "__main__":
    main()
