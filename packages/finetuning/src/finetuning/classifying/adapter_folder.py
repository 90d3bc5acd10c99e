"""A classifier's adapter on disk, as `peft` keeps one over `transformers.GPT2ForSequenceClassification`."""

import json
from pathlib import Path

from torch import Tensor, nn

from gpt2 import GPT2, Tokenizer
from workbench import expanded, read_object

from ..adapters import Adapter, with_adapter
from ..files.configuration import LABELS, configuration
from ..files.models import load_model
from ..files.peft import CONFIGURATION, check_base, fill_adapter, read_adapter, read_adapter_tensors, write_adapter
from .classifier import Classifier

HEAD = "base_model.model.score.weight"
NAMES = "labels"
"""Key in the header of the weights: the labels' names, which peft does not keep."""


def save_classifier_adapter(
    folder: str | Path, classifier: Classifier, adapter: Adapter, *, base: str | None = None
) -> None:
    """Write the adapter of the classifier's body and its head; the base is not written.

    `peft.PeftModel.from_pretrained(GPT2ForSequenceClassification.from_pretrained(BASE, num_labels=…), folder)` opens
    it. The header of the weights holds the names of the labels and the SHA-256 of the base's tensors. base: where the
    base is found, for peft's own record of it. ValueError where the body's adapter is not the one described.
    """
    head = {HEAD: classifier.score.weight.detach()}
    facts = {NAMES: json.dumps(classifier.labels)}
    write_adapter(expanded(folder), classifier.body, adapter, configuration(adapter, base, LABELS), head, facts)


def load_classifier_adapter(folder: str | Path, base: GPT2) -> tuple[Classifier, Adapter]:
    """`base` with the head and the adapter in that folder, ours or peft's, and what the adapter is; in evaluation mode.

    Where peft wrote it, which keeps no names, the labels are LABEL_0, LABEL_1, ... as in transformers. Errors are those
    of `load_adapter`.
    """
    folder = expanded(folder)
    adapter, named = read_adapter(folder, LABELS)
    tensors, header = read_adapter_tensors(folder)
    check_base(folder, header, base, named)
    head = _head(folder, tensors.pop(HEAD, None), base)
    labels = json.loads(header[NAMES]) if NAMES in header else [f"LABEL_{number}" for number in range(len(head))]
    if len(labels) != len(head):
        raise ValueError(f"{folder}: wanted a name a row of {HEAD}, got {len(labels)} for {len(head)}; save it again")
    body = with_adapter(base, adapter)
    fill_adapter(body, adapter, tensors, str(folder))
    classifier = Classifier(body, labels)
    classifier.score.weight = nn.Parameter(head.to(classifier.score.weight))
    return classifier.eval(), adapter


def opened(folder: Path) -> tuple[Classifier, Tokenizer]:
    """The classifier of an adapter folder with the base that it names, and the base's tokenizer."""
    _, base = read_adapter(folder, LABELS)
    if base is None:
        raise ValueError(f"{folder}: wanted an adapter that says where its base is, got one that does not; merge it")
    model, tokenizer = load_model(base)
    return load_classifier_adapter(folder, model)[0], tokenizer


def is_classifier_adapter(folder: Path) -> bool:
    """Whether a folder is that of a classifier's adapter."""
    path = folder / CONFIGURATION
    return path.is_file() and read_object(path).get("task_type") == LABELS


def _head(folder: Path, head: Tensor | None, base: GPT2) -> Tensor:
    if head is None or head.dim() != 2 or head.shape[1] != base.config.n_embd:
        got = "none" if head is None else f"{tuple(head.shape)}"
        raise ValueError(
            f"{folder}: wanted {HEAD} of shape (labels, {base.config.n_embd}), got {got}; is it an adapter of another "
            f"base?"
        )
    return head
