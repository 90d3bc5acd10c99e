"""`finetuning merge`: an adapter and its base become one plain model."""

from contextlib import suppress
from pathlib import Path

from workbench import is_vacant, tell_next

from .settings import Merge


def merge(settings: Merge) -> int:
    """Write the merged model, and say how far it is from base and adapter apart. Returns 0.

    Raises ValueError or OSError for a folder that is no adapter, another base, and an --out that holds something.
    """
    import torch

    import gpt2

    from ..adapters import merged
    from ..classifying.adapter_folder import is_classifier_adapter, load_classifier_adapter
    from ..classifying.model_folder import save_classifier
    from ..files.chat import carry_chat_template
    from ..files.configuration import LABELS, LANGUAGE
    from ..files.models import load_model
    from ..files.peft import load_adapter, read_adapter

    folder = _adapter_folder(settings.adapter)
    if settings.out.exists() and not (settings.out.is_dir() and is_vacant(settings.out)):
        raise ValueError(f"--out {settings.out}: wanted a new or empty folder, got something else; name another")
    of_labels = is_classifier_adapter(folder)
    _, said = read_adapter(folder, LABELS if of_labels else LANGUAGE)
    source = settings.base or said
    if source is None:
        raise ValueError(f"--base: wanted the model of the adapter in {folder}, which does not say; name it")
    base, tokenizer = load_model(source)
    if of_labels:
        classifier, _ = load_classifier_adapter(folder, base)
        save_classifier(settings.out, classifier, tokenizer)
        print(f"Merged   {settings.out}: a classifier of {len(classifier.labels)} labels")
        tell_next("finetuning", ["finetuning", "label", str(settings.out), "FILE"])
        return 0
    model, adapter = load_adapter(folder, base)
    plain = merged(model)
    with torch.inference_mode():
        tokens = torch.arange(min(64, base.n_ctx))[None] % base.n_vocab
        distance = float((plain.eval()(tokens) - model.eval()(tokens)).abs().max())
    gpt2.save(settings.out, plain, tokenizer)
    carry_chat_template(folder, settings.out)
    size = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    print(f"Adapter  {folder} ({adapter.method}, rank {adapter.rank}, {size / 1e6:.2f} MB)")
    print(f"Base     {source}")
    print(f"Merged   {settings.out}: logits within {distance:.1e} of base and adapter apart")
    tell_next("decoding", ["decoding", "generate", str(settings.out), "--prompt", _first_prompt(settings.adapter)])
    return 0


def _first_prompt(run: Path) -> str:
    """The first prompt that a run learned from, as its template writes it; "The" where that is not to be found."""
    from ..files.chat import read_template
    from ..files.records import read_records
    from ..running.record import read_run
    from ..templates import Template

    with suppress(ValueError, OSError, ImportError, KeyError, StopIteration):
        given = read_run(run)["settings"]
        record = next(iter(read_records(given["data"])))[1]
        if "messages" not in record:
            return str(record["prompt"]).rstrip(" ")
        template = Template() if given.get("template") is None else read_template(given["template"])
        return template.pieces(record["messages"])[0][0]
    return "The"


def _adapter_folder(given: Path) -> Path:
    """The adapter that is meant: itself, or that of a run. ValueError, with what there is instead, where there is
    none."""
    from ..classifying.model_folder import is_classifier

    if not (is_classifier(given) and (given / "model").is_dir()) and (
        not (given / "run.json").is_file() or (given / "adapter").is_dir()
    ):
        found = given / "adapter" if (given / "adapter").is_dir() else given
        if found.is_dir():
            return found
    cure = "name a finished run of tune, prefer, reinforce or distill, or the folder of an adapter"
    what = "no such folder"
    if (given / "model").is_dir():
        what, cure = "a run that changed whole weights", f"its model is {given / 'model'}"
        if is_classifier(given):
            what = "a classifier, which has its adapter merged already"
            cure = f"label texts with `finetuning label {given} FILE`"
    elif given.is_dir():
        what, cure = "a run that is not finished", f"resume it with --resume {given}"
    raise ValueError(f"{given}: wanted an adapter, got {what}; {cure}")
