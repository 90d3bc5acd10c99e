"""The command `decoding`. torch is imported only once the arguments are known to make sense."""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from .evaluation_commands import run_evaluation
from .evaluation_settings import Compare, Evaluate, Score
from .settings import GenerationSettings

if TYPE_CHECKING:
    from .protocols import LanguageModel, Tokenizer

BAD_INPUT, INTERRUPTED, BROKEN_PIPE = 2, 130, 141  # the last two as a shell reports SIGINT and SIGPIPE


class Sampling(GenerationSettings):
    """Checked by `_generate`, so that a wrong value is reported in our words and not wrapped in the parser's."""

    def __post_init__(self) -> None:
        pass


@dataclass(frozen=True)
class Generate:
    """Continue prompts with a model. Standard output gets each prompt and its continuation, in one block per prompt;
    a single one appears as it is written. Everything else goes to standard error."""

    model: tyro.conf.Positional[Annotated[str, tyro.conf.arg(metavar="MODEL")]]
    """Folder of a model, such as RUN/model after training."""
    prompt: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """A text to continue; may be given several times."""
    prompts_file: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """A UTF-8 file with one prompt per line."""
    sampling: Annotated[Sampling, tyro.conf.arg(name="")] = field(default_factory=Sampling)
    device: str = "auto"
    """auto (CUDA, then MPS, then CPU), cpu, cuda, cuda:1, mps."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """One JSON object per prompt and line: prompt, text, ids, finish_reason."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0, 2 for bad input, 130 after Ctrl-C, 141 when the reader left."""
    try:
        command = tyro.extras.subcommand_cli_from_dict(
            {"generate": Generate, "score": Score, "evaluate": Evaluate, "compare": Compare},
            prog="decoding",
            description="From logits to text, and from text to scores.",
            args=arguments,
        )
        if isinstance(command, Generate):
            _generate(command)
        else:
            run_evaluation(command)
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes standard output once more on its way out; give it somewhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except KeyboardInterrupt:
        return INTERRUPTED
    except (ValueError, OSError) as error:
        print(f"decoding: {error}", file=sys.stderr)
        return BAD_INPUT
    return 0


def _generate(command: Generate) -> None:
    settings = GenerationSettings(**asdict(command.sampling))
    prompts = _read_prompts(command)
    if not Path(command.model).is_dir():
        raise ValueError(
            f"wanted the folder of a model, got {command.model}, which is no folder; give the one that training wrote"
        )
    import gpt2
    from tensors import choose_device

    device = choose_device(command.device)
    model, tokenizer = gpt2.load(command.model)
    model = model.to(device)
    if len(prompts) == 1 and not command.json:
        _write_stream(model, tokenizer, prompts[0], settings)
    else:
        _write_all(model, tokenizer, prompts, settings, command.json)


def _read_prompts(command: Generate) -> list[str]:
    prompts = list(command.prompt)
    if command.prompts_file is not None:
        prompts += _read_lines(command.prompts_file)
    if not prompts:
        raise ValueError("wanted a prompt, got none; give --prompt TEXT or --prompts-file FILE")
    for number, prompt in enumerate(prompts, start=1):
        if not prompt:
            raise ValueError(f"wanted a text to continue, got an empty prompt ({number} of {len(prompts)}); fill it")
        if any("\ud800" <= character <= "\udfff" for character in prompt):
            raise ValueError(f"wanted a prompt in UTF-8, got {prompt!r}; encode it in UTF-8")
    return prompts


def _read_lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"wanted prompts in UTF-8, got other bytes in {path} at offset {error.start}; convert the file"
        ) from None
    except OSError as error:
        raise ValueError(f"wanted a file of prompts, got {path}: {error.strerror}; check the path") from None


def _write_stream(model: "LanguageModel", tokenizer: "Tokenizer", prompt: str, settings: GenerationSettings) -> None:
    """The prompt, then each piece at once; the finish reason to standard error where nobody asked for that end."""
    from .text import open_stream, stream_row

    batch, row = open_stream(model, tokenizer, prompt, settings)
    sys.stdout.write(prompt)
    for piece in stream_row(tokenizer, batch, row):
        sys.stdout.write(piece)
        sys.stdout.flush()
    sys.stdout.write("\n")
    _report_full([row.finish_reason], model.n_ctx)


def _write_all(
    model: "LanguageModel", tokenizer: "Tokenizer", prompts: list[str], settings: GenerationSettings, as_json: bool
) -> None:
    from .text import generate

    results = generate(model, tokenizer, prompts, settings)
    for number, (prompt, result) in enumerate(zip(prompts, results, strict=True), start=1):
        if as_json:
            known = {name: value for name, value in asdict(result).items() if value not in ((), None)}
            line = json.dumps({"prompt": prompt, **known}, ensure_ascii=False)
        else:
            line = f"=== {number} of {len(prompts)} ===\n{prompt}{result.text}"
        sys.stdout.write(line + "\n")
    _report_full([result.finish_reason for result in results], model.n_ctx)


def _report_full(finish_reasons: Sequence[str | None], n_ctx: int) -> None:
    if full := finish_reasons.count("length"):
        print(
            f"decoding: {full} of {len(finish_reasons)} ended early, at the model's context of {n_ctx} tokens",
            file=sys.stderr,
        )
