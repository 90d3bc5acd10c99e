"""The job of a worker that builds a GPT-2 from the learner's pieces."""

import time
from pathlib import Path
from typing import Any

import torch

import gpt2
from dataio import Corpus, split_corpus
from gpt2.texts.sources import source_text
from gpt2.training.recipe_file import as_toml

from ..assembled import AssembledGPT2
from ..processes.attempts import Unreadable, place_of
from ..processes.guard import Refused
from ..processes.worker import Tell
from .pieces import assembly
from .samples import sample
from .texts import Encoder, prepared
from .training import affordable, changed_recipe, judged, step_seconds, trained

SAMPLES = ((0.0, 1.0), (0.8, 0.9), (0.8, 0.9))
"""Temperature and p of each."""
TOKENS = 60


def answer(job: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """As it is answered: numbers, samples and where everything is; or what went wrong, with the learner's line."""
    paths = {name: Path(path) for name, path in job["paths"].items()}
    try:
        return {"state": "built", **built(job, paths, tell)}
    except (Refused, Unreadable) as error:
        return {"state": "failed", "lines": [str(error)]}
    except Exception as error:
        for name, path in paths.items():
            if where := place_of(error, path):
                said = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
                return {"state": "failed", "lines": [f"{name} raised {said}", f"in {path.name}, {where}"]}
        if isinstance(error, ValueError | OSError):
            return {"state": "failed", "lines": [str(error)]}
        raise


def built(job: dict[str, Any], paths: dict[str, Path], tell: Tell) -> dict[str, Any]:
    """Learn merges, encode, train, judge, save, write."""
    began = time.monotonic()
    pieces, out = assembly(paths), Path(job["out"])
    claims = gpt2.contract.check(small_model(pieces.model))
    corpus = source_text(job["text"])
    if not isinstance(corpus, Corpus):
        raise ValueError(f"{job['text']}: wanted a text that fits into memory, got a larger one; name a smaller one")
    recipe = changed_recipe(job["steps"], job["recipe"])
    text = prepared(pieces, corpus, recipe, lambda words: tell({"words": words}))
    if job["steps"] is None:
        left = 60 * job["minutes"] - (time.monotonic() - began)
        usual, recipe = recipe, changed_recipe(affordable(step_seconds(pieces, text, recipe), left), job["recipe"])
        if recipe.steps < usual.steps:
            minutes = f"{job['minutes']:g} minute{'s' * (job['minutes'] != 1)}"
            tell({"words": f"{recipe.steps} steps, not {usual.steps}, so that it ends in {minutes}"})
    model_steps = recipe.steps

    def told(number: int, loss: float) -> None:
        tell({"step": number, "of": model_steps, "loss": loss})

    result = trained(pieces, text, recipe, job["seed"], told)
    held_out = "".join(document.text for document in split_corpus(corpus, recipe.held_out)[1].documents)
    tell({"words": "judging it by the text that was held out"})
    curriculum = gpt2.TextCurriculum(text, recipe, result.model.n_ctx, job["seed"])
    bits = judged(pieces, result, curriculum, held_out)
    gpt2.save(out / "model", result.model, text.tokenizer)
    (out / "recipe.toml").write_text(as_toml(recipe), encoding="utf-8")
    source = torch.Generator().manual_seed(job["seed"])
    encode = Encoder(pieces, text.tokenizer)
    written = [
        sample(pieces, result.model, encode, job["prompt"], tokens=TOKENS, temperature=t, p=p, source=source)
        for t, p in SAMPLES
    ]
    return {
        "claims": len(claims),
        "losses": result.losses,
        "bits_per_byte": bits,
        "samples": written,
        "tokens": len(text.train),
        "bytes": text.train_bytes,
        "title": text.title,
        "n_parameters": result.model.config.n_parameters,
        "steps": recipe.steps,
    }


def small_model(pieces: Any) -> AssembledGPT2:
    """A tiny model of these pieces, for the contract."""
    config = gpt2.GPT2Config(n_vocab=11, n_ctx=16, n_embd=8, n_head=2, n_layer=2)
    return AssembledGPT2(config, pieces, torch.Generator().manual_seed(0))
