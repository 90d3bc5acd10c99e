"""Tokens a second of greedy decoding, beams and reading a prompt: ours and others', in turns.

    uv run --with ctranslate2 python tests/benchmarks/decoding_speed.py [NEW_TOKENS] [TURNS] [--llama-python PYTHON]
        [--part table|settings|look-up]

GPT-2 124M's shape, random weights, float32; prompts of 32 tokens, which count with what is written. The median of the
turns and our ratio to transformers, CTranslate2 (where it is installed) and llama.cpp (PYTHON is one that has
`llama-cpp-python` and `gguf`). First what the memory allows at one row: the time of reading as many bytes as the
weights have. At the end what each setting adds to a step of eight rows, and prompt look-up on text that repeats and on
text that does not. OMP_WAIT_POLICY=passive helps where other programs run, and slows every side down.
"""

import argparse
import contextlib
import logging
import multiprocessing
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

import gpt2
from decoding import GenerationSettings, generate_ids
from tensors import PackedWeights, move_to_huge_pages

N_VOCAB, PROMPT = 50257, 32
GREEDY = GenerationSettings(temperature=0)
ADDED = {
    "top_k": {"top_k": 50},
    "top_p": {"top_p": 0.9},
    "min_p": {"min_p": 0.05},
    "typical_p": {"typical_p": 0.9},
    "epsilon_cutoff": {"epsilon_cutoff": 3e-4},
    "eta_cutoff": {"eta_cutoff": 3e-4},
    "top_n_sigma": {"top_n_sigma": 1.0},
    "xtc_probability": {"xtc_probability": 0.5},
    "temperature": {"temperature": 0.8},
    "repetition_penalty": {"repetition_penalty": 1.2},
    "frequency_penalty": {"frequency_penalty": 0.5},
    "presence_penalty": {"presence_penalty": 0.5},
    "dry_multiplier": {"dry_multiplier": 0.8},
    "no_repeat_ngram_size": {"no_repeat_ngram_size": 3},
    "logit_bias": {"logit_bias": (((5,), 1.0), ((6, 7), -1.0))},
    "banned": {"banned": ((5,), (6, 7))},
}


def ids(rows: int, length: int) -> list[list[int]]:
    return torch.randint(N_VOCAB, (rows, length), generator=torch.Generator().manual_seed(rows)).tolist()


def save(folder: str) -> gpt2.GPT2:
    config = gpt2.GPT2Config(n_vocab=N_VOCAB, n_ctx=1024, n_embd=768, n_head=12, n_layer=12)
    model = gpt2.GPT2(config, generator=torch.Generator().manual_seed(0)).eval()
    gpt2.save(folder, model, gpt2.Tokenizer.train(["a b"], 258))
    return model


def theirs_of(folder: str) -> Callable[..., None]:
    from transformers import GPT2LMHeadModel

    model = GPT2LMHeadModel.from_pretrained(folder).eval()

    def run(prompts: list[list[int]], new: int, beams: int) -> None:
        tokens = torch.tensor(prompts)
        model.generate(
            tokens, attention_mask=torch.ones_like(tokens), max_new_tokens=new, min_new_tokens=new, do_sample=False,
            num_beams=beams, pad_token_id=0,
        )  # fmt: skip

    return run


def converted_of(folder: str) -> Callable[..., None]:
    import ctranslate2
    from ctranslate2.specs.transformer_spec import TransformerDecoderModelSpec
    from transformers import GPT2LMHeadModel

    words = [f"t{i}" for i in range(N_VOCAB)]
    loader = ctranslate2.converters.transformers._MODEL_LOADERS["GPT2Config"]
    spec: TransformerDecoderModelSpec = loader.get_model_spec(GPT2LMHeadModel.from_pretrained(folder))
    spec.register_vocabulary(words)
    spec.config.bos_token = spec.config.eos_token = spec.config.unk_token = words[-1]
    target = Path(folder, "ct2")
    target.mkdir()
    spec.validate()
    spec.save(str(target))
    generator = ctranslate2.Generator(str(target), intra_threads=torch.get_num_threads(), compute_type="float32")

    def run(prompts: list[list[int]], new: int, beams: int) -> None:
        generator.generate_batch(
            [[words[i] for i in prompt] for prompt in prompts], max_length=new, min_length=new, beam_size=beams,
            include_prompt_in_result=False, sampling_topk=1,
        )  # fmt: skip

    return run


