"""Files of datasets on the Hugging Face hub: listed at one commit, downloaded one by one, kept in its cache."""

import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeVar

from workbench import require

from .records import JSONL_SUFFIXES, PARQUET_SUFFIXES

ATTEMPTS = 3
WAIT = 2.0  # seconds before the second attempt, doubled before the third
SPLITS = {"train", "training", "test", "testing", "validation", "valid", "val", "dev", "eval"}
Answer = TypeVar("Answer")
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class DatasetFiles:
    """Chosen files of a dataset at one commit."""

    dataset: str
    commit: str
    names: tuple[str, ...]

    def download(self, name: str) -> Path:
        """Where the file lies; downloaded first where the cache lacks it."""
        download = require("huggingface_hub", "dataio", "hub").hf_hub_download
        options = {"repo_type": "dataset", "revision": self.commit}
        return Path(_asked(f"{name} of {self.dataset}", lambda: download(self.dataset, name, **options)))


def dataset_files(dataset: str, revision: str | None, pattern: str | None, split: str) -> DatasetFiles:
    """List the Parquet and JSON-lines files of a dataset that match the pattern, or else that belong to the split.

    Raises:
        FileNotFoundError, PermissionError, ConnectionError, ValueError: see `stream_dataset`.
    """
    api = require("huggingface_hub", "dataio", "hub").HfApi()
    title = f"dataset {dataset}" + (f" at revision {revision}" if revision else "")
    found = _asked(title, lambda: api.dataset_info(dataset, revision=revision))
    listed = sorted(file.rfilename for file in found.siblings or ())
    readable = [name for name in listed if name.lower().endswith((*PARQUET_SUFFIXES, *JSONL_SUFFIXES))]
    if not readable:
        raise FileNotFoundError(
            f"wanted Parquet or JSON-lines files in {title}, got {_some(listed)}; the hub keeps most datasets as "
            "Parquet at revision refs/convert/parquet: try that"
        )
    chosen = [name for name in readable if fnmatchcase(name, pattern)] if pattern else _of_split(readable, split)
    if not chosen:
        wanted = f"match {pattern!r}" if pattern else f"belong to split {split!r}"
        raise FileNotFoundError(f"wanted files of {title} that {wanted}, got {_some(readable)}; pass files=PATTERN")
    folders = sorted({name.rpartition("/")[0] for name in chosen})
    if not pattern and len(folders) > 1:
        raise ValueError(
            f"wanted one configuration of {title}, got files in folders {_some(folders)}; pass one, such as "
            f"files='{folders[0]}/*', or files='*' for all of them"
        )
    return DatasetFiles(dataset, found.sha, tuple(chosen))


def _of_split(names: list[str], split: str) -> list[str]:
    words = {name: set(re.split(r"[/._-]", name.lower())) for name in names}
    if not any(words[name] & SPLITS for name in names):
        return names if split == "train" else []
    return [name for name in names if split in words[name]]


def _some(names: list[str]) -> str:
    return ", ".join(names[:8]) + (f", … ({len(names)} in all)" if len(names) > 8 else "") if names else "none"


def _asked(what: str, ask: Callable[[], Answer]) -> Answer:
    """Ask the hub, again if need be, and put its refusals in our words."""
    errors: Any = require("huggingface_hub.errors", "dataio", "hub")
    for attempt in range(ATTEMPTS):
        try:
            return ask()
        except errors.HFValidationError as error:
            raise ValueError(f"wanted OWNER/NAME of a dataset, got {what} ({error}); check the name") from error
        except errors.GatedRepoError as error:
            raise PermissionError(
                f"wanted {what}, but its owner asks for consent first; accept the conditions on its page, then "
                "`hf auth login`"
            ) from error
        except errors.RepositoryNotFoundError as error:
            raise FileNotFoundError(
                f"wanted {what} on the hub, but there is none that you may see; check the name, or `hf auth login` "
                "if it is private"
            ) from error
        except errors.RevisionNotFoundError as error:
            raise FileNotFoundError(f"wanted {what} on the hub, but it is not there; check the revision") from error
        except errors.OfflineModeIsEnabled as error:
            raise _unreachable(what, "HF_HUB_OFFLINE is set") from error
        except Exception as error:  # of whichever HTTP library huggingface_hub brings
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            logger.warning("attempt %d of %d to get %s failed: %s", attempt + 1, ATTEMPTS, what, reason)
            if attempt + 1 == ATTEMPTS:
                raise _unreachable(what, f"{type(error).__name__}: {reason}") from error
        time.sleep(WAIT * 2**attempt)
    raise AssertionError("unreachable")


def _unreachable(what: str, reason: str) -> ConnectionError:
    return ConnectionError(
        f"wanted {what}, but the hub cannot be reached ({reason}); go online, or pass stream_text files that you "
        "have: downloaded ones lie in ~/.cache/huggingface/hub/datasets--*/snapshots"
    )
