"""Tokens a second of quantized GPT-2 124M: ours, CTranslate2 and llama.cpp, in turns on this machine.

    uv run --with ctranslate2 --with transformers python tests/benchmarks/quantized_decoding.py
        [--llama-python PYTHON] [--new 24] [--turns 7] [--candidates | --compiled]

Random weights; greedy; prompts of 32 ids. CTranslate2 converts a folder of ours with int8 and is called as a whole
(`generate_batch`), so it stands beside `generate_ids`; llama.cpp's step and the likeliest id stand beside our model's
step and argmax, both driven from Python. PYTHON is one that has `llama-cpp-python` and `gguf`. In every turn each side
runs once, the medians count. Leave OMP_WAIT_POLICY unset: passive slows every side.
`--candidates` shows instead what the linear layers of a step take by each product that torch brings, beside ours;
`--compiled` what `torch.compile` makes of the float32 step and how long it takes to, beside our step in C++.
"""

import argparse
import contextlib
import importlib.util
import multiprocessing
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from decoding_speed import N_VOCAB, ids, save

import gpt2
from decoding import GenerationSettings, generate_ids
from quantization import quantize
from tensors import move_to_huge_pages

SCHEMES = ("float32", "bfloat16", "int8", "int4")
PROMPT = 32
Run = Callable[[int, int, int, int], float]
"""Seconds of (rows, new ids, beams, ids of the prompt)."""


def generated(model: gpt2.GPT2) -> Run:
    """The whole of `generate_ids`."""

    def run(rows: int, new: int, beams: int, length: int) -> float:
        settings = GenerationSettings(temperature=0, max_new_tokens=max(new, 1), beams=beams)
        prompts, began = ids(rows, length), time.perf_counter()
        generate_ids(model, prompts, settings)
        return time.perf_counter() - began

    return run


def stepped(model: gpt2.GPT2) -> Run:
    """The model's steps and argmax behind a prompt that is not counted; the prompt alone where no id is wanted."""

    @torch.inference_mode()
    def run(rows: int, new: int, beams: int, length: int) -> float:
        cache, tokens = model.new_cache(rows, length + new), torch.tensor(ids(rows, length))
        began = time.perf_counter()
        tokens = model(tokens, cache=cache, last_only=True).argmax(-1, keepdim=True)
        began = time.perf_counter() if new else began
        for _ in range(new):
            tokens = model(tokens, cache=cache, last_only=True).argmax(-1, keepdim=True)
        return time.perf_counter() - began

    return run


def converted(folder: str, kind: str = "int8") -> Run:
    """CTranslate2's generator, of weights that its converter made int8, or float32."""
    import ctranslate2
    from transformers import GPT2LMHeadModel

    words = [f"t{i}" for i in range(N_VOCAB)]
    loader = ctranslate2.converters.transformers._MODEL_LOADERS["GPT2Config"]
    spec = loader.get_model_spec(GPT2LMHeadModel.from_pretrained(folder))
    spec.register_vocabulary(words)
    spec.config.bos_token = spec.config.eos_token = spec.config.unk_token = words[-1]
    spec.validate()
    spec.optimize(quantization=kind)
    target = Path(folder, "ct2")
    target.mkdir()
    spec.save(str(target))
    generator = ctranslate2.Generator(str(target), intra_threads=torch.get_num_threads(), compute_type=kind)

    def run(rows: int, new: int, beams: int, length: int) -> float:
        prompts = [[words[i] for i in prompt] for prompt in ids(rows, length)]
        began = time.perf_counter()
        generator.generate_batch(
            prompts, max_length=max(new, 1), min_length=max(new, 1), beam_size=beams, include_prompt_in_result=False
        )
        return time.perf_counter() - began

    return run


def serve(folder: str, pipe: Any, kind: str) -> None:
    """CTranslate2 in a process of its own: where it has run once, torch's threads stay at 0.6 of their speed."""
    run = converted(folder, kind)
    pipe.send("ready")
    with contextlib.suppress(EOFError):  # the parent has ended
        while True:
            pipe.send(run(*pipe.recv()))


def in_a_child(folder: str, kind: str = "int8") -> Run:
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    spawn.Process(target=serve, args=(folder, there, kind), daemon=True).start()
    here.recv()

    def run(*case: int) -> float:
        here.send(case)
        return float(here.recv())

    return run


