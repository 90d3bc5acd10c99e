"""`ladder lesson`: a package's lesson, here or as a notebook."""

from workbench import write_text

from .. import notebooks
from .settings import Lesson


def lesson(settings: Lesson) -> int:
    """Print it, or write the notebook. ValueError rather than overwrite anything."""
    text = notebooks.lesson(settings.name)
    if settings.notebook is None:
        print(text.rstrip())
        return 0
    path = settings.notebook
    if path.suffix != ".ipynb":
        raise ValueError(f"--notebook: wanted a file that ends in .ipynb, got {path}; name it {path.stem}.ipynb")
    if path.exists():
        raise ValueError(f"--notebook: wanted a file that is not there yet, got {path}; name another")
    write_text(path, notebooks.as_file(text))
    print(f"{path}: the lesson of {settings.name}, to open with Jupyter")
    return 0
