"""A classifier on disk: the layout of `transformers.GPT2ForSequenceClassification`, with labels and a pad id."""

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gpt2 import Tokenizer, empty_model
from gpt2.files.configuration import from_hugging_face, to_hugging_face
from gpt2.files.folder import fill
from gpt2.files.names import from_published, to_published
from gpt2.files.weights import read_tensors, write_tensors
from workbench import expanded, read_object, saved_over

from ..adapters import adapted_layers, merged
from ..files.peft import CONFIGURATION
from .adapter_folder import is_classifier_adapter, opened
from .classifier import Classifier

ARCHITECTURE = "GPT2ForSequenceClassification"
LANGUAGE_MODEL = "GPT2LMHeadModel"
HEAD = "score.weight"
PAD = "<|pad|>"


def save_classifier(folder: str | Path, classifier: Classifier, tokenizer: Tokenizer) -> None:
    """Write a folder that `transformers.AutoModelForSequenceClassification` opens, and that pads without harm.

    The class of transformers takes the last token that is not the padding's, so the padding gets an id that no text
    has: a new one, with a row of zeros in the table, or the one that the tokenizer has already. It never is the
    end-of-text token. An adapter is merged. Over an earlier model: whole or not at all.
    """
    body = merged(classifier.body) if any(adapted_layers(classifier.body)) else classifier.body
    tokenizer, pad = with_padding(tokenizer)
    config = body.config.replace(n_vocab=max(body.n_vocab, tokenizer.n_vocab))
    state = {name: parameter.detach().cpu() for name, parameter in body.named_parameters()}
    table = state["token_embedding.weight"]
    state["token_embedding.weight"] = torch.cat([table, table.new_zeros(config.n_vocab - len(table), config.n_embd)])
    ends = body.config.end_ids or (tokenizer.end_of_text,)
    content = to_hugging_face(config, str(table.dtype).removeprefix("torch.")) | {
        "architectures": [ARCHITECTURE],
        "problem_type": "single_label_classification",
        "id2label": {str(number): label for number, label in enumerate(classifier.labels)},
        "label2id": {label: number for number, label in enumerate(classifier.labels)},
        "pad_token_id": pad,
        "bos_token_id": tokenizer.end_of_text,
        "eos_token_id": ends[0] if len(ends) == 1 else list(ends),
    }
    head = classifier.score.weight.detach().cpu().to(table.dtype)
    with saved_over(expanded(folder).resolve(), stale=lambda path: path.match("model*.safetensors*")) as staged:
        write_tensors(staged, to_published(state, config.n_layer) | {HEAD: head.contiguous()})
        tokenizer.save(staged, n_ctx=body.n_ctx)
        (staged / "config.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8", newline="\n")


def load_classifier(folder: str | Path) -> tuple[Classifier, Tokenizer]:
    """A classifier (in evaluation mode), ours or that of transformers, and its tokenizer; the folder may also be that
    of a finished run, or of a classifier's adapter that names its base. ValueError for a folder that is none, and for
    tensors that are missing or too many."""
    place = classifier_folder(folder)
    if is_classifier_adapter(place):
        return opened(place)
    content = read_object(place / "config.json")
    config = from_hugging_face(content, place)
    tensors = read_tensors(place)
    head = tensors.pop(HEAD, None)
    labels = _labels(content, place)
    if head is None or head.shape != (len(labels), config.n_embd):
        got = "none" if head is None else f"{tuple(head.shape)}"
        raise ValueError(
            f"{place}: wanted {HEAD} of shape {(len(labels), config.n_embd)}, a row a label, got {got}; do config.json "
            f"and the weights belong together?"
        )
    body = empty_model(config)
    fill(body, _published(tensors, config))
    classifier = Classifier(body, labels)
    with torch.no_grad():
        classifier.score.weight.copy_(head)
    return classifier.eval(), Tokenizer.load(place)


def classifier_folder(folder: str | Path) -> Path:
    """The folder of a classifier that is meant: itself, or the `model/` of a run. ValueError for what is none."""
    given = expanded(folder)
    if is_classifier_adapter(given):
        return given
    for place in (given, given / "model"):
        if (place / "config.json").is_file():
            found = read_object(place / "config.json").get("architectures")
            if found == [ARCHITECTURE]:
                return place
            raise ValueError(f"{place}: wanted a classifier, got {_kind(found)}")
    if not given.is_dir():
        what = "no such folder"
    else:
        what = "a run that is not finished" if (given / "run.json").is_file() else "a folder without config.json"
        of_language = any((place / CONFIGURATION).is_file() for place in (given, given / "adapter"))
        what = "the adapter of a language model" if of_language else what
    raise ValueError(f"{folder}: wanted the folder of a classifier, got {what}; make one with `finetuning classify`")


def is_classifier(folder: str | Path) -> bool:
    """Whether a folder is that of a classifier, or of a finished run that made one."""
    try:
        return classifier_folder(folder).is_dir()
    except ValueError:
        return False


def with_padding(tokenizer: Tokenizer) -> tuple[Tokenizer, int]:
    """The tokenizer with a token for padding that no text can contain, and that token's id."""
    own = tokenizer.roles.get("pad_token")
    if own in tokenizer.special_ids and own not in tokenizer.always:
        return tokenizer, tokenizer.special_ids[own]
    facts = tokenizer.facts
    special = (*facts["special"], *([] if PAD in facts["special"] else [PAD]))
    roles = {**facts["roles"], "pad_token": PAD}
    padded = Tokenizer(tokenizer.ranks, **{**facts, "special": special, "roles": roles})
    return padded, padded.special_ids[PAD]


def _kind(architectures: Any) -> str:
    """What a folder holds in place of a classifier, and what to do about it."""
    if architectures == [LANGUAGE_MODEL]:
        return "a language model; teach it labels with `finetuning classify`, and name the run that this makes"
    names = architectures if isinstance(architectures, list) else []
    what = f"a model of another kind ({', '.join(map(str, names))})" if names else "a model that names no architecture"
    return f"{what}; make one with `finetuning classify`"


def _labels(content: dict[str, Any], place: Path) -> list[str]:
    named = content.get("id2label")
    try:
        labels = [named[str(number)] for number in range(len(named))]  # type: ignore[index, arg-type]
    except (KeyError, TypeError):
        labels = []
    if len(labels) < 2 or not all(isinstance(label, str) for label in labels):
        raise ValueError(
            f"{place / 'config.json'}: wanted id2label with two or more names, from 0 on, got {named!r}; correct it"
        )
    return labels


def _published(tensors: dict[str, Tensor], config: Any) -> dict[str, Tensor]:
    return from_published(tensors, config.n_layer, config.n_embd, config.n_vocab, config.n_ctx)