def llama_cpp(python: str, kind: str, folder: str) -> Run:
    """A child process with llama.cpp."""
    program = Path(__file__).with_name("llama_cpp_baseline.py")
    command = [python, str(program), kind, str(torch.get_num_threads()), folder]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdin is not None
    assert child.stdout is not None
    to, back = child.stdin, child.stdout
    assert back.readline() == "ready\n"

    def run(rows: int, new: int, beams: int, length: int) -> float:
        to.write(f"{rows} {new} {length}\n")
        to.flush()
        read, written = map(float, back.readline().split())
        return written if new else read

    return run


def compare(
    what: str, sides: dict[str, Run], baselines: dict[str, str], case: tuple[int, int, int, int], turns: int
) -> None:
    """A line a side: tokens a second, and the ratio to its baseline."""
    rows, new, _, length = case
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(turns + 1):  # the first one warms up
        for name, run in sides.items():
            time.sleep(0.05)  # the threads of the side before spin for a while
            seconds[name].append(run(*case))
    rate = {name: rows * (new or length) / statistics.median(found[1:]) for name, found in seconds.items()}
    for name, value in rate.items():
        spread = f"{min(seconds[name][1:]) * value / rows / (new or length):.2f}"
        ratio = f"{value / rate[baselines[name]]:.2f} x {baselines[name]}" if baselines.get(name) in rate else ""
        print(f"| {what} | {name} | {value:.0f} | {ratio} | {spread} |", flush=True)


