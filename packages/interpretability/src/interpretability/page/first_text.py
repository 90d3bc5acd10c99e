"""What the page shows before anybody types: a passage of the run's held-out text, and a token of it that tells much."""

import re
from collections.abc import Iterable

import torch

import gpt2
from decoding import generate

LEAST, MOST = 40, 90
"""Tokens of a passage: enough to look back on, and few enough to take in."""
OTHER = 256
"""Tokens of another text, at most."""
TRIED = 32
"""Passages that are compared."""


def first_text(model: gpt2.GPT2, tokenizer: gpt2.Tokenizer, documents: Iterable[str]) -> str:
    """The passage of prose that the model predicts best, its white space made one space each; without any, what the
    model itself writes."""
    most = min(MOST, model.n_ctx - 1)
    passages = []
    for document in documents:
        for passage in re.split(r"\n\s*\n", document):
            text = beginning(" ".join(passage.split()), tokenizer, most)
            if text:
                passages.append(text)
    step = max(1, len(passages) // TRIED)
    passages = list(dict.fromkeys(passages[::step]))[:TRIED]
    if passages:
        return min(passages, key=lambda text: _loss(model, tokenizer, text))
    return _own(model, tokenizer, most)


def other_ids(model: gpt2.GPT2, tokenizer: gpt2.Tokenizer, documents: Iterable[str], text: str) -> list[int]:
    """Ids of another text, which says what may stand in the place of a part: a document of at least `LEAST` tokens in
    which `text` is not, or the longest there is; without any, what the model itself writes."""
    most, best = min(OTHER, model.n_ctx), list[int]()
    for document in documents:
        if text in " ".join(document.split()):
            continue
        ids = [tokenizer.end_of_text, *tokenizer.encode(document[: 16 * most])][:most]
        best = max(best, ids, key=len)
        if len(best) == most:
            break
    return (
        best
        if len(best) >= min(LEAST, most)
        else [tokenizer.end_of_text, *tokenizer.encode(_own(model, tokenizer, most, 1))][:most]
    )


def first_place(model: gpt2.GPT2, tokenizer: gpt2.Tokenizer, ids: list[int]) -> int:
    """The place (1 is the first token after the start) of a word that the model predicts, and that it could not have
    predicted from the token before alone: the one for which the layers did most.

    ids: of the text, with the end-of-text token before it."""
    inside = gpt2.look_inside(model, torch.tensor([ids]), maps=False)
    after_embedding = model.token_embedding.logits(model.final_norm(inside.states[0]))
    gains = [_of_targets(logits, ids) for logits in (inside.logits, after_embedding)]
    gain, sure = gains[0] - gains[1], gains[0].exp()
    latter = torch.arange(len(ids) - 1) >= (len(ids) - 1) // 3  # with something to look back on
    word = torch.tensor([len(tokenizer.decode([token]).strip()) > 2 for token in ids[1:]])
    score = gain - 100.0 * ~latter - 100.0 * ~word - 50.0 * (sure < 0.2)
    return int(score.argmax()) + 1


@torch.no_grad()
def _loss(model: gpt2.GPT2, tokenizer: gpt2.Tokenizer, text: str) -> float:
    ids = [tokenizer.end_of_text, *tokenizer.encode(text)]
    return float(-_of_targets(model(torch.tensor([ids])), ids).mean())


def _of_targets(logits: torch.Tensor, ids: list[int]) -> torch.Tensor:
    """Log-probability of each token after the first."""
    return logits[0, :-1].log_softmax(dim=-1).gather(1, torch.tensor(ids[1:])[:, None])[:, 0].detach()


def beginning(text: str, tokenizer: gpt2.Tokenizer, most: int) -> str:
    """The first sentences of a paragraph, as many as fit; empty for too few, and for what is hardly prose."""
    letters = sum(character.isalpha() or character in " ,.'" for character in text)
    if not text[:1].isupper() or letters < 0.95 * len(text):
        return ""
    found = ""
    for sentence in re.findall(r".*?[.!?](?= |$)", text):
        if len(tokenizer.encode(found + sentence)) > most:
            break
        found += sentence
    return found if len(tokenizer.encode(found)) >= min(LEAST, most) else ""


def _own(model: gpt2.GPT2, tokenizer: gpt2.Tokenizer, most: int, seed: int = 0) -> str:
    start = tokenizer.decode([tokenizer.end_of_text])
    try:
        written = generate(
            model, tokenizer, [start], max_new_tokens=max(1, min(48, most - 8)), temperature=0.8, top_k=50, seed=seed
        )[0].text
    except ValueError:  # the start does not fit the context
        return "The"
    return written.strip("\ufffd") or "The"
