"""The face of a package: its public names, loaded on first use, so that to import it costs next to nothing."""

import sys
from collections.abc import Callable
from typing import Any

import lazy_loader


def face(package: str, file: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """`__getattr__`, `__dir__` and `__all__` of a package, as in `face(__name__, __file__)`.

    The names are those of the stub `__init__.pyi` beside `file`, each written once, as `from .module import name as
    name`. `__version__` is that of the installed distribution, asked for when somebody wants it; `dir` lists both.
    """
    named, _, names = lazy_loader.attach_stub(package, file)

    def getter(name: str) -> Any:
        return version_of(package) if name == "__version__" else named(name)

    def lister() -> list[str]:
        own = (name for name in vars(sys.modules[package]) if name.startswith("__"))
        return sorted({*own, *names, "__version__"})

    return getter, lister, names


def version_of(package: str) -> str:
    """The version of the distribution of that name; AttributeError where only its files are there."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        raise AttributeError(
            f"wanted the version of {package}, but it is not installed, only its files are; install it"
        ) from None
