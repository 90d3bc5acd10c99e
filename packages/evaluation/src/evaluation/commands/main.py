"""What the commands `score` and `evaluate` do."""

import json
import math
from dataclasses import asdict
from typing import Any

from decoding.counting import counted
from decoding.json_lines import check_same, finished_lines, finite, line_writer

from .compare import compare
from .documents import NamedText, read_documents
from .inputs import corpus, field_of, load, question_scores, questions, questions_again
from .outputs import estimates, few, item_score, many, options, say, show, tell, tell_next
from .settings import Compare, Evaluate, Score


def run_evaluation(command: Score | Evaluate | Compare) -> None:
    """Run one of the three; what is missing to do so is a ValueError."""
    try:
        if isinstance(command, Score):
            score(command)
        elif isinstance(command, Compare):
            compare(command)
        elif command.task in ("wikitext2", "wikitext103"):
            evaluate_text(command)
        else:
            evaluate_questions(command)
    except ImportError as error:
        raise ValueError(str(error)) from None


def score(command: Score) -> None:
    documents = read_documents(command.files, command.text, command.field)
    done = finished_lines(command.out, command.resume)
    wanted = [_identity(command, document) for document in documents]
    check_same(done, wanted, command.out)
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
            lines.append(line)
            write(line | ({"token_nats": result.token_nats} if command.tokens else {}))
    nats, tokens = total(lines, "nats"), total(lines, "tokens")
    n_bytes = sum(int(line["bytes"]) for line in lines)
    perplexity = math.exp(min(nats / tokens, 709))
    tell(
        f"{many(len(lines), 'document')}, {many(tokens, 'token')}, {many(n_bytes, 'byte')}: "
        f"{bits_per_byte(nats, n_bytes):.4f} bits per byte, perplexity {perplexity:.4g} per token"
    )
    files = [file for file in command.files if file != "-"] or ["FILE"]  # standard input has been read
    again = [word for file in files for word in options(text=file)]
    tell_next("compare", command.model, "OTHER_MODEL", *again, *options(field=field_of(command)))


def total(lines: list[dict[str, Any]], name: str) -> Any:
    """The sum of a field; what JSON could not hold was infinite."""
    return sum(math.inf if line[name] is None else line[name] for line in lines)


def _identity(command: Score, document: NamedText) -> dict[str, Any]:
    n_bytes = len(document.text.encode("utf-8"))
    return {"document": document.name, "model": command.model, "stride": command.stride, "bytes": n_bytes}


def evaluate_questions(command: Evaluate) -> None:
    task, items = questions(command)
    wanted = [{"item": n, "task": task.name, "model": command.model} for n in range(len(items))]
    done = finished_lines(command.out, command.resume)
    check_same(done, wanted, command.out)
    model, tokenizer = load(command.model, command.device)
    from ..tasks.tasks import summarise

    scores = [item_score(line) for line in done]
    new = counted(question_scores(model, tokenizer, items[len(done) :]), len(items), len(done), "question")
    if command.out is None:
        scores += new
    else:
        with line_writer(command.out) as write:
            for identity, result in zip(wanted[len(done) :], new, strict=True):
                scores.append(result)
                write(identity | asdict(result))
    measures = summarise(scores)
    if command.json:
        say(json.dumps(finite({"task": task.name, "items": len(items), **estimates(measures)})))
    else:
        say(
            f"{task.name}, {many(len(items), 'question')}",
            *(f"{name:22} {show(value)}" for name, value in measures.items()),
            *few(len(items), "question"),
        )
    tell_next("compare", command.model, "OTHER_MODEL", *questions_again(command))


def evaluate_text(command: Evaluate) -> None:
    """wikitext: the three perplexities of one corpus, each under its name."""
    if command.limit is not None or command.out is not None:
        raise ValueError(f"wanted no --limit and no --out for {command.task}, which is one text; leave them out")
    text = corpus(command)
    model, tokenizer = load(command.model, command.device)
    from ..perplexity.detokenizers import WIKITEXT
    from ..perplexity.published_perplexity import named_perplexities

    results = named_perplexities(model, tokenizer, text, WIKITEXT, stride=command.stride)
    if command.json:
        measures = {r.name: {**asdict(r), "perplexity": r.perplexity} for r in results}
        say(json.dumps(finite({"task": command.task, "restored_lines": WIKITEXT.restored(text), **measures})))
    else:
        say(f"{command.task}, {len(text.encode()):,} bytes")
        say(*(f"{r.name:12} {r.perplexity:10.4g}   text {r.text}, per {r.per}" for r in results))
        say(f"{WIKITEXT.restored(text):.1%} of the lines come back exactly when the detokenizer is inverted")
    is_text = command.data is not None and command.data.suffix != ".parquet"
    tell_next("score", command.model, str(command.data) if is_text else "FILE")
