"""What an evaluation command works on: the model, the questions of a task, the text of a corpus."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from workbench import expanded

from .outputs import options
from .settings import Compare, Score, Tasks

if TYPE_CHECKING:
    from decoding import LanguageModel, Tokenizer

    from ..tasks.items import Item
    from ..tasks.tasks import ItemScore, Task

WIKITEXT_REPOSITORY = "Salesforce/wikitext"
SUBSETS = {"wikitext2": "wikitext-2-raw-v1", "wikitext103": "wikitext-103-raw-v1"}


def load(source: str, device: str) -> "tuple[LanguageModel, Tokenizer]":
    """Model and tokenizer of a source, on a device by its name; ValueError as `gpt2.load` says."""
    import gpt2
    from tensors import choose_device

    chosen = choose_device(device)
    if chosen.type == "meta":
        raise ValueError("wanted a device that computes, got 'meta', which holds shapes only; leave --device out")
    return gpt2.load(home(source), device=chosen)


def home(source: str) -> str:
    """The source with `~` as the home folder; names on the hub have none."""
    return str(expanded(source)) if source.startswith("~") else source


def model_facts(source: str) -> dict[str, Any]:
    """The model as it was named, and the fingerprint of what stands there now; ValueError as `gpt2.load` says."""
    import gpt2

    return {"model": source, "fingerprint": gpt2.fingerprint(home(source))}


def questions(command: Tasks | Compare) -> "tuple[Task, list[Item]]":
    """The task and its questions, from `data` or from the hub."""
    from ..tasks.files import download, read_items
    from ..tasks.tasks import BLIMP, CHOICE, HELLASWAG, LAMBADA

    if command.limit is not None and command.limit < 1:
        raise ValueError(f"wanted a limit of at least 1 question, got {command.limit}; leave it out for all")
    task = next(task for task in (LAMBADA, HELLASWAG, BLIMP, CHOICE) if task.name == command.task)
    if command.subset is not None:
        task = replace(task, configuration=command.subset)
    path = command.data
    if path is None:
        if task.repository is None:
            raise ValueError("wanted a file of your questions, got none; give --data FILE with one JSON object a line")
        path = download(task.repository, task.configuration, task.split)
    return task, read_items(task, path, command.limit)


def questions_again(command: Tasks | Compare) -> list[str]:
    """The options that name the same questions."""
    return options(task=command.task, data=command.data, subset=command.subset, limit=command.limit)


def field_of(command: Score | Compare) -> str | None:
    """The field of the texts, where it is not the usual one."""
    return None if command.field == Score.field else command.field


def question_scores(model: "LanguageModel", tokenizer: "Tokenizer", items: "Sequence[Item]") -> "Iterator[ItemScore]":
    """The outcome of each question, in portions that a line of progress can follow."""
    from ..tasks.tasks import score_items

    return score_items(model, tokenizer, items, at_a_time=64)


def corpus(command: Tasks) -> str:
    """The text of wikitext: a file of lines, or the hub's records, each of which is a line."""
    from ..tasks.files import download, read_records
    from .documents import read_documents

    path = command.data
    if path is None:
        path = download(WIKITEXT_REPOSITORY, command.subset or SUBSETS[command.task], "test")
    if path.suffix == ".parquet":
        return "".join(str(record["text"]) for _, record in read_records(path))
    return read_documents([str(path)])[0].text
