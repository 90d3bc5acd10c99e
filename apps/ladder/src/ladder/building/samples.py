"""What a built model writes, drawn by the learner's pieces."""

import torch

from ..assembled import AssembledGPT2
from .pieces import Assembly
from .texts import Encoder


@torch.no_grad()
def sample(
    assembly: Assembly,
    model: AssembledGPT2,
    encode: Encoder,
    prompt: str,
    *,
    tokens: int,
    temperature: float,
    p: float,
    source: torch.Generator,
) -> str:
    """Prompt and continuation of at most so many tokens; ends where the model ends the text."""
    names = sorted(encode.ranks, key=encode.ranks.__getitem__)
    ids = encode.text(prompt) or [encode.end_of_text]
    begin = len(ids)
    while len(ids) < begin + tokens:
        logits = model(torch.tensor([ids[-model.n_ctx :]]))[0, -1]
        shares = assembly.probabilities(logits, temperature)
        new = assembly.draw(shares, p, float(torch.rand((), generator=source)))
        if new == encode.end_of_text:
            break
        ids.append(new)
    return str(assembly.decode_ids([i for i in ids if i != encode.end_of_text], names))
