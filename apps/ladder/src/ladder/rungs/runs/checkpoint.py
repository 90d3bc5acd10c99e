"""A checkpoint that survives.

A run of hours writes its weights to disk now and then, over the old ones. If the machine dies in the middle of that,
the file holds half of the new weights and nothing of the old. So never write over what you may still need: write beside
it, and when all is there, give the new file the old name. Renaming is one step for the file system: afterwards a reader
finds all of the new content, or all of the old.

One more trap: what you write stays in memory for a while. Whoever renames before the content is on the disk may find,
after a power cut, a file with the right name and nothing in it. `os.fsync` waits until it is there.

Write `save`: at any moment `path` holds the old content or the new one, whole.
"""

import os
from pathlib import Path


def save(path: Path, content: bytes) -> None:
    """Write `content` to `path`, which may exist. A file beside it, in the same folder, may be used on the way."""
    # hole
    # hint: Open another name in the same folder, such as path.with_name(path.name + ".part"), in mode "wb".
    # hint: Inside `with open(...) as file:` write, file.flush(), and os.fsync(file.fileno()).
    # hint: After the with block: os.replace(aside, path), which also replaces a file that is there.
    aside = path.with_name(path.name + ".part")
    with open(aside, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(aside, path)
    # end
