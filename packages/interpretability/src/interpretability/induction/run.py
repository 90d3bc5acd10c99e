"""The recipe `induction`: a model of two layers that learns to copy in seconds, in the sudden way of the large ones.

For a while nothing seems to happen; then, within a few dozen steps, a head of the first layer looks at the token
before, a head of the second uses it to find what came after the earlier occurrence, and the loss falls to nearly
nothing (Olsson et al. 2022, arXiv 2209.11895). What makes it come so soon is measured in docs/induction.md.
"""

import dataclasses
import json
import math
import platform
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import torch
from torch import Tensor

from embeddings import sinusoidal_positions
from gpt2 import GPT2, GPT2Config, ModelFolder, Run, Tokenizer, Trained, save
from tensors import generator
from trainkit import Evaluation, OptimizerPart, Part, linear_to_zero, muon
from workbench import Hold, expanded, is_vacant, make_folder, write_text

from .texts import JUMP, copying_texts

HELD_OUT_ROWS = 64
DEVIATION = 0.02
"""Of what `GPT2` draws."""


ALPHABET = string.ascii_letters + string.digits + " ."


@dataclass(frozen=True)
class InductionRecipe:
    """A shape and how it is trained. With the seed it fixes every weight of the result."""

    alphabet: str = ALPHABET
    """Characters that texts are made of, a token each."""
    n_ctx: int = 32
    n_embd: int = 64
    n_head: int = 2
    n_layer: int = 2
    jump: float = JUMP
    steps: int = 240
    batch_size: int = 64
    """Texts of n_ctx tokens a step."""
    learning_rate: float = 1e-2
    """Of Muon's matrices and of the rest."""
    warmup: int = 20
    weight_decay: float = 0.01


@dataclass(frozen=True)
class InductionRecord:
    """Where the run lies, and how often it does what: the record that `gpt2.Run` asks for."""

    folder: Path
    save_every: int
    log_every: int = 1
    precision: str = "float32"

    @property
    def evaluate_every(self) -> int:
        return self.save_every


@dataclass(frozen=True)
class CopyingCurriculum:
    """Synthetic texts, each step's drawn from (seed, step): `gpt2.Curriculum`."""

    recipe: InductionRecipe
    tokenizer: Tokenizer
    seed: int

    held_out_bytes = None

    @property
    def steps(self) -> int:
        return self.recipe.steps

    def loss(self, model: GPT2, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Summed nats of the targets that can be foretold, and how many they are."""
        return model.loss(*batch)

    def steps_from(self, start: int) -> Iterator[list[tuple[Tensor, Tensor]]]:
        for step in range(start, self.recipe.steps):
            yield [self._texts(self.recipe.batch_size, generator("copying", self.seed, step))]

    def held_out(self) -> Iterator[list[tuple[Tensor, Tensor]]]:
        yield [self._texts(HELD_OUT_ROWS, generator("copying, held out", self.seed))]

    def _texts(self, rows: int, draws: torch.Generator) -> tuple[Tensor, Tensor]:
        pool = torch.tensor(self.tokenizer.encode(self.recipe.alphabet))
        return copying_texts(rows, self.recipe.n_ctx, pool, generator=draws, jump=self.recipe.jump)


def byte_tokenizer() -> Tokenizer:
    """A tokenizer without merges: a token a byte, and the end of text. So every text can be typed at the model."""
    return Tokenizer({bytes([byte]): byte for byte in range(256)})


@torch.no_grad()
def new_model(recipe: InductionRecipe, n_vocab: int, seed: int) -> GPT2:
    """The model before its first step.

    Matrices and token vectors are drawn with deviation 1 / sqrt(n_embd): the 0.02 of GPT-2 is for a width of about a
    thousand, and in a narrow layer makes attention so even that it has next to no gradient. Positions begin as
    sinusoids of that size, in which one matrix turns every position into the one before (Vaswani et al. 2017, section
    3.5).
    """
    config = GPT2Config(n_vocab, recipe.n_ctx, recipe.n_embd, recipe.n_head, recipe.n_layer)
    model = GPT2(config, generator=generator("weights", seed))
    size = 1 / math.sqrt(recipe.n_embd)
    for parameter in model.parameters():
        if parameter.ndim == 2:
            parameter.mul_(size / DEVIATION)
    model.position_embedding.weight.copy_(size * sinusoidal_positions(torch.arange(recipe.n_ctx), recipe.n_embd))
    return model


class InductionRun(Run):
    """The run of the recipe `induction`, an iterator of its steps that keeps every checkpoint."""

    def __init__(
        self,
        folder: str | Path,
        recipe: InductionRecipe | None = None,
        *,
        seed: int = 0,
        save_every: int | None = None,
        should_stop: Callable[[], bool] | None = None,
        held: Hold | None = None,
    ) -> None:
        """A new run in `folder`, which is made; ValueError where it holds something.

        save_every: steps between checkpoints (default: a thirtieth of the run).
        """
        folder, self.recipe, self.seed = expanded(folder), recipe or InductionRecipe(), seed
        if folder.exists() and not is_vacant(folder):
            raise ValueError(
                f"--out {folder}: wanted a new or empty folder, got one with something in it; name another"
            )
        self.tokenizer = byte_tokenizer()
        model = new_model(self.recipe, self.tokenizer.n_vocab, seed)
        optimizer = muon(
            model,
            self.recipe.learning_rate,
            adam_learning_rate=self.recipe.learning_rate,
            weight_decay=self.recipe.weight_decay,
        )
        parts: dict[str, Part] = {
            "model": ModelFolder(model, self.tokenizer),
            "optimizer": OptimizerPart(optimizer, model),
        }
        trained = Trained(
            model,
            torch.device("cpu"),
            optimizer,
            parts,
            lambda path: save(path, model, self.tokenizer),
            schedule=linear_to_zero(self.recipe.steps, warmup=min(self.recipe.warmup, self.recipe.steps - 1)),
        )
        record = InductionRecord(folder, save_every or max(1, self.recipe.steps // 30))
        curriculum = CopyingCurriculum(self.recipe, self.tokenizer, seed)
        self._losses: dict[int, float] = {}
        keep = self.recipe.steps + 1
        super().__init__(record, curriculum, trained, should_stop=should_stop, held=held, keep=keep)

    @property
    def losses(self) -> dict[int, float]:
        """The loss on held-out texts at each checkpoint, in nats a token that can be foretold."""
        return dict(self._losses)

    def evaluate(self) -> Evaluation:
        found = super().evaluate()
        self._losses[self.last_step] = found.loss
        return found

    def begin(self) -> None:
        """Make the folder: `run.json`, `alphabet.txt` with the characters that the model knows, and a checkpoint of the
        model before its first step."""
        make_folder(self.folder)
        versions = {"python": platform.python_version()}
        versions |= {name: metadata.version(name) for name in ("torch", "interpretability")}
        facts = {"command": "interpretability induction", "recipe": dataclasses.asdict(self.recipe), "seed": self.seed}
        write_text(self.folder / "run.json", json.dumps(facts | {"versions": versions}, indent=2) + "\n")
        write_text(self.folder / "alphabet.txt", self.recipe.alphabet)
        self.validation = self.evaluate()
        self._save(0)
