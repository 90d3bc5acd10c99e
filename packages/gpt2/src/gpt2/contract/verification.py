"""`gpt2 verify`: may this model be trusted? Its files, its tokenizer, its numbers, as a table of claims."""

from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from ..files.folder import read_configuration
from ..files.loading import load, source_folder
from ..files.names import from_published
from ..files.weights import INDEX, WEIGHTS, read_tensors
from ..model import GPT2
from ..tokenizer.bpe import encode
from ..tokenizer.files import has_vocabulary, read_vocabulary
from ..tokenizer.pattern import PATTERN
from ..tokenizer.tokenizer import Tokenizer
from .check import Finding, difference, measure

SAMPLES = ("The cat sat, didn't it?", "  \n\t x  1234  ", "naïve Ωmega 漢字 🙂\u200d", "<|endoftext|>", "\x00\x7f", "")
"""Texts that go there and back: contractions, white space, several alphabets, the letters of a special token."""
PIECES = ("The", " cat", " documentation", " naïve", "漢字", " 1234567", "...", "        ")
"""Texts that GPT-2's pattern leaves whole."""


def verify(source: str | Path, *, tokenizer: str | Path | None = None) -> tuple[Finding, ...]:
    """Every claim about a model that `load` can find, tried. ValueError or OSError where there is no model at all."""
    place = source_folder(source)
    findings = list(_files(place)) if place.is_dir() else []
    if not all(finding.held for finding in findings):
        return (*findings, Finding("what the files hold can be loaded", False, None, "not tried: first the files"))
    model, its_tokenizer = load(place, tokenizer=tokenizer)
    return (*findings, *_tokenizer(its_tokenizer, model), *measure(model), *_transformers(place, model, its_tokenizer))


def table(findings: tuple[Finding, ...]) -> str:
    """A line a claim: whether it held, the claim, the measured error, and what was found instead."""
    width = max(len(finding.claim) for finding in findings)
    lines = []
    for f in findings:
        error = "" if f.error is None else f"{f.error:.1e}"
        lines.append(f"{'ok    ' if f.held else 'BROKEN'}  {f.claim:{width}}  {error:7}  {f.evidence}".rstrip())
    broken = sum(not finding.held for finding in findings)
    return "\n".join([*lines, "", f"{len(findings) - broken} of {len(findings)} claims hold"])


def _tried(claim: str, work: Callable[[], str | None]) -> Finding:
    try:
        return Finding(claim, True, None, work() or "")
    except (ValueError, KeyError, OSError) as error:
        return Finding(claim, False, None, str(error))


def _files(folder: Path) -> Iterator[Finding]:
    yield _tried("files are as they were saved (checksums)", lambda: _checksums(folder))
    yield _tried("config.json describes a GPT-2", lambda: str(read_configuration(folder).n_parameters) + " parameters")
    yield _tried("tensors have the published names and shapes, the head is tied", lambda: _tensors(folder))
    yield _tried("every weight is finite", lambda: _finite(folder))
    yield _tried("the vocabulary's files agree", lambda: _vocabulary(folder))
    yield _tried("every end-of-text id is in the vocabulary", lambda: _end_of_text(folder))


def _checksums(folder: Path) -> str:
    from safetensors import safe_open

    names = [WEIGHTS] if (folder / WEIGHTS).is_file() else sorted({path.name for path in folder.glob("model-*-of-*")})
    if (folder / "manifest.json").is_file():
        from trainkit import verify_checkpoint

        verify_checkpoint(folder)
    read_tensors(folder)
    for name in names:
        with safe_open(folder / name, framework="pt") as file:
            if "sha256" not in (file.metadata() or {}):
                return f"{name} records none: only its structure was checked"
    return "SHA-256 of " + (WEIGHTS if names == [WEIGHTS] else f"{len(names)} files of {INDEX}")


def _tensors(folder: Path) -> str:
    c = read_configuration(folder)
    return f"{len(from_published(read_tensors(folder, check=False), c.n_layer, c.n_embd, c.n_vocab, c.n_ctx))} tensors"


def _finite(folder: Path) -> None:
    tensors = read_tensors(folder, check=False)
    if wrong := [name for name, tensor in tensors.items() if not torch.isfinite(tensor).all()]:
        raise ValueError(f"wanted finite weights, got NaN or infinity in {wrong}; take an earlier checkpoint")


def _vocabulary(folder: Path) -> str:
    return f"{Tokenizer.load(folder).n_vocab} ids"


def _end_of_text(folder: Path) -> None:
    if not has_vocabulary(folder):
        return
    own, config = len(read_vocabulary(folder)), read_configuration(folder)
    ends = config.end_ids or (own,)
    if not all(end < config.n_vocab for end in (own, *ends)):
        raise ValueError(
            f"wanted the tokenizer's end of text, {own}, and eos_token_id below n_vocab {config.n_vocab}, got "
            f"{list(ends)}; is it another's tokenizer?"
        )


def _tokenizer(tokenizer: Tokenizer, model: GPT2) -> Iterator[Finding]:
    """Texts and every single byte go there and back, and the ids are those of merging one pair after the other."""

    def there_and_back() -> None:
        for text in SAMPLES:
            if (got := tokenizer.decode(tokenizer.encode(text))) != text:
                raise ValueError(f"wanted {text!r} back, got {got!r}")
        if any(tokenizer.decode_bytes([tokenizer.ranks[bytes([byte])]]) != bytes([byte]) for byte in range(256)):
            raise ValueError("wanted every byte back")

    def merged() -> str:
        if tokenizer.pattern != PATTERN:
            return "not tried: the pattern is another than GPT-2's"
        for piece in PIECES:
            wanted = [tokenizer.ranks[token] for token in encode(piece.encode(), tokenizer.ranks)]
            got = tokenizer.encode(piece)
            if got != wanted:
                raise ValueError(f"{piece!r}: wanted the ids {wanted}, got {got}")
        return ""

    def fits() -> None:
        if tokenizer.n_vocab > model.n_vocab:
            raise ValueError(f"wanted at most {model.n_vocab} ids, got {tokenizer.n_vocab}")

    yield _tried("texts come back from the tokenizer", there_and_back)
    yield _tried("ids are those of merging pair by pair", merged)
    yield _tried("the model knows every id of the tokenizer", fits)


def _transformers(place: Path, model: GPT2, tokenizer: Tokenizer) -> Iterator[Finding]:
    logits, ids = "logits equal those of transformers", "ids equal those of transformers"
    try:
        import transformers
    except ImportError:
        yield Finding(logits, True, None, "not tried: transformers is not installed")
        return
    if not place.is_dir():
        return
    transformers.utils.logging.disable_progress_bar()
    theirs = transformers.AutoModelForCausalLM.from_pretrained(place, dtype=torch.float32).eval()
    tokens = torch.arange(min(16, model.n_ctx))[None] * 7 % model.n_vocab
    with torch.no_grad():
        error = difference(model(tokens), theirs(tokens).logits)
    yield Finding(logits, error < 1e-4, error, "" if error < 1e-4 else "found other logits")
    read = transformers.AutoTokenizer.from_pretrained(place, model_max_length=10**9)
    every = tokenizer.special_ids
    texts = [*SAMPLES, *(f"a {name}b{name}" for name in every)]
    wrong = [text for text in texts if read(text)["input_ids"] != tokenizer.encode(text, allowed_special=every)]
    yield Finding(ids, not wrong, None, f"found others for {wrong[0]!r}" if wrong else "")
