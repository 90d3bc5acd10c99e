"""Tokens a second of greedy decoding, beams and reading a prompt: ours, transformers and CTranslate2, in turns.

    uv run --with ctranslate2 python tests/benchmarks/decoding_speed.py [NEW_TOKENS] [TURNS]

GPT-2 124M's shape, random weights, float32, all sides from one folder; prompts of 32 tokens. The median of the turns
and our ratio to each. At the end what each setting adds to a step of eight rows, and prompt look-up on text that
repeats and on text that does not. OMP_WAIT_POLICY=passive helps where other programs run.
"""

import logging
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

import gpt2
from decoding import GenerationSettings, PackedWeights, generate_ids

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


def converted_of(folder: str) -> Callable[..., None] | None:
    try:
        import ctranslate2
    except ImportError:
        return None
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


def seconds(call: Callable[[], Any]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def compare(sides: dict[str, Callable[..., None]], rows: int, new: int, beams: int, turns: int, length: int) -> None:
    prompts = ids(rows, length)
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(turns + 1):
        for name, run in sides.items():
            times[name].append(seconds(lambda run=run: run(prompts, new, beams)))
    rate = {name: rows * (length if new == 1 else new) / statistics.median(found[1:]) for name, found in times.items()}
    what = f"prompt of {length}" if new == 1 else f"batch {rows}" + (f", {beams} beams" if beams > 1 else "")
    cells = [f"{value:.1f}" for value in rate.values()]
    cells += [f"{rate['ours'] / value:.2f}" for name, value in rate.items() if name != "ours"]
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
    new, turns = (int(value) for value in [*sys.argv[1:], "32", "3"][:2])
    with tempfile.TemporaryDirectory() as folder:
        model = save(folder)

        packed = PackedWeights()

        def ours(prompts: list[list[int]], new: int, beams: int) -> None:
            generate_ids(model, prompts, replace(GREEDY, max_new_tokens=new, beams=beams), pack=packed)

        sides = {"ours": ours, "transformers": theirs_of(folder), "CTranslate2": converted_of(folder)}
        there = {name: side for name, side in sides.items() if side is not None}
        names = [*there, *(f"x {name}" for name in there if name != "ours")]
        print(f"tokens a second, {torch.get_num_threads()} threads\n| | " + " | ".join(names) + " |")
        print("|---" * (len(names) + 1) + "|")
        compare(there, 1, new, 1, turns, PROMPT)
        compare(there, 8, new, 1, turns, PROMPT)
        compare(there, 1, new, 4, turns, PROMPT)
        compare(there, 1, 1, 1, turns, 512)
        added(model, packed, 8, turns)
        look_up(model, packed, 60, turns)


if __name__ == "__main__":
    main()
