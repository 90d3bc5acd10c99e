"""Weights of several checkpoints averaged into one model: what stochastic weight averaging does (arXiv 1803.05407).

It helps where the learning rate is still high at the checkpoints. A rate that falls to zero has averaged already.
"""

from collections.abc import Sequence
from pathlib import Path

import torch

import gpt2
from workbench import read_utf8


def average(checkpoints: Sequence[str | Path], out: Path) -> "gpt2.GPT2":
    """Save the model whose every weight is the mean of theirs in `out`, with their tokenizer, and return it.

    The sum is taken in float64. ValueError for fewer than two, for different shapes, and for different tokenizers.
    """
    if len(checkpoints) < 2:
        raise ValueError(f"CKPT: wanted at least two checkpoints, got {len(checkpoints)}; name more")
    if out.exists():
        raise ValueError(f"--out {out}: wanted a new folder, got one that exists; name another")
    for number, source in enumerate(map(Path, checkpoints)):
        if source.name in ("best", "latest") and source.is_file():
            raise ValueError(
                f"{source}: wanted a checkpoint, got the name of one, {source.read_text(encoding='utf-8').strip()}; "
                f"name the folders: {source.with_name('step-*')}"
            )
        if source.resolve() in {Path(one).resolve() for one in checkpoints[:number]}:
            raise ValueError(f"{source}: wanted each checkpoint once, got it twice; leave one out")
    model, tokenizer = gpt2.load(checkpoints[0])
    with torch.no_grad():
        sums = {name: tensor.double() for name, tensor in model.state_dict().items()}
        for another in checkpoints[1:]:
            other, its_tokenizer = gpt2.load(another)
            if other.config != model.config:
                raise ValueError(
                    f"{another}: wanted the shape of {checkpoints[0]}, got another: {other.config}; name models "
                    "of one shape"
                )
            if its_tokenizer.fingerprint != tokenizer.fingerprint:
                raise ValueError(
                    f"{another}: wanted the tokenizer of {checkpoints[0]}, got another one; name checkpoints of one "
                    "run: ids of others mean other text"
                )
            for name, tensor in other.state_dict().items():
                sums[name] += tensor
        model.load_state_dict({name: (total / len(checkpoints)).float() for name, total in sums.items()})
    gpt2.save(out, model, tokenizer)
    return model


def judged(models: Sequence[str | Path], text: Path) -> dict[str, float]:
    """Bits per byte of each model on a text, in windows that do not overlap."""
    from evaluation import score_tokens

    found, content = dict[str, float](), read_utf8(text)
    for source in models:
        model, tokenizer = gpt2.load(source)
        ids = [tokenizer.end_of_text, *tokenizer.encode(content)]
        scores = score_tokens(model, ids, stride=model.n_ctx, context=model.n_ctx)
        found[str(source)] = scores.bits_per_byte(len(content.encode()))
    return found
