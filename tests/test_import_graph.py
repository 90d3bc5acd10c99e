"""No two modules import each other: not at the top, not inside a function, not for a type, not through a third."""

import ast
import shutil
from collections.abc import Container, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(
    path.parents[1] for path in ROOT.glob("*/*/src/*/__init__.py") if path.parts[-5] in {"packages", "apps"}
)

Graph = dict[str, set[str]]  # a module by its whole name, and the modules that it imports


def graph_of(sources: list[Path]) -> Graph:
    """Which modules import which, over folders that hold packages. A face counts as importing what its stub names."""
    files: dict[str, list[Path]] = {}
    for source in sources:
        for path in sorted([*source.rglob("*.py"), *source.rglob("__init__.pyi")]):
            name = ".".join(path.relative_to(source).with_suffix("").parts).removesuffix(".__init__")
            files.setdefault(name, []).append(path)
    return {
        name: {module for path in paths for module in imports(path, name, files.keys())}
        for name, paths in files.items()
    }


def imports(path: Path, name: str, known: Container[str]) -> Iterator[str]:
    """The known modules that a file imports, wherever in it; the folders above them do not count."""
    folder = name if path.stem == "__init__" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            above = folder.split(".")[: len(folder.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                full = f"{module}.{alias.name}"
                found = full if full in known else module
                if found in known and not (found == name and path.suffix == ".pyi"):
                    yield found


def circles(graph: Graph) -> list[list[str]]:
    """A shortest way from a module back to itself, once for every set of modules that reach each other."""
    found: list[list[str]] = []
    for start in sorted(graph):
        if any(start in circle for circle in found):
            continue
        ways = [[start]]
        seen: set[str] = set()
        while ways:
            way = ways.pop(0)
            if start in graph[way[-1]]:
                found.append([*way, start])
                break
            for following in sorted(graph[way[-1]] - seen):
                seen.add(following)
                ways.append([*way, following])
    return found


def told(graph: Graph) -> list[str]:
    return [" -> ".join(circle) for circle in circles(graph)]


def test_there_is_no_circle_in_the_house() -> None:
    graph = graph_of(SOURCES)
    assert len(graph) > 300
    assert "dataio.order" in graph["dataio.loader"]
    assert not told(graph)


@pytest.mark.parametrize(
    "planted",
    [
        "from .loader import Batches",
        "from dataio.loader import Batches",
        "from . import loader",
        "import dataio.loader",
        "def later():\n    from .loader import Batches",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .loader import Batches",
        "import dataio",
        "from dataio import Batches",
    ],
)
def test_a_planted_circle_is_found(planted: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "packages" / "dataio" / "src", tmp_path / "src")
    assert not told(graph_of([tmp_path / "src"]))
    with (tmp_path / "src" / "dataio" / "permutation.py").open("a", encoding="utf-8") as file:
        file.write(f"\n{planted}\n")
    found = told(graph_of([tmp_path / "src"]))
    assert len(found) >= 1
    assert "dataio.permutation" in found[0]


def test_a_longer_way_round_is_found_too() -> None:
    assert told({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == ["a -> b -> c -> a"]
    assert not told({"a": {"b", "c"}, "b": {"c"}, "c": set()})
    assert told({"a": {"a"}}) == ["a -> a"]
