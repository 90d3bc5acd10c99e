# ruff: noqa: T201
"""A lesson: an encoder-decoder learns to translate dates as people write them into ISO 8601.

    uv run --package transformer python packages/transformer/lessons/translate_dates.py [PICTURE]

"Sunday, March 7th, 1999" becomes "1999-03-07". The data are all days of two hundred years, each in nine spellings; one
day in ten is held out in all of its spellings. Nobody tells the model what a month is: it reads characters and writes
characters, each next one after a look at all that it reads and at what it has written.
"""

import datetime
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from attention import KeyValueCache, padding, plot_map, record_maps
from tensors import generator, pad_rows, seed_all
from trainkit import adamw, cosine, cross_entropy, evaluating, train_steps
from transformer import EncoderDecoder, initialise

FIRST, LAST = datetime.date(1900, 1, 1), datetime.date(2099, 12, 31)
SPELLINGS = (
    "{day} {month} {year}",
    "{month} {day}, {year}",
    "the {day}{th} of {month} {year}",
    "{weekday} {day} {short} {year}",
    "{short} {day} in {year}",
    "{day:02}.{number:02}.{year}",
    "{number}/{day}/{year}",  # the month first, as in the United States
    "{year}, {month} {day}",
    "{weekday}, {month} {day}{th}, {year}",
)
START = END = 0  # what the writing begins with, and ends with
WRITTEN = 11  # ten characters and the end
READ = 34  # at most


def spelled(date: datetime.date, spelling: str) -> str:
    """The date as `spelling` has it."""
    th = {1: "st", 2: "nd", 3: "rd"}.get(0 if 10 < date.day < 14 else date.day % 10, "th")  # codespell:ignore nd
    names = {"weekday": f"{date:%A}", "month": f"{date:%B}", "short": f"{date:%b}"}
    return spelling.format(day=date.day, th=th, number=date.month, year=date.year, **names)


def split_days(seed: int) -> tuple[list[datetime.date], list[datetime.date]]:
    """(nine tenths to learn from, a tenth that is held out) of all days, at random."""
    days = [FIRST + datetime.timedelta(n) for n in range((LAST - FIRST).days + 1)]
    order = torch.randperm(len(days), generator=generator("days", seed)).tolist()
    cut = len(days) // 10
    return [days[n] for n in order[cut:]], [days[n] for n in order[:cut]]


@dataclass(frozen=True)
class Characters:
    """The characters that occur, numbered from 1."""

    known: str

    def encode(self, texts: list[str]) -> tuple[Int[Tensor, "B S"], Int[Tensor, " B"]]:
        """Ids, padded on the right, and how many of each row are real."""
        return pad_rows([torch.tensor([1 + self.known.index(character) for character in text]) for text in texts])

    def decode(self, ids: list[int]) -> str:
        """The characters up to the end."""
        return "".join(self.known[n - 1] for n in ids[: ids.index(END) if END in ids else None])


class Translator(nn.Module):
    """Characters and their places as vectors, an encoder-decoder, and a head that scores each next character."""

    def __init__(self, n_vocab: int, n_embd: int = 64, n_head: int = 4, n_layer: int = 2) -> None:
        super().__init__()
        self.characters, self.places = nn.Embedding(n_vocab, n_embd), nn.Embedding(READ, n_embd)
        self.body = EncoderDecoder(n_layer, n_embd, n_head)
        self.head = nn.Linear(n_embd, n_vocab)
        initialise(self)

    def embed(self, ids: Int[Tensor, "B T"], start: int = 0) -> Float[Tensor, "B T C"]:
        return self.characters(ids) + self.places(torch.arange(start, start + ids.shape[1]))

    def forward(self, read: Int[Tensor, "B S"], lengths: Int[Tensor, " B"], written: Int[Tensor, "B T"]) -> Tensor:
        """Scores of each next character, [B, T, V], for all places of the writing at once: how it is trained."""
        return self.head(self.body(self.embed(read), self.embed(written), padding(lengths)))

    def write(self, read: Int[Tensor, "B S"], lengths: Int[Tensor, " B"]) -> Int[Tensor, "B T"]:
        """The likeliest character again and again, each step being one new token's work: how it is used."""
        blocks, mask = self.body.decoder.blocks, padding(lengths)
        heads = blocks[0].attention
        cache = KeyValueCache(len(blocks), len(read), heads.n_head, WRITTEN, heads.head_size)
        memory = self.body.remember(self.body.encode(self.embed(read), mask))
        written = [torch.full_like(lengths, START)]
        for step in range(WRITTEN):
            state = self.body.decode(self.embed(written[-1][:, None], step), memory, mask, cache)
            cache.advance(1)
            written.append(self.head(state[:, -1]).argmax(-1))
        return torch.stack(written[1:], dim=1)


