"""A model folder of the Hugging Face hub: downloaded once, kept in `huggingface_hub`'s own cache, safetensors only."""

import re
from pathlib import Path

_FILES = ["config.json", "generation_config.json", "model.safetensors", "model-*-of-*.safetensors"]
_FILES += ["model.safetensors.index.json", "vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json"]
_REASONS = {
    "RepositoryNotFoundError": "the hub has none of that name, or does not show it to you",
    "RevisionNotFoundError": "the hub's has no such revision",
    "GatedRepoError": "the hub's has a license that you have not accepted there",
    "LocalEntryNotFoundError": "the hub cannot be reached and no copy of it is kept here",
}
_NAME = re.compile(r"(?P<name>[\w-][\w.-]*(/[\w-][\w.-]*)?)(@(?P<revision>[\w./-]+))?")


def repository(source: str) -> tuple[str, str | None] | None:
    """Name and revision (NAME@REVISION) where `source` can be a repository of the hub; None where it is a path."""
    match = _NAME.fullmatch(source)
    if match is None:
        return None
    first = Path(source).parts[0]
    if Path(source).exists() or (first != source and Path(first).is_dir()):
        return None  # a path, or a slip of the pen in one
    return match["name"], match["revision"]


def download(name: str, revision: str | None = None) -> Path:
    """The folder of a repository's model at a revision (branch, tag or commit; default its main branch).

    Offline the copy in the cache is used. Raises ImportError without the extra `hub`, OSError where there is no copy
    and no way to get one, ValueError where the repository has no safetensors.
    """
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise ImportError(
            f"{name}: wanted a model folder or a name on the hub, got no such folder here, and huggingface_hub is not "
            f"installed; check the path, or install the extra: gpt2[hub]"
        ) from error
    try:
        folder = Path(snapshot_download(name, revision=revision, allow_patterns=_FILES))
    except Exception as error:  # of whichever HTTP library huggingface_hub brings
        said = f"the hub gave none ({type(error).__name__}: {(str(error).strip().splitlines() or [''])[0]})"
        raise OSError(
            f"{name}: wanted a folder here or a model on the hub, got no such folder, and "
            f"{_REASONS.get(type(error).__name__, said)}; check the path or the name, or go online once"
        ) from error
    if not any(folder.glob("*.safetensors")):
        raise ValueError(f"{name}: wanted a repository with safetensors, got one without; pickled weights are not read")
    return folder
