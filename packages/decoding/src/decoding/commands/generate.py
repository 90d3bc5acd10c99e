"""`decoding generate`: prompts from arguments, a file or standard input; text, or JSON Lines that can be resumed."""

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import check_same, counted, expanded, finished_lines, line_writer, read_utf8

from ..settings.values import GenerationSettings
from .generate_settings import Generate
from .provenance import provenance
from .typed_texts import biases, read_prompts, words_as_ids

if TYPE_CHECKING:
    from ..protocols import Tokenizer
    from ..rows import Constraint
    from ..text import GeneratedText


WORTH_MOVING = 300
"""Steps that gain more than it takes to copy the weights into huge pages."""


def run_generate(command: Generate, load: "Callable[[str], tuple[Any, Tokenizer]] | None" = None) -> None:
    """ValueError, in the words of the command line, for what makes no sense. `load` is gpt2's, or another package's for
    models of its own."""
    if command.model.startswith("~"):
        command = replace(command, model=str(expanded(command.model)))
    settings = GenerationSettings(**asdict(command.sampling) | {"logit_bias": biases(command)})
    _check_command(command, settings)
    prompts = [prompt for prompt in read_prompts(command) for _ in range(command.samples)]
    if not Path(command.model).is_dir() and (load or not _may_be_on_the_hub(command.model)):
        raise ValueError(
            f"wanted the folder of a model, got {command.model}, which is no folder; give the one that training wrote"
        )
    done = finished_lines(command.out, command.resume)
    origin = provenance(command, own_format=load is not None) if command.out else {}
    check_same(done, [{"prompt": prompt, **origin} for prompt in prompts], command.out)
    import gpt2
    from tensors import choose_device, move_to_huge_pages

    from ..methods.dispatch import method_of

    device = choose_device(command.device)
    model, tokenizer = (load or gpt2.load)(command.model)
    model = model.to(device)
    if settings.max_new_tokens * -(-(len(prompts) - len(done)) // command.rows) >= WORTH_MOVING:
        move_to_huge_pages(model)
    settings = replace(settings, **words_as_ids(command, tokenizer))
    if len(prompts) == 1 and method_of(settings) == "loop" and not (command.json or command.out):
        _write_stream(model, tokenizer, prompts[0], settings, command)
    else:
        _write_all(model, tokenizer, prompts, settings, command, len(done), origin)


def _check_command(command: Generate, settings: GenerationSettings) -> None:
    if command.rows < 1:
        raise ValueError(f"wanted --rows of 1 or more, got {command.rows}; 8 is usual")
    if command.samples < 1:
        raise ValueError(f"wanted --samples of 1 or more, got {command.samples}; leave it out for one")
    if command.samples > 1 and settings.is_greedy:
        raise ValueError(
            f"temperature must be above 0 with --samples {command.samples}, got 0, which draws nothing; set it above 0"
        )
    if command.regex is not None and command.json_schema is not None:
        raise ValueError("wanted one form for the continuations, got --regex and --json-schema; choose one of them")
    if settings.log_probabilities is not None and not (command.json or command.out):
        raise ValueError(
            "wanted --json or --out with --log-probabilities, got neither; plain text has no place for them"
        )
    if command.forced_words and settings.beams == 1:
        raise ValueError("beams must be 2 or more with forced_words, got 1; 4 is usual")
    if "" in (*command.banned, *command.forced_words):
        raise ValueError("wanted a text in --banned and --forced-words, got an empty one; leave it out")


def _may_be_on_the_hub(source: str) -> bool:
    return not source.startswith((".", "/", "~")) and source.count("/") <= 1


def as_typed(message: str) -> str:
    """A message about settings, with their names as one types them."""
    names = [field.name for field in fields(GenerationSettings)]
    everywhere = "|".join(name for name in names if "_" in name)
    before = "|".join(name for name in names if "_" not in name)
    pattern = rf"(?<![-/.])\b((?:{everywhere})\b|(?:{before})\b(?= must|=| 0 \(greedy\)| and | with |$))"
    return re.sub(pattern, lambda m: "--" + m[1].replace("_", "-"), message)


def _constraint(command: Generate, tokenizer: "Tokenizer") -> "Constraint | None":
    from ..methods.grammar import matching_regex, matching_schema

    if command.regex is not None:
        return matching_regex(tokenizer, command.regex)
    if command.json_schema is not None:
        return matching_schema(tokenizer, read_utf8(command.json_schema, "a JSON schema"))
    return None


def _write_stream(
    model: Any, tokenizer: "Tokenizer", prompt: str, settings: GenerationSettings, command: Generate
) -> None:
    """The prompt, then each piece at once; the finish reason to standard error where nobody asked for that end."""
    from ..text import open_stream, stream_row

    constraint = _constraint(command, tokenizer)
    batch, row = open_stream(model, tokenizer, prompt, settings, constraint)
    _say(prompt)
    for piece in stream_row(tokenizer, batch, row):
        _say(piece)
    _say("\n")
    cut = _is_cut_off(constraint, row.ids, row.finish_reason, tokenizer)
    _report_ends([row.finish_reason], model.n_ctx, int(cut), settings.max_new_tokens)


def _write_all(
    model: Any,
    tokenizer: "Tokenizer",
    prompts: list[str],
    settings: GenerationSettings,
    command: Generate,
    done: int,
    origin: dict[str, Any],
) -> None:
    from .prompt_order import in_order

    constraints = [_constraint(command, tokenizer) for _ in prompts]
    results = in_order(model, tokenizer, prompts, settings, command.rows, constraints, done)
    reasons, cut = [], 0
    with line_writer(command.out) as write_line:
        for number, result in enumerate(
            counted(results, total=len(prompts), done=done, unit="prompt") if command.out else results, start=done + 1
        ):
            reasons.append(result.finish_reason)
            cut += _is_cut_off(constraints[number - 1], result.ids, result.finish_reason, tokenizer)
            prompt = prompts[number - 1]
            if command.json or command.out:
                write_line({"prompt": prompt, **origin, **_known(asdict(result))})
            else:
                heading = f"=== {number} of {len(prompts)} ===\n" if len(prompts) > 1 else ""
                _say("".join([heading, *_blocks(prompt, result)]))
    _report_ends(reasons, model.n_ctx, cut, settings.max_new_tokens)


def _say(text: str) -> None:
    """Write to standard output at once, with Python's escapes for characters that its encoding lacks. BrokenPipeError,
    as for a reader who left, where there is no standard output."""
    if sys.stdout is None:
        raise BrokenPipeError
    try:
        sys.stdout.write(text)
    except UnicodeEncodeError as error:
        sys.stdout.write(text.encode(error.encoding, "backslashreplace").decode(error.encoding))
    sys.stdout.flush()


def _known(result: dict[str, Any]) -> dict[str, Any]:
    """The fields of a continuation that hold something, in its other hypotheses too."""
    known = {name: value for name, value in result.items() if value not in ((), None)}
    return known | ({"others": [_known(other) for other in known["others"]]} if "others" in known else {})


def _blocks(prompt: str, result: "GeneratedText") -> Iterator[str]:
    """The best continuation, or all where more than one was asked for, each under its rank and score."""
    for rank, one in enumerate((result, *result.others), start=1):
        if result.others:
            yield f"--- {rank} of {1 + len(result.others)}, score {one.score:.4g} ---\n"
        yield f"{prompt}{one.text}\n"


def _is_cut_off(
    constraint: "Constraint | None", ids: Sequence[int], finish_reason: str | None, tokenizer: "Tokenizer"
) -> bool:
    """Whether a bound text was ended before its form lets it end."""
    if constraint is None or finish_reason != "max_new_tokens":
        return False
    return not constraint(ids)[tokenizer.end_of_text]


def _report_ends(finish_reasons: Sequence[str | None], n_ctx: int, cut: int, max_new_tokens: int) -> None:
    if cut:
        sys.stderr.write(
            f"decoding: {cut} of {len(finish_reasons)} unfinished: ended after {max_new_tokens} new tokens, before the "
            "form was complete; raise --max-new-tokens\n"
        )
    if full := finish_reasons.count("length"):
        sys.stderr.write(
            f"decoding: {full} of {len(finish_reasons)} ended early, at the model's context of {n_ctx} tokens\n"
        )
