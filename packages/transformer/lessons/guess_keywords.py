# ruff: noqa: T201
"""A lesson: an encoder classifies text. It guesses the Python keyword that was taken out of a line, from what stands
around it.

    uv run --package transformer python packages/transformer/lessons/guess_keywords.py

The data are the modules of Python's standard library; a tenth of the files is held out, whole. An encoder may look both
ways, so its state in the gap can know the words before and behind. It is held against three simpler guessers: the
commonest keyword, a bag of words (which words are near, in any order), and a bag of placed words (a weight for each
word at each place). What the encoder adds to the last is how words act together.
"""

import io
import keyword
import time
import tokenize
from collections import Counter

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from dataio import ArrayDataset, Batches, Corpus, embedded_text, split_corpus
from tensors import seed_all
from trainkit import Accuracy, adamw, cosine, cross_entropy, evaluating, muon, train_steps
from transformer import EncoderStack, LayerNorm, initialise

KEYWORDS = keyword.kwlist
SIDE = 10  # tokens to either side of the gap
WINDOW = 2 * SIDE + 1
GAP, OUTSIDE, RARE = 0, 1, 2  # the ids of what is no word
KINDS = {tokenize.STRING: "<text>", tokenize.NUMBER: "<number>", tokenize.NEWLINE: "<line>"}
SKIPPED = {tokenize.COMMENT, tokenize.NL, tokenize.ENCODING}


def words(source: str) -> list[str]:
    """The tokens of Python source, as Python's own tokenizer cuts it. Strings and numbers are all alike."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return [
        KINDS.get(
            token.type, f"<{tokenize.tok_name[token.type].lower()}>" if not token.string.strip() else token.string
        )
        for token in tokens
        if token.type not in SKIPPED
    ]


def examples(texts: list[list[str]], ids: dict[str, int]) -> ArrayDataset:
    """(ids of the tokens around each keyword, a gap in the middle, and the keyword's number)."""
    numbers, outside = {word: n for n, word in enumerate(KEYWORDS)}, [OUTSIDE] * SIDE
    rows, answers = [], []
    for text in texts:
        padded = [*outside, *(ids.get(word, RARE) for word in text), *outside]
        for place, word in enumerate(text):
            if word in numbers:
                rows.append(padded[place : place + WINDOW])
                answers.append(numbers[word])
    around = torch.tensor(rows)
    around[:, SIDE] = GAP
    return ArrayDataset(around, torch.tensor(answers))


def split_examples(n_words: int = 2000) -> tuple[ArrayDataset, ArrayDataset, int]:
    """(examples to learn from, examples of other files, how many different tokens there are)."""
    corpus = embedded_text()
    modules = Corpus("modules", tuple(document for document in corpus.documents if document.name.endswith(".py")))
    train, held_out = ([words(d.text) for d in part.documents] for part in split_corpus(modules, 0.1))
    known = [word for word, _ in Counter(word for text in train for word in text).most_common(n_words)]
    ids = {"<gap>": GAP, "<outside>": OUTSIDE, "<rare>": RARE} | {word: 3 + n for n, word in enumerate(known)}
    return examples(train, ids), examples(held_out, ids), len(ids)


class Bag(nn.Module):
    """A weight for each word and keyword, summed over the words around: logistic regression on counts. With `placed` a
    word has weights of its own at each place."""

    def __init__(self, n_vocab: int, placed: bool) -> None:
        super().__init__()
        self.n_vocab, self.placed = n_vocab, placed
        self.weights = nn.EmbeddingBag(n_vocab * (WINDOW if placed else 1), len(KEYWORDS), mode="sum")
        nn.init.zeros_(self.weights.weight)

    def forward(self, around: Int[Tensor, "B T"]) -> Float[Tensor, "B K"]:
        return self.weights(around + self.n_vocab * torch.arange(WINDOW) if self.placed else around)


class Reader(nn.Module):
    """An encoder over the words around; a linear layer reads its state in the gap. While it trains, one word in ten is
    hidden from it, lest it learn lines by heart."""

    def __init__(self, n_vocab: int, n_layer: int = 2, n_embd: int = 64, n_head: int = 4) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(n_vocab, n_embd), nn.Embedding(WINDOW, n_embd)
        self.encoder, self.norm = EncoderStack(n_layer, n_embd, n_head, dropout=0.1), LayerNorm(n_embd)
        self.head = nn.Linear(n_embd, len(KEYWORDS))
        initialise(self)

    def forward(self, around: Int[Tensor, "B T"]) -> Float[Tensor, "B K"]:
        if self.training:
            around = around.masked_fill(torch.rand(around.shape) < 0.1, RARE)
        states = self.encoder(self.words(around) + self.places.weight)
        return self.head(self.norm(states[:, SIDE]))


def loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    return cross_entropy(model(batch[0]), batch[1])


def accuracy(model: nn.Module, dataset: ArrayDataset) -> float:
    """The share of gaps whose keyword the model gives the highest score."""
    counted, (around, answers) = Accuracy(), dataset.arrays
    with evaluating(model):
        for rows, goals in zip(around.split(1000), answers.split(1000), strict=True):
            counted.add(model(rows), goals)
    return counted.value


def learn(
    name: str,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    data: tuple[ArrayDataset, ArrayDataset],
    steps: int,
    reports: int,
) -> float:
    """Train and say how it goes, `reports` times; the accuracy on held-out files at the end."""
    (train, held_out), began, right = data, time.perf_counter(), 0.0
    stream, schedule = Batches(train, 128).from_step(0, steps), cosine(steps, warmup=steps // 10)
    for step in train_steps(model, stream, loss, optimizer, schedule=schedule):
        if step.number % max(steps // reports, 1) == 0 or step.number == steps:
            right, seconds = accuracy(model, held_out), time.perf_counter() - began
            print(f"{name}, step {step.number:4}: loss {step.loss:.3f}, held-out accuracy {right:.1%}, {seconds:.0f} s")
    return right


def main(steps: int = 1800, bag_steps: int = 1200, reports: int = 5) -> dict[str, float]:
    """Train all guessers, report, and return the held-out accuracy of each."""
    began = time.perf_counter()
    seed_all(0)
    train, held_out, n_vocab = split_examples()
    print(f"{len(train):,} keywords to learn from, {len(held_out):,} in other files to be asked for")
    commonest = train.arrays[1].mode().values
    shares = {f"always {KEYWORDS[commonest]!r}": float((held_out.arrays[1] == commonest).float().mean())}
    for name, placed in (("bag of words", False), ("bag of placed words", True)):
        bag = Bag(n_vocab, placed)
        shares[name] = learn(name, bag, adamw(bag, 0.01, weight_decay=0.01), (train, held_out), bag_steps, reports)
    reader = Reader(n_vocab)
    optimizer = muon(reader, 4e-3, adam_learning_rate=3e-3, weight_decay=0.01, is_matrix=in_the_encoder)
    shares["encoder"] = learn("encoder", reader, optimizer, (train, held_out), steps, reports)
    print("\n| guesser | right on held-out files |\n|---|---|")
    for name, share in shares.items():
        print(f"| {name} | {share:.1%} |")
    print(f"\n{time.perf_counter() - began:.0f} s in all")
    return shares


def in_the_encoder(name: str, parameter: Tensor) -> bool:
    return name.startswith("encoder") and parameter.ndim == 2


if __name__ == "__main__":
    main()
