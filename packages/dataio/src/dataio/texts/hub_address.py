"""Addresses of datasets on the Hugging Face hub, as its own file system and other tools write them."""

import re
from urllib.parse import unquote

_ADDRESS = re.compile(
    r"hf://datasets/(?P<name>[\w.-]+/[\w.-]+)(@(?P<revision>refs/(convert|pr)/[^/]+|[^/]+))?(/(?P<files>.+))?"
)


def parse_address(address: str) -> tuple[str, str | None, str | None]:
    """Take `hf://datasets/OWNER/NAME[@REVISION][/PATTERN]` apart: name, revision, pattern.

    A `/` within a revision is written `%2F`, but for `refs/convert/…` and `refs/pr/…`. A pattern that ends in no suffix
    is a folder.

    Raises:
        ValueError: the address has another form.
    """
    match = _ADDRESS.fullmatch(address.rstrip("/"))
    if match is None:
        raise ValueError(
            f"wanted hf://datasets/OWNER/NAME[@REVISION][/PATTERN], got {address!r}; "
            "copy owner and name from the dataset's page"
        )
    files = match["files"]
    if files and "." not in files.rsplit("/", 1)[-1] and "*" not in files:
        files += "/*"
    return match["name"], unquote(match["revision"]) if match["revision"] else None, files
