"""`serving hand-off`: a model in, another tool's file or command out."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from workbench import require, shown

from .outside_settings import HandOff

if TYPE_CHECKING:
    from gpt2 import GPT2, Tokenizer

    from ..hand_off.probe import Agreement

WEIGHTS = {"gguf": ("float32", "float16", "q8_0"), "ctranslate2": ("float32", "float16", "int8")}


def run_hand_off(command: HandOff) -> None:
    """ValueError, in the words of the command line, for what makes no sense or fails the check."""
    check(command)
    import gpt2

    model, tokenizer = gpt2.load(command.source)
    WRITERS[command.to](command, model, tokenizer)


def check(command: HandOff) -> None:
    """ValueError or ImportError before the model is read."""
    kinds = WEIGHTS.get(command.to, ("float32",))
    if command.weights not in kinds:
        raise ValueError(
            f"--weights: wanted one of {', '.join(kinds)} for {command.to}, got {command.weights}; take one of these"
        )
    if command.to in WEIGHTS:
        require(command.to, "serving", command.to)
        if command.out is None:
            example = "model.gguf" if command.to == "gguf" else "DIR"
            raise ValueError(f"--out: wanted where to write to, got nothing; give --out {example}")
    if command.out is not None and (command.out.exists() or not command.out.absolute().parent.is_dir()):
        raise ValueError(
            f"--out: wanted a path that does not exist yet, in a folder that does, got {command.out}; name another"
        )
    if command.to == "gguf" and command.out is not None and command.out.suffix != ".gguf":
        raise ValueError(f"--out: wanted a file that ends in .gguf, got {command.out}; name it so")


def to_gguf(command: HandOff, model: "GPT2", tokenizer: "Tokenizer") -> None:
    from ..hand_off.gguf_check import check_gguf
    from ..hand_off.gguf_file import write_gguf
    from ..hand_off.llama_check import check_with_llama, has_llama

    out = written(command)
    written_by(out, lambda: write_gguf(out, model, tokenizer, command.weights))
    found = check_gguf(out, model, tokenizer, command.weights)
    print(
        f"Checked   {found.tensors} tensors and {found.tokens:,} tokens read back; no weight is off by more than "
        f"{found.largest_error:.2g}"
    )
    say_agreement("again", "the model with the file's weights", found.agreement)
    if has_llama():
        theirs = check_with_llama(out, model, tokenizer, command.weights)
        print(f"llama.cpp {'cuts' if theirs.same_ids else 'DOES NOT CUT'} the probe text into the same ids")
        say_agreement("llama.cpp", "llama.cpp", theirs.agreement)
        if not theirs.same_ids:
            raise ValueError(f"{out}: wanted llama.cpp to find the same ids in a text, got others; do not use the file")
    else:
        print("llama.cpp not asked: llama-cpp-python is not installed")
    print(f"Serve it  llama-server --model {out}")


def to_ctranslate2(command: HandOff, model: "GPT2", tokenizer: "Tokenizer") -> None:
    from ..hand_off.ctranslate2_folder import check_ctranslate2, write_ctranslate2

    out = written(command)
    written_by(out, lambda: write_ctranslate2(out, model, tokenizer, command.weights))
    say_agreement("Checked", "CTranslate2", check_ctranslate2(out, model, tokenizer, command.weights))
    print(f'Open it   ctranslate2.Generator("{out}")')


def to_vllm(command: HandOff, model: "GPT2", tokenizer: "Tokenizer") -> None:
    from ..hand_off.same_folder import folder_for, vllm_line

    print(vllm_line(folder_for(command.source, command.out, model, tokenizer), model))


def to_onnx(command: HandOff, model: "GPT2", tokenizer: "Tokenizer") -> None:
    from ..hand_off.same_folder import folder_for, onnx_line

    print(onnx_line(folder_for(command.source, command.out, model, tokenizer)))


WRITERS: dict[str, "Callable[[HandOff, GPT2, Tokenizer], None]"] = {
    "gguf": to_gguf,
    "ctranslate2": to_ctranslate2,
    "vllm": to_vllm,
    "onnx": to_onnx,
}


def written(command: HandOff) -> Path:
    if command.out is None:
        raise ValueError("--out: wanted where to write to, got nothing; give --out PATH")
    return command.out


def written_by(out: Path, write: Callable[[], None]) -> None:
    with shown("serving", "writing"):
        write()
    files = [out] if out.is_file() else sorted(out.iterdir())
    print(f"Written   {out}: {sum(path.stat().st_size for path in files) / 1e6:,.1f} MB")
    sys.stdout.flush()


def say_agreement(label: str, who: str, found: "Agreement") -> None:
    print(
        f"{label:<9} {who} finds the same token likeliest at {found.same_choice} of {found.places} places; the largest "
        f"difference of a logit is {found.largest_difference:.2g}"
    )
