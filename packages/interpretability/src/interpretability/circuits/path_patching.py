"""One edge of the circuit: what a head tells another one, or the head of the model, by itself.

A head changed changes everything after it. Path patching holds all of that where it was, but for one reader (Goldowsky-
Dill et al. 2023, "Localizing Model Behavior with Path Patching").
"""

from jaxtyping import Int
from torch import Tensor

from gpt2 import GPT2
from trainkit import evaluating

from ..places import blocks_of
from ..trace import Edit, editing, tracing
from .patching import check_ids

READS = ("query", "key", "value")


def patch_path(
    model: GPT2,
    clean: Int[Tensor, "_ T"],
    corrupted: Int[Tensor, "_ S"],
    sender: tuple[int, int],
    receiver: tuple[int, int, str] | None,
    target: int,
    against: int | None = None,
) -> tuple[float, float, float]:
    """The logit of `target` after the last token (less that of `against`) of the clean run, of the corrupted one, and
    of the corrupted one in which `receiver` alone hears from `sender` what it said in the clean run.

    sender: layer and head. receiver: layer, head, and which of its `query`, `key` and `value` hears; None: the final
        norm, so that only the direct path to the logit counts.
    ValueError for prompts of unequal length, for heads that the model has not, and for a receiver before the sender.
    """
    _check(model, clean, corrupted, sender, receiver)
    check_ids(model, [target] if against is None else [target, against])
    heard = "final_norm" if receiver is None else f"{receiver[0]}.attention.{receiver[2]}"

    def answer(logits: Tensor) -> float:
        return float(logits[0, target]) if against is None else float(logits[0, target] - logits[0, against])

    def put(value: Tensor, head: int | None) -> Edit:
        def edit(x: Tensor) -> Tensor:
            if head is None:
                return value
            x[:, :, head] = value[:, :, head]
            return x

        return edit

    sends = f"{sender[0]}.attention.heads"
    with evaluating(model):
        with tracing(model, sends) as said:
            of_clean = answer(model(clean, last_only=True))
        with tracing(model, ["*.attention.heads", "*.feed_forward.out"]) as was:
            of_corrupted = answer(model(corrupted, last_only=True))
        held = {name: put(value, None) for name, value in was.items()}
        with editing(model, held), editing(model, {sends: put(said[sends], sender[1])}), tracing(model, heard) as hears:
            model(corrupted, last_only=True)
        with editing(model, {heard: put(hears[heard], None if receiver is None else receiver[1])}):
            return of_clean, of_corrupted, answer(model(corrupted, last_only=True))


def _check(
    model: GPT2, clean: Tensor, corrupted: Tensor, sender: tuple[int, int], receiver: tuple[int, int, str] | None
) -> None:
    if clean.shape != corrupted.shape or len(clean) != 1:
        raise ValueError(
            f"wanted two prompts of as many tokens, got {clean.shape[-1]} and {corrupted.shape[-1]}; change words in "
            "one without changing how many tokens they take"
        )
    blocks = blocks_of(model)
    for layer, head in [sender] if receiver is None else [sender, receiver[:2]]:
        if not (0 <= layer < len(blocks) and 0 <= head < blocks[0].attention.n_head):
            raise ValueError(
                f"wanted layers 0 to {len(blocks) - 1} and heads 0 to {blocks[0].attention.n_head - 1}, got layer "
                f"{layer}, head {head}; count from 0"
            )
    if receiver is not None and (receiver[0] <= sender[0] or receiver[2] not in READS):
        raise ValueError(
            f"receiver: wanted query, key or value of a head in a layer after {sender[0]}, got {receiver}; a head "
            "hears only those of earlier layers"
        )
