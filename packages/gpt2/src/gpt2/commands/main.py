"""The commands `gpt2` and `train`. Nothing here imports torch until there is work for it."""

import logging
import os
import sys
from dataclasses import asdict
from typing import Any

from workbench import answered, expanded, parsed, plain, tell_next

from ..training.settings import TrainSettings
from .runs import runs_command
from .settings import (
    BatchSettings,
    FitSettings,
    InspectSettings,
    RecipeSettings,
    RunsSettings,
    TokensSettings,
    VerifySettings,
)
from .train import train_command

DESCRIPTION = "GPT-2: train one, check whether one may be trusted, look into it, plan its memory, see its tokens."
BARE = "to learn from a text: --text {word}"
COMMANDS: dict[str, Any] = {
    "train": TrainSettings,
    "verify": VerifySettings,
    "inspect": InspectSettings,
    "tokens": TokensSettings,
    "fit": FitSettings,
    "batch": BatchSettings,
    "recipe": RecipeSettings,
    "runs": RunsSettings,
}


def main() -> None:
    """`gpt2 train …`, `verify`, `inspect`, `tokens`, `fit`, `batch`, `recipe` and `runs`"""
    name = sys.argv[1] if sys.argv[1:2] and sys.argv[1] in COMMANDS else ""
    sys.exit(
        answered(
            name or "gpt2",
            lambda: done(parsed("gpt2", DESCRIPTION, COMMANDS, bare={"train": BARE}), sys.argv[2:]),
            on_terminate=alone(),
        )
    )


def train() -> None:
    """`train …`"""
    work = lambda: done(parsed("train", None, TrainSettings, bare=BARE), sys.argv[1:])  # noqa: E731
    sys.exit(answered("train", work, on_terminate=alone()))


def alone() -> bool:
    """Whether this is none of several processes: torchrun ends its own by SIGTERM, wherever they are."""
    return "WORLD_SIZE" not in os.environ


def done(settings: Any, arguments: list[str]) -> int:
    """Do what the settings are for, and return the exit code. `arguments`: those after the name of the command."""
    logging.getLogger("gpt2").setLevel(logging.INFO)
    if isinstance(settings, TrainSettings):
        return train_command(settings, again=["gpt2", "train", *arguments])
    work: dict[type, Any] = {
        VerifySettings: verify_command,
        InspectSettings: inspect_command,
        TokensSettings: tokens_command,
        FitSettings: fit_command,
        BatchSettings: batch_command,
        RecipeSettings: recipe_command,
        RunsSettings: runs_command,
    }
    return int(work[type(settings)](settings))


def verify_command(settings: VerifySettings) -> int:
    """`gpt2 verify`: the table of claims; 1 where one is broken."""
    from ..contract.verification import table, verify

    findings = verify(settings.source, tokenizer=settings.tokenizer)
    print(table(findings))
    return 0 if all(finding.held for finding in findings) else 1


def inspect_command(settings: InspectSettings) -> int:
    """`gpt2 inspect`: what a model consists of."""
    from .inspection import describe

    print(describe(settings.source))
    return 0


def tokens_command(settings: TokensSettings) -> int:
    """`gpt2 tokens`: pieces in color in a terminal, a line a token elsewhere and under NO_COLOR."""
    from ..tokenizer.tokenizer import Tokenizer
    from .pieces import shown

    own = settings.tokenizer
    try:
        tokenizer = Tokenizer.published() if own is None else Tokenizer.load(own)
    except OSError as error:
        raise OSError(f"{error}: --tokenizer DIR, such as RUN/model" if own is None else plain(error)) from error
    print(shown(tokenizer, settings.text))
    return 0


def fit_command(settings: FitSettings) -> int:
    """`gpt2 fit`: memory of training and inference, and the largest micro-batch."""
    from ..planning.fit import describe

    print(describe(**asdict(settings)))
    return 0


def batch_command(settings: BatchSettings) -> int:
    """`gpt2 batch`: the text that a step of a run learned from."""
    from .batch import describe

    print(describe(settings))
    return 0


def recipe_command(settings: RecipeSettings) -> int:
    """`gpt2 recipe`: a recipe as TOML."""
    from ..training.recipe_file import as_toml, chosen_recipe

    if not 0 < settings.megabytes < float("inf"):
        raise ValueError(f"--megabytes: wanted a number above 0, got {settings.megabytes}; leave it out for 1")
    sys.stdout.write(as_toml(chosen_recipe(expanded(settings.name), max(1, round(settings.megabytes * 1e6)))))
    tell_next("gpt2", "train --recipe FILE.toml", "write it to a file, and", beside_results=True)
    return 0
