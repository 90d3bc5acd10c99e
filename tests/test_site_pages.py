"""What .ci/site_pages.py makes of the repository's Markdown; `uv run nox -s site` builds and checks all of it."""

import importlib.util
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The module, in a repository of its own."""
    specification = importlib.util.spec_from_file_location("site_pages", ROOT / ".ci" / "site_pages.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path / "repository")
    (tmp_path / "repository" / "packages" / "one" / "src").mkdir(parents=True)
    return module


def copied(site: ModuleType, place: str, text: str, folder: Path) -> str:
    page = site.ROOT / place
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(text, encoding="utf-8")
    pages = site.Pages(folder / "pages")
    pages.copy(site.PurePosixPath(place))
    pages.write_sources()
    return (folder / "pages" / site.staged(site.PurePosixPath(place))).read_text("utf-8")


def test_links_lead_to_pages_of_sources_folders_and_the_start(site: ModuleType, tmp_path: Path) -> None:
    (site.ROOT / "packages" / "one" / "src" / "x.py").write_text('"""What x is. And more."""\n', encoding="utf-8")
    (site.ROOT / "README.md").write_text("# start\n", encoding="utf-8")
    text = "[a](src/x.py) [b](src) [c](../../README.md#start) [d](https://example.org)\n\n```\n[e](nowhere)\n```\n"
    got = copied(site, "packages/one/README.md", text, tmp_path)
    assert got.startswith(
        "[a](src/x.py.source.md) [b](src/README.source.md) [c](../../index.md#start) [d](https://example.org)"
    )
    assert "[e](nowhere)" in got
    source = (tmp_path / "pages" / "packages" / "one" / "src" / "x.py.source.md").read_text("utf-8")
    assert source.startswith("---\norphan: true\nnosearch: true\n---\n")
    assert '```python\n"""What x is.' in source
    listing = (tmp_path / "pages" / "packages" / "one" / "src" / "README.source.md").read_text("utf-8")
    assert "- [`x.py`](x.py.source.md): What x is.\n" in listing


def test_a_broken_link_and_a_block_that_no_test_runs_are_refused(site: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"one/README.md: wanted a file or folder .*, got the link src/y.py; correct it"
    ):
        copied(site, "packages/one/README.md", "[y](src/y.py)\n", tmp_path)
    with pytest.raises(ValueError, match=r"docs/two.md: wanted Python blocks in README.md alone"):
        copied(site, "docs/two.md", "```python\nassert False\n```\n", tmp_path)


def test_the_picture_of_the_house_becomes_a_table(site: ModuleType) -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    table = site.floors(site.MERMAID.search(page)[1])
    assert "| Layers | `transformer` (blocks and stacks), `attention` (who looks at whom)" in table
    assert "| The common ground | `workbench` (" in table
    assert all(f"`{Path(folder).name}`" in table for folder in folders())


def folders() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "packages/*/pyproject.toml"], cwd=ROOT, text=True, capture_output=True, check=True
    )
    return [str(Path(line).parent) for line in listed.stdout.splitlines()]
