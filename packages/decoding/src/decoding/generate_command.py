"""`decoding generate`: prompts from arguments, a file or standard input; text, or JSON Lines that can be resumed."""

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .counting import counted
from .generate_settings import Generate
from .json_lines import check_same, finished_lines, line_writer
from .settings import GenerationSettings

if TYPE_CHECKING:
    from .protocols import Tokenizer
    from .rows import Constraint
    from .text import GeneratedText


def run_generate(command: Generate, load: "Callable[[str], tuple[Any, Tokenizer]] | None" = None) -> None:
    """ValueError, in the words of the command line, for what makes no sense. `load` is gpt2's, or another package's for
    models of its own."""
    settings = GenerationSettings(**asdict(command.sampling))
    if command.rows < 1:
        raise ValueError(f"wanted --rows of 1 or more, got {command.rows}; 8 is usual")
    prompts = read_prompts(command)
    if not Path(command.model).is_dir():
        raise ValueError(
            f"wanted the folder of a model, got {command.model}, which is no folder; give the one that training wrote"
        )
    done = finished_lines(command.out, command.resume)
    check_same(done, [{"prompt": prompt} for prompt in prompts], command.out)
    import gpt2
    from tensors import choose_device

    from .choice import method_of

    device = choose_device(command.device)
    model, tokenizer = (load or gpt2.load)(command.model)
    model = model.to(device)
    if len(prompts) == 1 and method_of(settings) == "loop" and not (command.json or command.out):
        _write_stream(model, tokenizer, prompts[0], settings, command)
    else:
        _write_all(model, tokenizer, prompts, settings, command, len(done))


def as_typed(message: str) -> str:
    """A message about settings, with their names as one types them."""
    names = "|".join(field.name for field in fields(GenerationSettings))
    return re.sub(
        rf"\b({names})\b(?= must|=| 0 \(greedy\)| and | with |$)", lambda m: "--" + m[1].replace("_", "-"), message
    )


def read_prompts(command: Generate) -> list[str]:
    """All prompts, those of the arguments first."""
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
        content = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
        return content.decode("utf-8").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"wanted prompts in UTF-8, got other bytes in {path} at offset {error.start}; convert the file"
        ) from None
    except OSError as error:
        raise ValueError(f"wanted a file of prompts, got {path}: {error.strerror}; check the path") from None


def _constraint(command: Generate, tokenizer: "Tokenizer") -> "Constraint | None":
    from .grammar import matching_regex, matching_schema

    if command.regex is not None:
        return matching_regex(tokenizer, command.regex)
    return matching_schema(tokenizer, command.json_schema.read_text("utf-8")) if command.json_schema else None


def _write_stream(
    model: Any, tokenizer: "Tokenizer", prompt: str, settings: GenerationSettings, command: Generate
) -> None:
    """The prompt, then each piece at once; the finish reason to standard error where nobody asked for that end."""
    from .text import open_stream, stream_row

    batch, row = open_stream(model, tokenizer, prompt, settings, _constraint(command, tokenizer))
    sys.stdout.write(prompt)
    for piece in stream_row(tokenizer, batch, row):
        sys.stdout.write(piece)
        sys.stdout.flush()
    sys.stdout.write("\n")
    _report_full([row.finish_reason], model.n_ctx)


def _write_all(
    model: Any, tokenizer: "Tokenizer", prompts: list[str], settings: GenerationSettings, command: Generate, done: int
) -> None:
    from .prompt_order import in_order

    constraints = [_constraint(command, tokenizer) for _ in prompts]
    results = in_order(model, tokenizer, prompts, settings, command.rows, constraints, done)
    reasons = []
    with line_writer(command.out) as write_line:
        for number, result in enumerate(
            counted(results, total=len(prompts), done=done, unit="prompt") if command.out else results, start=done + 1
        ):
            reasons.append(result.finish_reason)
            prompt = prompts[number - 1]
            if command.json or command.out:
                known = {name: value for name, value in asdict(result).items() if value not in ((), None)}
                write_line({"prompt": prompt, **known})
            else:
                sys.stdout.write(f"=== {number} of {len(prompts)} ===\n" if len(prompts) > 1 else "")
                sys.stdout.writelines(_blocks(prompt, result))
                sys.stdout.flush()
    _report_full(reasons, model.n_ctx)


def _blocks(prompt: str, result: "GeneratedText") -> Iterator[str]:
    """The best continuation, or all where more than one was asked for, each under its rank and score."""
    for rank, one in enumerate((result, *result.others), start=1):
        if result.others:
            yield f"--- {rank} of {1 + len(result.others)}, score {one.score:.4g} ---\n"
        yield f"{prompt}{one.text}\n"


def _report_full(finish_reasons: Sequence[str | None], n_ctx: int) -> None:
    if full := finish_reasons.count("length"):
        sys.stderr.write(
            f"decoding: {full} of {len(finish_reasons)} ended early, at the model's context of {n_ctx} tokens\n"
        )