def serve(make: Callable[[str], Callable[..., None]], folder: str, pipe: Any) -> None:
    run = make(folder)
    pipe.send("ready")
    with contextlib.suppress(EOFError):  # the parent has ended
        while True:
            pipe.send(run(*pipe.recv()))


def in_a_child(make: Callable[[str], Callable[..., None]], folder: str) -> Callable[..., None]:
    """The side in a process of its own: where CTranslate2's threads have run once, torch's are a third slower."""
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    spawn.Process(target=serve, args=(make, folder, there), daemon=True).start()
    here.recv()

    def run(*case: Any) -> None:
        here.send(case)
        here.recv()

    return run


def llama_of(python: str | None, folder: str) -> Callable[..., None] | None:
    """A child process with llama.cpp, which knows no beams."""
    if python is None:
        return None
    program = Path(__file__).with_name("llama_cpp_baseline.py")
    command = [python, str(program), "f32", str(torch.get_num_threads()), folder]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    to, back = child.stdin, child.stdout
    assert to is not None
    assert back is not None
    assert back.readline() == "ready\n"

    def run(prompts: list[list[int]], new: int, beams: int) -> None:
        to.write(f"{len(prompts)} {new - 1} {len(prompts[0])}\n")
        to.flush()
        back.readline()

    return run


def milliseconds_to_read(numbers: int) -> float:
    """The least time in which the memory gives so many float32 numbers to these threads."""
    held = torch.ones(numbers)
    return 1000 * min(seconds(held.sum) for _ in range(10))


