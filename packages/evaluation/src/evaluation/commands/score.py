"""`evaluation score`: a line for each text, with its nats, bits per byte and perplexity."""

import math
from collections.abc import Mapping
from typing import Any

from workbench import check_same, counted, digest, finished_lines, line_writer, many, tell_next

from .documents import NamedText, read_documents
from .inputs import field_of, load, model_facts
from .outputs import measured, options, tell
from .settings import Score

WAYS = ("plain", "strided", "dynamic")


def score(command: Score) -> None:
    """Write the lines, then their sum and the next command on standard error. ValueError for what cannot be scored."""
    documents = read_documents(command.files, command.text, command.field)
    done = finished_lines(command.out, command.resume)
    facts = model_facts(command.model)
    wanted = [_identity(command, document, facts) for document in documents]
    check_same(done, wanted, command.out)
    _check_tokens(command, done)
    model, tokenizer = load(command.model, command.device)
    from trainkit import bits_per_byte

    from ..scores import score_documents

    texts = (document.text for document in documents[len(done) :])
    scores = counted(
        score_documents(model, tokenizer, texts, stride=command.stride, at_a_time=16),
        len(documents),
        len(done),
        "document",
    )
    lines = list(done)
    with line_writer(command.out) as write:
        for identity, result in zip(wanted[len(done) :], scores, strict=True):
            measures = {"tokens": result.n_tokens, "nats": result.nats, "bits_per_byte": result.bits_per_byte}
            line = {**identity, **measures, "perplexity": result.perplexity}
            if command.ways:
                line |= _three(model, tokenizer, documents[len(lines)].text, identity["bytes"])
            lines.append(line)
            write(line | ({"token_nats": result.token_nats} if command.tokens else {}))
    nats, tokens = total(lines, "nats"), total(lines, "tokens")
    n_bytes = sum(int(line["bytes"]) for line in lines)
    perplexity = math.exp(min(nats / max(1, tokens), 709))
    tell(
        f"{many(len(lines), 'document')}, {many(tokens, 'token')}, {many(n_bytes, 'byte')}: "
        f"{bits_per_byte(nats, n_bytes):.4f} bits per byte, perplexity {perplexity:.4g} per token"
    )
    if command.ways:
        columns = {way: sum(measured(line, way) * int(line["bytes"]) for line in lines) / n_bytes for way in WAYS}
        tell("bits per byte, " + ", ".join(f"{way} {value:.4f}" for way, value in columns.items()))
    files = [file for file in command.files if file != "-"] or ["FILE"]  # standard input has been read
    again = [word for file in files for word in options(text=file)]
    words = ["compare", command.model, "OTHER_MODEL", *again, *options(field=field_of(command))]
    tell_next("evaluation", ["evaluation", *words], beside_results=True)


def _three(model: Any, tokenizer: Any, text: str, n_bytes: int) -> dict[str, float]:
    from ..ways.dynamic import three_ways

    found = three_ways(model, [tokenizer.end_of_text, *tokenizer.encode(text)], n_bytes)
    return {way: getattr(found, way) for way in WAYS}


def total(lines: list[dict[str, Any]], name: str) -> Any:
    """The sum of a field over the lines."""
    return sum(measured(line, name) for line in lines)


def _identity(command: Score, document: NamedText, facts: Mapping[str, Any]) -> dict[str, Any]:
    """What decides a line, as the line says it."""
    n_bytes = len(document.text.encode("utf-8"))
    where = {"document": document.name, **facts, "stride": command.stride} | ({"ways": True} if command.ways else {})
    return where | {"content": digest(document.text), "bytes": n_bytes}


def _check_tokens(command: Score, done: list[dict[str, Any]]) -> None:
    """ValueError unless the finished lines have the nats of every token where the others will have them."""
    other = [number for number, line in enumerate(done, start=1) if ("token_nats" in line) != command.tokens]
    if other:
        was = "without" if command.tokens else "with"
        raise ValueError(
            f"wanted the same --tokens as before, but line {other[0]} of {command.out} was written {was} it; give the "
            "same settings, or name another file"
        )
