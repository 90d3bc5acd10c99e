"""What one can type after `decoding generate`. Words are typed as text there, and ids only to bias their logits."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from ..settings.values import GenerationSettings, Ids


@dataclass(frozen=True)
class Sampling(GenerationSettings):
    """Checked by `run_generate`, so that a wrong value is reported in our words and not wrapped in the parser's."""

    banned: tyro.conf.Suppress[tuple[Ids, ...]] = ()
    forced_prefix: tyro.conf.Suppress[Ids] = ()
    forced_words: tyro.conf.Suppress[tuple[Ids, ...]] = ()
    logit_bias: tyro.conf.Suppress[tuple[tuple[Ids, float], ...]] = ()

    def __post_init__(self) -> None:
        pass


@dataclass(frozen=True)
class Generate:
    """Continue prompts with a model. Standard output gets each prompt and its continuation, in one block per prompt;
    a single one appears as it is written. Everything else goes to standard error."""

    model: tyro.conf.Positional[Annotated[str, tyro.conf.arg(metavar="MODEL")]]
    """Folder of a model, such as RUN/model after training, or another source that gpt2 loads."""
    prompt: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """A text to continue; may be given several times."""
    prompts_file: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """A UTF-8 file with one prompt per line; - is standard input."""
    samples: int = 1
    """Continuations of each prompt, one after the other; each draws its own."""
    sampling: Annotated[Sampling, tyro.conf.arg(name="")] = field(default_factory=Sampling)
    banned: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """A word that never comes, neither after a space nor without one; may be given several times."""
    forced_prefix: str = ""
    """The text with which every continuation begins."""
    forced_words: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """A text that comes somewhere in every continuation (with --beams); most words need their space: " word"."""
    logit_bias: Annotated[tuple[tuple[str, float], ...], tyro.conf.arg(metavar="ID BIAS [ID BIAS …]")] = ()
    """Ids, and what is added to their logits: 95 -100 540 3.5. With 12,95 -inf, id 95 never comes after id 12."""
    regex: str | None = None
    """Continuations match this regular expression, unless --max-new-tokens ends them before (extra `grammar`)."""
    json_schema: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Continuations are JSON of the schema in this file, unless --max-new-tokens ends them before (extra `grammar`)."""
    rows: int = 8
    """Prompts written at the same time."""
    device: str = "auto"
    """auto (CUDA, then MPS, then CPU), cpu, cuda, cuda:1, mps."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """One JSON object per prompt and line: prompt, text, ids, finish_reason, and log-probabilities where asked for."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Write these objects to a file, each with its model and settings, as soon as it and those before it are done."""
    resume: tyro.conf.FlagCreatePairsOff[bool] = False
    """Go on with the file of an earlier run that broke off, with the same model, prompts and settings."""
