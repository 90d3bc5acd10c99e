"""What is compared: a model, a run, an adapter or a classifier, opened as the language model in it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpt2 import GPT2, Tokenizer, empty_model
from workbench import expanded

from ..classifying.classifier import Classifier
from ..classifying.model_folder import PAD, is_classifier, load_classifier
from ..classifying.settings import ClassifySettings
from ..distilling.settings import DistillSettings
from ..files.models import load_model
from ..files.peft import CONFIGURATION, load_adapter, read_adapter
from ..preferring.settings import PreferSettings
from ..running.record import read_run, settings_of
from ..running.settings import RunSettings, TuneSettings

KINDS: dict[str, type[RunSettings]] = {
    kind.command: kind for kind in (TuneSettings, ClassifySettings, PreferSettings, DistillSettings)
}


@dataclass(frozen=True)
class Subject:
    """One side of a comparison."""

    name: str
    model: GPT2
    tokenizer: Tokenizer
    classifier: Classifier | None


def subject(source: str) -> Subject:
    """The model that `source` names: a model folder, a finished run of any kind, an adapter with its base, or a
    classifier. ValueError or OSError for what is none."""
    if is_classifier(source):
        classifier, tokenizer = load_classifier(source)
        return Subject(source, *without_padding(classifier.body, tokenizer), classifier)
    folder = adapter_folder(source)
    if folder is None:
        return Subject(source, *load_model(source), None)
    _, base = read_adapter(folder)
    if base is None:
        raise ValueError(f"{folder}: wanted an adapter that says where its base is, got one that does not; merge it")
    model, tokenizer = load_model(base)
    return Subject(source, load_adapter(folder, model)[0].eval(), tokenizer, None)


def adapter_folder(source: str) -> Path | None:
    """The folder of an adapter that is meant: itself, or the `adapter/` of a run; None where there is none."""
    given = expanded(source)
    return next((place for place in (given, given / "adapter") if (place / CONFIGURATION).is_file()), None)


def without_padding(body: GPT2, tokenizer: Tokenizer) -> tuple[GPT2, Tokenizer]:
    """The language model in a classifier as it was before a row for padding joined its table: that row's logit would
    take some probability from every token."""
    if tokenizer.special[-1:] != (PAD,) or body.n_vocab != tokenizer.n_vocab:
        return body, tokenizer
    roles = {role: name for role, name in tokenizer.roles.items() if name != PAD}
    plain = Tokenizer(tokenizer.ranks, **{**tokenizer.facts, "special": tokenizer.special[:-1], "roles": roles})
    model = empty_model(body.config.replace(n_vocab=plain.n_vocab))
    state = body.state_dict()
    state["token_embedding.weight"] = state["token_embedding.weight"][: plain.n_vocab]
    model.load_state_dict(state)
    return model.eval(), plain


def run_settings(source: str) -> RunSettings | None:
    """What a run was asked to do; None for what is no run of this package, or one without examples of its own."""
    folder = expanded(source)
    if not (folder / "run.json").is_file():
        return None
    try:
        content: dict[str, Any] = read_run(folder)
    except ValueError:  # a run of `train`, say
        return None
    kind = KINDS.get(content.get("command", "tune"))
    return None if kind is None else settings_of(content["settings"], kind)