def seconds(call: Callable[[], Any]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def compare(sides: dict[str, Callable[..., None]], rows: int, new: int, beams: int, turns: int, length: int) -> None:
    prompts = ids(rows, length)
    able = [name for name in sides if beams == 1 or name != "llama.cpp"]
    times: dict[str, list[float]] = {name: [] for name in able}
    for _ in range(turns + 1):
        for name in able:
            run = sides[name]
            time.sleep(0.3)  # CTranslate2's threads spin for 0.2 s behind its last product
            times[name].append(seconds(lambda run=run: run(prompts, new, beams)))
    rate = {name: rows * (length if new == 1 else new) / statistics.median(found[1:]) for name, found in times.items()}
    what = f"prompt of {length}" if new == 1 else f"batch {rows}" + (f", {beams} beams" if beams > 1 else "")
    cells = [f"{rate[name]:.1f}" if name in rate else "-" for name in sides]
    cells += [f"{rate['ours'] / rate[name]:.2f}" if name in rate else "-" for name in sides if name != "ours"]
    print(f"| {what} | " + " | ".join(cells) + " |", flush=True)


def added(model: gpt2.GPT2, packed: PackedWeights, new: int, turns: int) -> None:
    """Milliseconds that a setting adds to a step of eight rows, over greedy or plain sampling."""
    prompts = ids(8, PROMPT)
    for base, names in (
        (replace(GREEDY, max_new_tokens=new), list(ADDED)[9:]),
        (GenerationSettings(max_new_tokens=new), list(ADDED)[:9]),
    ):
        kinds = {"alone": base, **{name: replace(base, **ADDED[name]) for name in names}}
        times: dict[str, list[float]] = {name: [] for name in kinds}
        for _ in range(turns):
            for name, settings in kinds.items():
                times[name].append(
                    seconds(lambda s=settings: generate_ids(model, prompts, s, pack=packed)) / new * 1000
                )
        step = statistics.median(times["alone"])
        print(f"step of 8 rows, {'greedy' if base.is_greedy else 'sampled'}: {step:.1f} ms; added, ms and %:")
        for name in names:
            more = statistics.median(times[name]) - step
            print(f"  {name:22} {more:6.2f} {100 * more / step:6.1f} %", flush=True)


def look_up(model: gpt2.GPT2, packed: PackedWeights, new: int, turns: int) -> None:
    """Prompt look-up against plain greedy, on a text that goes round and on one that doesn't."""

    class Round(torch.nn.Module):
        """The model, whose answer is overruled: id n is followed by (n + 1) % period."""

        def __init__(self, period: int) -> None:
            super().__init__()
            self.model, self.period = model, period
            self.n_ctx, self.n_vocab, self.new_cache = model.n_ctx, model.n_vocab, model.new_cache

        def forward(self, tokens: Any, cache: Any = None, lengths: Any = None, last_only: bool = False) -> Any:
            logits = self.model(tokens, cache=cache, lengths=lengths, last_only=last_only)
            after = (tokens[:, -1] if last_only else tokens) + 1
            return logits.scatter(-1, (after % self.period)[..., None], 1e4)

    for what, period in (("repeats", 40), ("never repeats", N_VOCAB)):
        times: dict[int, list[float]] = {0: [], 10: []}
        copier = Round(period)
        for _ in range(turns):
            for tokens, found in times.items():
                settings = replace(GREEDY, max_new_tokens=new, prompt_lookup_tokens=tokens)
                found.append(seconds(lambda s=settings, m=copier: generate_ids(m, [list(range(45))], s, pack=packed)))
        ratio = statistics.median(times[0]) / statistics.median(times[10])
        print(f"prompt look-up, text that {what}: {ratio:.2f} x plain greedy", flush=True)


def main() -> None:
    logging.getLogger("transformers").setLevel(logging.ERROR)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("new", nargs="?", type=int, default=32)
    parser.add_argument("turns", nargs="?", type=int, default=3)
    parser.add_argument("--llama-python")
    parser.add_argument("--part", choices=("table", "settings", "look-up"))
    arguments = parser.parse_args()
    new, turns, part = arguments.new, arguments.turns, arguments.part
    with tempfile.TemporaryDirectory() as folder:
        model = save(folder)
        move_to_huge_pages(model)
        packed = PackedWeights()
        if part in (None, "table"):
            table(model, packed, folder, new, turns, arguments.llama_python)
        if part in (None, "settings"):
            added(model, packed, 24, turns)
        if part in (None, "look-up"):
            look_up(model, packed, 60, turns)


def table(model: gpt2.GPT2, packed: PackedWeights, folder: str, new: int, turns: int, llama_python: str | None) -> None:
    def ours(prompts: list[list[int]], new: int, beams: int) -> None:
        generate_ids(model, prompts, replace(GREEDY, max_new_tokens=new, beams=beams), pack=packed)

    sides = {
        "ours": ours,
        "transformers": theirs_of(folder),
        "CTranslate2": in_a_child(converted_of, folder) if find_spec("ctranslate2") else None,
        "llama.cpp": llama_of(llama_python, folder),
    }
    there = {name: side for name, side in sides.items() if side is not None}
    names = [*there, *(f"x {name}" for name in there if name != "ours")]
    numbers = sum(parameter.numel() for parameter in model.parameters())
    print(f"reading {numbers * 4 / 1e6:.0f} MB: {milliseconds_to_read(numbers):.1f} ms")
    print(f"tokens a second, {torch.get_num_threads()} threads\n| | " + " | ".join(names) + " |")
    print("|---" * (len(names) + 1) + "|")
    compare(there, 1, new, 1, turns, PROMPT)
    compare(there, 8, new, 1, turns, PROMPT)
    compare(there, 1, new, 4, turns, PROMPT)
    compare(there, 1, 1, 1, turns, 512)


if __name__ == "__main__":
    main()
