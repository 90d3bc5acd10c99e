"""The page about the house tells the truth: its picture, its reading path, and what it says about a new schedule."""

import importlib.util
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
specification = importlib.util.spec_from_file_location("reading_path", ROOT / ".ci" / "reading_path.py")
reading_path = importlib.util.module_from_spec(specification)
specification.loader.exec_module(reading_path)


def declared() -> dict[str, set[str]]:
    """What each member asks of others, extras included."""
    found = {}
    for path in [*ROOT.glob("packages/*/pyproject.toml"), *ROOT.glob("apps/*/pyproject.toml")]:
        project = tomllib.loads(path.read_text("utf-8"))["project"]
        asked = sum(project.get("optional-dependencies", {}).values(), list(project["dependencies"]))
        found[path.parent.name] = {re.match(r"[\w-]+", requirement)[0].replace("-", "_") for requirement in asked}
    return {name: (asked & found.keys()) - {name} for name, asked in found.items()}


def below(name: str, asked: dict[str, set[str]]) -> set[str]:
    return asked[name].union(*(below(other, asked) for other in asked[name]))


def test_the_picture_shows_the_longest_ways_and_no_others() -> None:
    asked = declared()
    longest = {
        (name, other)
        for name in asked
        for other in asked[name]
        if not any(other in below(between, asked) for between in asked[name])
    }
    picture = re.search(r"```mermaid\n(.*?)```", PAGE, re.DOTALL)[1]
    assert set(re.findall(r"^ +(\w+) --> (\w+)$", picture, re.MULTILINE)) == longest
    assert asked.keys() <= set(re.findall(r"\w+", picture))


@pytest.mark.parametrize(
    "package", sorted(path.name for path in (ROOT / "packages").iterdir() if (path / "src").exists())
)
def test_the_reading_path_names_every_module_at_the_top(package: str) -> None:
    read, looked_up = reading_path.PATH[package]
    top = {path.stem for path in (ROOT / "packages" / package / "src" / package).glob("*.py")} - {
        "__init__",
        "__main__",
    }
    assert top == {name for name in (*read, *looked_up) if "/" not in name}
    assert not set(read) & set(looked_up)


def test_the_table_is_that_of_the_tree_within_a_tenth() -> None:
    begin, end = PAGE.index(reading_path.BEGIN), PAGE.index(reading_path.END)
    written = PAGE[begin + len(reading_path.BEGIN) : end].strip().splitlines()
    counted = [row.strip() for row in reading_path.table()]
    assert without_figures(written) == without_figures(counted), "python3 .ci/reading_path.py writes it again"
    for old, new in zip(figures(written), figures(counted), strict=True):
        assert abs(old - new) <= 0.1 * new, f"{old} lines are {new} now: python3 .ci/reading_path.py writes them again"


def figures(rows: list[str]) -> list[int]:
    return [int(row.split("|")[3].replace(",", "")) for row in rows[2:]]


def without_figures(rows: list[str]) -> list[str]:
    return [re.sub(r"\| [\d,]+ \| \d+ \|", "|", row) for row in rows]
