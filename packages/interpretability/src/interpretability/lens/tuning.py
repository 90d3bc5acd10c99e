"""How a tuned lens is fitted to a model, and kept in a file."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from jaxtyping import Int
from torch import Tensor, nn

from gpt2 import GPT2
from trainkit import adamw

from ..files.tensor_files import read_tensor_file, write_tensor_file
from ..trace import tracing
from .reading import Translator, TunedLens, check_fits, head_of, lens_places

RATE = 1e-3
RIDGE = 1e-3
"""Of the fit by least squares that the maps start from, as a share of the mean square of the stream."""
WHAT, MADE_BY = "a tuned lens", "`interpretability lens MODEL --tune FILE`"


def tune_lens(
    model: GPT2, windows: Sequence[Int[Tensor, "_ T"]], *, steps: int = 60, rate: float = RATE
) -> Iterator[TunedLens]:
    """Fit the maps on `windows` (several rows of tokens each, used in turn), one yield a step; the last is the result.

    They start from the least squares that make the last stream out of the stream at the place, and then descend
    KL(end || lens) with Adam, whose rate falls to 0. The model stays as it is. Deterministic in its arguments.
    """
    if not windows:
        raise ValueError("wanted windows to fit the lens on, got none; give a longer text")
    places = lens_places(model)[:-1]
    maps = _least_squares(model, places, windows)
    yield maps
    parts = {place: [nn.Parameter(part.clone()) for part in (one.matrix, one.bias)] for place, one in maps.items()}
    trained = nn.ParameterList(part for two in parts.values() for part in two)
    optimizer = adamw(trained, rate, weight_decay=0.0, betas=(0.9, 0.999))
    for step in range(steps):
        tokens = windows[step % len(windows)]
        with torch.no_grad(), tracing(model, places) as record:
            end = model(tokens).float().log_softmax(-1)
        for place, two in parts.items():  # one after the other: the logits of all places at once would be much memory
            with torch.enable_grad():
                seen = head_of(model, Translator(*two)(record[place].float())).log_softmax(-1)
                loss = nn.functional.kl_div(seen, end, reduction="sum", log_target=True) / tokens.numel()
                for part, gradient in zip(two, torch.autograd.grad(loss, two), strict=True):
                    part.grad = gradient  # of the map alone: the model has none of its own afterwards
        for group in optimizer.param_groups:
            group["lr"] = rate * (1 - step / steps)
        optimizer.step()
        yield {place: Translator(*(part.detach().clone() for part in two)) for place, two in parts.items()}


@torch.no_grad()
def _least_squares(model: GPT2, places: Sequence[str], windows: Sequence[Tensor]) -> TunedLens:
    """For each place the affine map that makes the last stream of the one there, by ridge regression."""
    c, last = model.config.n_embd, lens_places(model)[-1]
    products = {place: torch.zeros(c + 1, 2 * c + 1, dtype=torch.float64) for place in places}
    for tokens in windows:
        with tracing(model, [*places, last]) as record:
            model.hidden(tokens)
        end = record[last].flatten(0, -2).cpu()
        for place in places:
            stream = record[place].flatten(0, -2).cpu()
            given = torch.cat([stream, torch.ones_like(stream[:, :1])], dim=1)
            products[place] += (given.T @ torch.cat([given, end - stream], dim=1)).double()
    device = model.final_norm.weight.device
    maps = {}
    for place, sums in products.items():
        square, target = sums[:, : c + 1].clone(), sums[:, c + 1 :]
        square.diagonal()[:c] += RIDGE * float(square.diagonal()[:c].mean()) + 1e-12
        solved = torch.linalg.solve(square, target).float().to(device)
        maps[place] = Translator(solved[:c].clone(), solved[c].clone())
    return maps


def save_lens(path: str | Path, tuned: TunedLens, model: GPT2) -> None:
    """Write a tuned lens of `model` into a safetensors file: PLACE.matrix [C, C] and PLACE.bias [C]."""
    tensors = {f"{place}.{part}": getattr(one, part) for place, one in tuned.items() for part in ("matrix", "bias")}
    write_tensor_file(path, tensors, {"kind": WHAT, "model": _mark(model)})


def load_lens(path: str | Path, model: GPT2) -> TunedLens:
    """The tuned lens of a file; ValueError for a file that holds none, and for one of other weights than `model`
    has."""
    tensors, words = read_tensor_file(path, WHAT, MADE_BY)
    places = [name.removesuffix(".bias") for name in tensors if name.endswith(".bias")]
    if words.get("kind") != WHAT or any(f"{place}.matrix" not in tensors for place in places):
        raise ValueError(f"{path}: wanted {WHAT}, got a file of other tensors; make one with {MADE_BY}")
    device = model.final_norm.weight.device
    known = [place for place in lens_places(model) if place in places] + sorted(set(places) - set(lens_places(model)))
    tuned = {
        place: Translator(tensors[f"{place}.matrix"].to(device), tensors[f"{place}.bias"].to(device)) for place in known
    }
    check_fits(model, tuned)
    if words.get("model") != _mark(model):
        raise ValueError(f"{path}: wanted {WHAT} of this model, got one of other weights; make one with {MADE_BY}")
    return tuned


def _mark(model: GPT2) -> str:
    """Tells models apart: a digest of all that the head reads by."""
    digest = hashlib.sha256()
    for tensor in (model.final_norm.weight, model.final_norm.bias, model.token_embedding.weight[:256]):
        digest.update(tensor.detach().float().cpu().numpy().tobytes())
    return digest.hexdigest()
