"""`evaluation tasks`: the questions of a task and the measures of its outcomes, or a corpus and its perplexities."""

import json
from dataclasses import asdict

from workbench import check_same, counted, digest, finished_lines, finite, line_writer, many, tell_next

from .inputs import corpus, load, model_facts, question_scores, questions, questions_again
from .outputs import estimates, few, item_score, say, show
from .settings import Tasks


def run_task(command: Tasks) -> None:
    """The task that was asked for; ValueError for what it cannot be run with."""
    if command.task in ("wikitext2", "wikitext103"):
        score_corpus(command)
    else:
        ask_questions(command)


def ask_questions(command: Tasks) -> None:
    """Accuracies (of clozes perplexities too) with their intervals, from a line for each question."""
    task, items = questions(command)
    facts = {"task": task.name, **model_facts(command.model)} if command.out else {}
    wanted = [{"item": n, **facts, "content": digest(asdict(item))} for n, item in enumerate(items)]
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
    words = ["compare", command.model, "OTHER_MODEL", *questions_again(command)]
    tell_next("evaluation", ["evaluation", *words], beside_results=True)


def score_corpus(command: Tasks) -> None:
    """wikitext: the three perplexities of one corpus, each under its name."""
    if command.limit is not None or command.out is not None:
        raise ValueError(f"wanted no --limit and no --out for {command.task}, which is one text; leave them out")
    text = corpus(command)
    model, tokenizer = load(command.model, command.device)
    from ..corpora.detokenizers import WIKITEXT
    from ..corpora.published_perplexity import named_perplexities

    results = named_perplexities(model, tokenizer, text, WIKITEXT, stride=command.stride)
    if command.json:
        measures = {r.name: {**asdict(r), "perplexity": r.perplexity} for r in results}
        say(json.dumps(finite({"task": command.task, "restored_lines": WIKITEXT.restored(text), **measures})))
    else:
        say(f"{command.task}, {len(text.encode()):,} bytes")
        say(*(f"{r.name:12} {r.perplexity:10.4g}   text {r.text}, per {r.per}" for r in results))
        say(f"{WIKITEXT.restored(text):.1%} of the lines come back exactly when the detokenizer is inverted")
    is_text = command.data is not None and command.data.suffix != ".parquet"
    words = ["score", command.model, str(command.data) if is_text else "FILE"]
    tell_next("evaluation", ["evaluation", *words], beside_results=True)