def decoding(arguments: argparse.Namespace) -> None:
    threads, new, turns = torch.get_num_threads(), arguments.new, arguments.turns
    with tempfile.TemporaryDirectory() as folder:
        model = save(folder)
        ours = {name: quantize(model, name) for name in SCHEMES}
        for one in ours.values():
            move_to_huge_pages(one)
        there = importlib.util.find_spec("ctranslate2") is not None
        whole = {"CTranslate2 int8": in_a_child(folder)} if there else {}
        whole |= {f"ours {n}": generated(one) for n, one in ours.items()}
        steps = {f"ours {n}": stepped(one) for n, one in ours.items()}
        if arguments.llama_python:
            kinds = ("q8_0", "q4_0")
            steps = {f"llama.cpp {k}": llama_cpp(arguments.llama_python, k, folder) for k in kinds} | steps
        print(
            f"{threads} threads, medians of {turns}\n| | | tokens/s | ratio | fastest / median |\n|---|---|--:|---|--:|"
        )
        against = {f"ours {name}": "CTranslate2 int8" for name in SCHEMES}
        level = {"ours int8": "llama.cpp q8_0", "ours int4": "llama.cpp q4_0"}
        for rows in (1, 8):
            compare(f"step, batch {rows}", steps, level, (rows, new, 1, PROMPT), turns)
            compare(f"generate, batch {rows}", whole, against, (rows, new, 1, PROMPT), turns)
        small = {name: run for name, run in whole.items() if "float" not in name}
        compare("generate, 4 beams", small, against, (1, new, 4, PROMPT), turns)
        compare("step, prompt of 512", steps, level, (1, 0, 1, 512), max(turns // 2, 1))
        compare("generate, prompt of 512", small, against, (1, 0, 1, 512), max(turns // 2, 1))


def candidates(turns: int) -> None:
    """The 48 linear layers of a step and the head, by each product that torch brings and by ours, in turns."""
    import warnings

    warnings.filterwarnings("ignore")
    shapes = [(2304, 768), (768, 768), (3072, 768), (768, 3072)] * 12 + [(N_VOCAB // 8 * 8, 768)]
    draws = torch.Generator().manual_seed(0)
    layers = [torch.nn.Linear(i, o, bias=False) for o, i in shapes]
    for layer in layers:
        layer.weight.data.normal_(0, 0.02, generator=draws)
    products = {
        "float32: F.linear": [lambda x, w=layer.weight: torch.nn.functional.linear(x, w) for layer in layers],
        "float32: packed for oneDNN": list(map(one_dnn, layers)),
        "int8: quantize_dynamic": [torch.ao.quantization.quantize_dynamic(torch.nn.Sequential(m)) for m in layers],
        "int8: _weight_int8pack_mm, bfloat16": list(map(int8_pack, layers)),
        "int4: _weight_int4pack_mm_for_cpu, bfloat16": list(map(int4_pack, layers)),
        **{f"{name}: ours": [quantize(layer, name) for layer in layers] for name in SCHEMES[1:]},
    }
    print(f"{torch.get_num_threads()} threads, ms a step, medians of {turns}\n| | batch 1 | 8 | prompt of 128 |")
    print("|---|--:|--:|--:|")
    found: dict[str, list[float]] = {name: [] for name in products}
    with torch.inference_mode():
        for rows in (1, 8, 128):
            inputs = {i: torch.randn(rows, i, generator=draws) for _, i in shapes}
            seconds: dict[str, list[float]] = {name: [] for name in products}
            for _ in range(turns + 1):
                for name, calls in products.items():
                    began = time.perf_counter()
                    for call, (_, i) in zip(calls, shapes, strict=True):
                        call(inputs[i])
                    seconds[name].append(time.perf_counter() - began)
            for name, spent in seconds.items():
                found[name].append(1e3 * statistics.median(spent[1:]))
    for name, times in found.items():
        print(f"| {name} | " + " | ".join(f"{ms:.1f}" for ms in times) + " |")


def compiled(arguments: argparse.Namespace) -> None:
    """Milliseconds a step, and seconds of compiling: for a new number of rows inductor compiles again."""
    import torch._inductor.config

    model = gpt2.GPT2(gpt2.PUBLISHED["gpt2"]).eval()
    sides: dict[str, tuple[Run, str]] = {
        "float32, torch": (stepped(model), "-"),
        **{f"{name}, our step": (stepped(quantize(model, name)), "3 (once a machine)") for name in ("float32", "int8")},
    }
    print(f"{torch.get_num_threads()} threads, medians of {arguments.turns}")
    print("| | rows | seconds to compile | ms a step |\n|---|--:|--:|--:|")
    new = arguments.new
    for freezing in (None, False, True):
        if freezing is not None:
            torch._inductor.config.freezing = freezing
            torch._dynamo.reset()
            name = "float32, torch.compile" + (", weights frozen" if freezing else "")
            sides = {name: (stepped(torch.compile(model)), "")}  # type: ignore[arg-type]
        for name, (run, said) in sides.items():
            for rows in (1, 8):
                began = time.perf_counter()
                run(rows, 4, 1, 1)
                said_now = said or f"{time.perf_counter() - began:.0f}"
                ms = statistics.median(1e3 * run(rows, new, 1, 1) / new for _ in range(arguments.turns))
                print(f"| {name} | {rows} | {said_now} | {ms:.1f} |", flush=True)


def one_dnn(layer: torch.nn.Linear) -> Callable[[torch.Tensor], torch.Tensor]:
    weight = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach())
    return lambda x: torch.ops.mkldnn._linear_pointwise(x, weight, None, "none", [], "")


def int8_pack(layer: torch.nn.Linear) -> Callable[[torch.Tensor], torch.Tensor]:
    small = quantize(layer, "int8")
    return lambda x: torch._weight_int8pack_mm(x.bfloat16(), small.weight, small.scale.bfloat16())


def int4_pack(layer: torch.nn.Linear) -> Callable[[torch.Tensor], torch.Tensor]:
    """Groups of 32; the packed layout wants unsigned numbers in int32 and pairs of scale and zero."""
    small = quantize(layer, "int4")
    from quantization.packing import unpack

    whole = torch.ops.aten._convert_weight_to_int4pack_for_cpu(unpack(small.weight).to(torch.int32), 1)
    pairs = torch.stack([small.scale, torch.zeros_like(small.scale)], -1).transpose(0, 1).contiguous().bfloat16()
    return lambda x: torch.ops.aten._weight_int4pack_mm_for_cpu(x.bfloat16(), whole, 32, pairs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--llama-python")
    parser.add_argument("--new", type=int, default=24)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--candidates", action="store_true")
    parser.add_argument("--compiled", action="store_true")
    arguments = parser.parse_known_args()[0]
    if arguments.candidates:
        candidates(arguments.turns)
    elif arguments.compiled:
        compiled(arguments)
    else:
        decoding(arguments)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
