"""What a package shows of itself."""

import importlib
import importlib.metadata
import pydoc

import pytest

import workbench


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of one module that is not installed."""
    folder = tmp_path / "stranger"
    folder.mkdir()
    (folder / "__init__.py").write_text(
        "'''A stranger.'''\nfrom workbench import face\n__getattr__, __dir__, __all__ = face(__name__, __file__)\n"
    )
    (folder / "__init__.pyi").write_text("from .inner import shout as shout\n\n__version__: str\n")
    (folder / "inner.py").write_text("def shout(word: str) -> str:\n    '''Loudly.'''\n    return word.upper()\n")
    monkeypatch.syspath_prepend(tmp_path)
    return importlib.import_module("stranger")


def test_names_are_listed_before_they_are_loaded_and_are_what_they_are_called(package):
    assert [name for name in dir(package) if not name.startswith("__")] == ["shout"] == package.__all__
    assert {"__version__", "__doc__", "__name__", "__path__"} <= set(dir(package))
    assert package.shout("a") == "A"
    assert "shout(word: str) -> str" in pydoc.render_doc(package, renderer=pydoc.plaintext)
    with pytest.raises(AttributeError):
        package.whisper  # noqa: B018


def test_what_is_not_installed_has_no_version_and_says_so(package):
    assert not hasattr(package, "__version__")
    with pytest.raises(AttributeError, match=r"^wanted the version of stranger, but it is not installed"):
        package.__version__  # noqa: B018


def test_ours_has_the_version_of_its_distribution():
    assert workbench.__version__ == importlib.metadata.version("workbench")