def batches(
    days: list[datetime.date], spellings: tuple[str, ...], characters: Characters, size: int, steps: int
) -> Iterator[list[tuple[Tensor, ...]]]:
    """`steps` batches of (read, lengths, written, next characters), drawn at random."""
    source = generator("batches")
    for _ in range(steps):
        picked = [days[n] for n in torch.randint(len(days), (size,), generator=source).tolist()]
        drawn = [spellings[n] for n in torch.randint(len(spellings), (size,), generator=source).tolist()]
        read = characters.encode([spelled(day, spelling) for day, spelling in zip(picked, drawn, strict=True)])
        targets = nn.functional.pad(characters.encode([day.isoformat() for day in picked])[0], (0, 1), value=END)
        yield [(*read, nn.functional.pad(targets[:, :-1], (1, 0), value=START), targets)]


def loss(model: nn.Module, batch: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
    *given, targets = batch
    return cross_entropy(model(*given), targets)


def translate(model: Translator, characters: Characters, texts: list[str]) -> list[str]:
    """What the model writes for each text, greedily."""
    with evaluating(model):
        return [characters.decode(ids) for ids in model.write(*characters.encode(texts)).tolist()]


def exact_matches(
    model: Translator, spellings: tuple[str, ...], characters: Characters, days: list[datetime.date]
) -> dict[str, float]:
    """The share of days that come out right to the last character, for each spelling."""
    shares = {}
    for spelling in spellings:
        written = translate(model, characters, [spelled(day, spelling) for day in days])
        shares[spelling] = sum(a == day.isoformat() for a, day in zip(written, days, strict=True)) / len(days)
    return shares


def train(
    days: list[datetime.date], spellings: tuple[str, ...], steps: int, example: str
) -> tuple[Translator, Characters]:
    """A translator that has learned from `days`; says now and then how it translates `example`."""
    began = time.perf_counter()
    seen = {character for day in days[:5000] for spelling in spellings for character in spelled(day, spelling)}
    characters = Characters("".join(sorted(seen | {"-"})))
    model = Translator(1 + len(characters.known))
    optimizer = adamw(model, 3e-3, weight_decay=0.01)
    stream = batches(days, spellings, characters, 128, steps)
    for step in train_steps(model, stream, loss, optimizer, schedule=cosine(steps, warmup=steps // 10)):
        if step.number % max(steps // 10, 1) == 0:
            written, seconds = translate(model, characters, [example])[0], time.perf_counter() - began
            print(f"step {step.number:3}, {seconds:3.0f} s, loss {step.loss:.4f}: {example} -> {written}")
    return model, characters


def draw(model: Translator, characters: Characters, text: str, path: str) -> None:
    """A picture of where the last block looks in the text while it writes each character, heads averaged."""
    written = translate(model, characters, [text])[0]
    before = nn.functional.pad(characters.encode([written])[0], (1, 0), value=START)
    with record_maps(model) as maps, evaluating(model):
        model(*characters.encode([text]), before)
    weights = maps[f"body.decoder.blocks.{len(model.body.decoder.blocks) - 1}.cross_attention"][0].mean(dim=0)
    plot_map(weights, [*written, "end"], source=list(text), title="Where it looks while it writes").savefig(path)


def main(
    steps: int = 500, spellings: tuple[str, ...] = SPELLINGS, n_asked: int = 1000, picture: str | None = None
) -> dict[str, float]:
    """Train, report, and return the share of exact matches for each spelling."""
    began = time.perf_counter()
    seed_all(0)
    days, held_out = split_days(seed=0)
    example = spelled(held_out[0], spellings[-1])
    model, characters = train(days, spellings, steps, example)
    shares = exact_matches(model, spellings, characters, held_out[:n_asked])
    print("\n| spelling | right to the last character |\n|---|---|")
    for spelling, share in {**shares, "all": sum(shares.values()) / len(shares)}.items():
        print(f"| {spelling} | {share:.2%} |")
    print(f"\n{n_asked} days that were never seen; {time.perf_counter() - began:.0f} s in all")
    if picture:
        draw(model, characters, example, picture)
    return shares


if __name__ == "__main__":
    main(picture=sys.argv[1] if len(sys.argv) > 1 else None)
