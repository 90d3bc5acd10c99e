"""What a command works on: the model of a folder, the tokens of a prompt, windows of a text."""

from typing import TYPE_CHECKING

from workbench import expanded, shown_token

if TYPE_CHECKING:
    from torch import Tensor

    from gpt2 import GPT2, Tokenizer


def loaded(source: str, device: str = "auto") -> "tuple[GPT2, Tokenizer]":
    """Model and tokenizer of a source, on a device by its name; ValueError as `gpt2.load` says."""
    import gpt2
    from tensors import choose_device

    from ..trace import check_finite

    chosen = choose_device(device)
    if chosen.type == "meta":
        raise ValueError("wanted a device that computes, got 'meta', which holds shapes only; leave --device out")
    model, tokenizer = gpt2.load(str(expanded(source)) if source.startswith("~") else source, device=chosen)
    check_finite(model, source)
    return model, tokenizer


def prompt_ids(model: "GPT2", tokenizer: "Tokenizer", prompt: str, option: str = "--prompt") -> "Tensor":
    """The tokens of a prompt, [1, T]; ValueError for an empty one, and for one longer than the context."""
    import torch

    ids = tokenizer.encode(prompt)
    if not ids:
        raise ValueError(f"{option}: wanted a text of at least one token, got an empty one; give some words in quotes")
    if len(ids) > model.n_ctx:
        raise ValueError(
            f"{option}: wanted at most {model.n_ctx} tokens (the model's context), got {len(ids)}; shorten the text"
        )
    return torch.tensor([ids], device=model.final_norm.weight.device)


def windows(
    model: "GPT2",
    tokenizer: "Tokenizer",
    text: str | None,
    tokens: int,
    length: int | None,
    option: str = "--text",
    has_length: bool = False,
) -> "Tensor":
    """About `tokens` tokens of a text as rows of `length` (default: the context), [N, T]; a shorter text gives fewer.

    text: a UTF-8 file, a folder or a glob; None: the part of Python's own documentation and sources that `train` holds
        out. has_length: whether the command has an option --length, to advise it. ValueError for a text shorter than
        two rows, and for lengths beyond the context.
    """
    import torch

    from dataio import embedded_text, read_text, split_corpus
    from gpt2 import recipe

    length = row_length(model, tokens, length, has_length)
    corpus = split_corpus(embedded_text(), recipe("quick").held_out)[1] if text is None else read_text(text)
    ids: list[int] = []
    for document in corpus.documents:
        ids += [tokenizer.end_of_text, *tokenizer.encode(document.text)]
        if len(ids) >= tokens:
            break
    rows = min(len(ids), tokens) // length
    if rows < 2:
        shorter = f", or a smaller --length, such as {max(2, len(ids) // 8)}" if has_length else ""
        raise ValueError(
            f"{option}: wanted at least two rows of {length} tokens, got {len(ids)} tokens; give more text{shorter}"
        )
    return torch.tensor(ids[: rows * length], device=model.final_norm.weight.device).view(rows, length)


def row_length(model: "GPT2", tokens: int, length: int | None, has_length: bool = False) -> int:
    """Tokens of a row, the context by default; ValueError for a length beyond it, and where two rows are too many."""
    length = model.n_ctx if length is None else length
    if not 2 <= length <= model.n_ctx:
        raise ValueError(
            f"--length: wanted 2 to {model.n_ctx} tokens (the model's context), got {length}; leave it out"
        )
    if tokens < 2 * length:
        shorter = ", or a smaller --length" if has_length else ""
        raise ValueError(
            f"--tokens: wanted at least {2 * length}, two rows of {length}, got {tokens}; give more{shorter}"
        )
    return length


def token_names(tokenizer: "Tokenizer", ids: "Tensor | list[int]") -> list[str]:
    """Tokens as a table shows them."""
    return [shown_token(tokenizer.decode_bytes([int(token)])) for token in ids]


def single_token(model: "GPT2", tokenizer: "Tokenizer", text: str, option: str) -> int:
    """The one token that `text` is; ValueError for none and for several."""
    ids = tokenizer.encode(text)
    if len(ids) != 1:
        parts = ", ".join(repr(name) for name in token_names(tokenizer, ids)) or "none"
        raise ValueError(
            f"{option}: wanted one token, got {text!r}, which is {len(ids)} ({parts}); take the first of them, with "
            "its leading space if it has one"
        )
    return int(ids[0])
